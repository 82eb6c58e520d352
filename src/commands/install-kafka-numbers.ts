/** Numbers of `install kafka`. */
import { AppError } from '../errors.ts'
import { quoted } from '../safe-text.ts'

/** Of a topic. Each partition of ours is a correlator's whole state: thousands of machines need hundreds. */
const COUNT_MAX = 1_000

/** Null = not given. Throws AppError `usage`. */
export function parseCount(option: '--partitions' | '--replicas', text: string): number | null {
  if (text === '') return null
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (count >= 1 && count <= COUNT_MAX) return count
  throw new AppError('usage', `${option}: expected a whole number from 1 to ${COUNT_MAX}, found ${quoted(text)}`, {
    advice: 'Leave it out for what is usual.',
  })
}
