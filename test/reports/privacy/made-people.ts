/** People, devices and addresses as readPersonalTexts finds them, made up. */
import type { PersonalKind } from '../../../src/reports/privacy/personal-fields.ts'
import type { PersonalTexts } from '../../../src/reports/privacy/personal-texts.ts'

export const SECRET = Buffer.alloc(32, 7)
export const OTHER_SECRET = Buffer.alloc(32, 8)

export function madePeople(
  texts: { readonly [kind in PersonalKind]?: readonly string[] },
  more: Partial<Omit<PersonalTexts, 'texts'>> = {},
): PersonalTexts {
  // Keys of an object literal typed by PersonalKind.
  const entries = Object.entries(texts) as [PersonalKind, readonly string[]][]
  return { people: [], tunnels: [], fixed: [], ...more, texts: new Map(entries.map(([k, v]) => [k, [...v].sort()])) }
}
