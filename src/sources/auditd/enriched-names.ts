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
/** `unset`, `unknown(1002)`, `unknown-syscall(-1)`, and `{ … }` of addresses. */
const NO_NAME = /^(?:unset$|unknown|\{)/

/** Names by lower-case key, of keys for which `isField` holds. Of a key that repeats the first counts. */
export function enrichedNames(enriched: string, isField: (key: string) => boolean): ReadonlyMap<string, string> {
  if (enriched === '') return NO_NAMES
  const names = new Map<string, string>()
  const seen = new Set<string>()
  const walk = walkFields(enriched)
  while (seen.size < NAMES_MAX && nextField(walk)) {
    if (seen.has(walk.key)) continue
    seen.add(walk.key)
    const name = plainText(fieldValue(walk))
    if (name === '' || NO_NAME.test(name) || !UPPER.test(walk.key)) continue
    const key = walk.key.toLowerCase()
    if (isField(key)) names.set(key, name)
  }
  return names
}
