/** PEER on the command line where no document names it: peers that the newest inventory of the records lists. Nothing recorded is an answer. */
import { readNames } from '../reports/names/read-names.ts'
import type { EventReader } from '../store/event-reader.ts'
import type { SelectedPeers } from './peer-selector.ts'

/** Shorter beginnings of a key are names or mistakes. */
const KEY_START_MIN = 4

/** By name, key, owner or the beginning of one key, in this order; null where the inventory knows none. Throws AppError of the reader. */
export async function documentedPeers(reader: EventReader, text: string): Promise<SelectedPeers | null> {
  const { known } = await readNames(reader, 'as-known-now')
  const same = (value: string) => value !== '' && value.toLowerCase() === text.toLowerCase()
  const starting = known.filter(({ publicKey }) => text.length >= KEY_START_MIN && publicKey.startsWith(text))
  const isOneKey = new Set(starting.map(({ publicKey }) => publicKey)).size === 1
  const tries = [
    { by: 'name', found: known.filter(({ name }) => name !== '' && name === text) },
    { by: 'key', found: known.filter(({ publicKey }) => publicKey === text) },
    { by: 'e-mail', found: known.filter(({ ownerEmail, ownerName }) => same(ownerEmail) || same(ownerName)) },
    { by: 'key', found: isOneKey ? starting : [] },
  ] as const
  const hit = tries.find(({ found }) => found.length > 0)
  const last = hit?.found.at(-1)
  if (hit === undefined || last === undefined) return null
  const device = last.device === '' ? last.name : `${last.name} (${last.device})`
  const owner = last.ownerName === '' ? last.ownerEmail : `${last.ownerName} <${last.ownerEmail}>`
  return {
    by: hit.by,
    label: hit.by === 'e-mail' ? owner : device,
    keys: [...new Set(hit.found.map(({ publicKey }) => publicKey))],
    emails: [...new Set(hit.found.map(({ ownerEmail }) => ownerEmail))].filter((email) => email !== '').sort(),
  }
}
