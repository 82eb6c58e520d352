/**
 * Names that auditd resolved (`log_format = ENRICHED`): `ARCH=x86_64 SYSCALL=connect AUID="alice" UID="root" SUID="unknown(1002)"`.
 *
 * Authority: src/auditd-event.c format_enrich of audit-userspace: the key is the field's, in upper case. They are the daemon's view
 * of its user database when it wrote, and text of others can move them (formats.md 3.8, traps 3 and 7): names to show, never to
 * decide by.
 */
import { plainText } from './encoding.ts'
import { fieldValue, nextField, walkFields } from './kernel-fields.ts'

/** Names kept of one record. */
const NAMES_MAX = 32
const NO_NAMES: ReadonlyMap<string, string> = new Map()
const UPPER = /^[A-Z][A-Z\d_-]*$/

/** Names by lower-case key, of keys for which `isField` holds. Of a key that repeats the first counts. */
export function enrichedNames(enriched: string, isField: (key: string) => boolean): ReadonlyMap<string, string> {
  if (enriched === '') return NO_NAMES
  const names = new Map<string, string>()
  const seen: string[] = []
  const walk = walkFields(enriched)
  while (seen.length < NAMES_MAX && nextField(walk)) {
    if (seen.includes(walk.key)) continue
    seen.push(walk.key)
    const name = plainText(fieldValue(walk))
    if (!isName(name) || !UPPER.test(walk.key)) continue
    const key = walk.key.toLowerCase()
    if (isField(key)) names.set(key, name)
  }
  return names
}

/** Not `unset`, `unknown(1002)`, `unknown-syscall(-1)`, nor the `{ … }` of addresses. */
function isName(text: string): boolean {
  return text !== '' && text !== 'unset' && !text.startsWith('unknown') && !text.startsWith('{')
}
