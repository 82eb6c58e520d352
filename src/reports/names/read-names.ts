/** Names out of the records: the newest inventory, and how its versions differ about the past. */
import type { EventReader } from '../../store/event-reader.ts'
import type { Names, NamesMode } from './names.ts'

/** Throws AppError of the reader. */
export function readNames(_reader: EventReader, mode: NamesMode): Promise<Names> {
  return Promise.resolve({ mode, inventory: '', known: [], at: () => null, backdated: [] })
}
