/** Rules of a ruleset that have a statement of some kind, as evidence and with the command that takes them out. */
import type { Chain, Rule, RulesetDocument, Statement } from '../sources/nftables/ruleset-document.ts'
import type { PostureResult } from './check.ts'

/** Evidence lines of one finding. */
const LINES_MAX = 20

export const NO_RULESET: PostureResult = {
  kind: 'not-checked',
  reason:
    'No ruleset is known: live it takes root to list it, in a capture it stands in ruleset.json or ruleset.snapshots.',
}

export type RulePlace = { readonly chain: Chain; readonly rule: Rule }

/** In document order; tables that are switched off left out. */
export function rulesWith({ chains }: RulesetDocument, holds: (statement: Statement) => boolean): RulePlace[] {
  const asked = [...chains.values()].filter((chain) => !chain.isDormant)
  return asked.flatMap((chain) =>
    chain.rules.filter((rule) => rule.statements.some(holds)).map((rule) => ({ chain, rule })),
  )
}

/** `inet filter forward handle 12 (its comment)`, at most LINES_MAX. */
export function ruleLines(places: readonly RulePlace[]): string[] {
  const lines = places.map(({ chain, rule }) => {
    const comment = rule.comment === '' ? '' : ` (${rule.comment})`
    return `${chain.family} ${chain.table} ${chain.name} handle ${rule.handle || '?'}${comment}`
  })
  const left = lines.length - LINES_MAX
  return left > 0 ? [...lines.slice(0, LINES_MAX), `and ${left} more`] : lines
}

/** Names that are no plain words of nft are left to people. */
export function ruleDeletions(places: readonly RulePlace[]): string[] {
  const commands = places.slice(0, LINES_MAX).map(({ chain, rule }) => {
    const names = [chain.family, chain.table, chain.name]
    const isPlain = rule.handle !== '' && names.every((name) => /^\w[\w./-]*$/.test(name))
    return isPlain
      ? `nft delete rule ${names.join(' ')} handle ${rule.handle}`
      : '# delete the rule without a handle by hand'
  })
  return [...commands, '# and take it out of the file the ruleset is loaded from']
}
