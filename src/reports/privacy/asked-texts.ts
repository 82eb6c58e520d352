/** Whom a report was asked about: the question names them, whether the records do or not. */
import { canonicalAddress } from '../../address.ts'
import { createPrefixIndex } from '../../identity/prefix-index.ts'
import { compareText } from '../../kql/text-match.ts'
import { foldText } from './folded-text.ts'
import { type PersonalKind, SYSTEM_ACCOUNTS } from './personal-fields.ts'
import type { PersonalTexts } from './personal-texts.ts'

export type AskedText = { readonly kind: 'peer' | 'person'; readonly text: string }

/** The same people, and those who were asked for and are nobody of them. What names a machine, or the beginning of a key, is not added. */
export function withAskedTexts(people: PersonalTexts, asked: readonly AskedText[]): PersonalTexts {
  if (asked.length === 0) return people
  const known = new Set([...people.texts.values(), people.machines ?? []].flatMap((texts) => texts.map(folded)))
  const keys = people.texts.get('key') ?? []
  const servers = createPrefixIndex(people.fixed.map((prefix) => [prefix, prefix] as const))
  const more = new Map<PersonalKind, string[]>()
  for (const { kind, text } of asked) {
    const address = canonicalAddress(text)
    if (address !== null) {
      if (servers.covering(address).length === 0) more.set('endpoint', [...(more.get('endpoint') ?? []), address])
    } else if (
      text !== '' &&
      !known.has(folded(text)) &&
      !SYSTEM_ACCOUNTS.has(text.toLowerCase()) &&
      !keys.some((key) => key.startsWith(text))
    )
      more.set(kind, [...(more.get(kind) ?? []), text])
  }
  const texts = new Map(people.texts)
  for (const [kind, added] of more)
    texts.set(kind, [...new Set([...(texts.get(kind) ?? []), ...added])].sort(compareText))
  return { ...people, texts }
}

/** As known-texts.ts finds names. */
function folded(text: string): string {
  return foldText(text).text.trim()
}
