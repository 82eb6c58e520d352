/** Rules that take packets past connection tracking (notrack) or past the whole ruleset (flowtables). */
import type { Chain, Rule, RulesetDocument, Statement } from '../sources/nftables/ruleset-document.ts'
import { property, textProperty } from '../sources/nftables/ruleset-document.ts'
import type { PostureCheck, PostureResult } from './check.ts'
import { isGateway } from './posture-view.ts'

/** Evidence lines of one finding. */
const LINES_MAX = 20

const NO_RULESET: PostureResult = {
  kind: 'not-checked',
  reason:
    'No ruleset is known: live it takes root to list it, in a capture it stands in ruleset.json or ruleset.snapshots.',
}

export const conntrackNotrack: PostureCheck = {
  id: 'conntrack-notrack',
  title: 'Rules that keep packets out of connection tracking',
  description:
    'A rule with notrack takes packets out of connection tracking: they are in no flow, `ct state new` does not match them, and nothing says how many bytes they carried.',
  severity: 2,
  attack: [],
  origin: 'posture',
  area: 'Connection tracking',
  knownGaps: [
    'Whether packets of a tunnel meet the rule is told only where it names interfaces.',
    'The raw table of iptables-legacy is not in the ruleset.',
  ],
  look: (machine, view) => {
    if (!isGateway(machine, view)) return []
    if (machine.ruleset === null) return [NO_RULESET]
    const places = rulesWith(machine.ruleset, isNotrack)
    if (places.length === 0) return [{ kind: 'passed', text: 'No rule keeps packets out of connection tracking.' }]
    return [
      {
        kind: 'finding',
        subject: 'notrack',
        text: `${places.length === 1 ? 'A rule keeps' : `${places.length} rules keep`} packets out of connection tracking.`,
        evidence: shown(places),
        mend: places.map(deleteRule).slice(0, LINES_MAX),
        about: {},
        exception: null,
      },
    ]
  },
}

export const conntrackOffload: PostureCheck = {
  id: 'conntrack-offload',
  title: 'Flowtables that take packets past the ruleset',
  description:
    'A flowtable forwards packets of a known connection before any rule sees them. The beginning is logged; the counters of the flow lag behind, or stand still where a network card does the work.',
  severity: 1,
  attack: [],
  origin: 'posture',
  area: 'Connection tracking',
  knownGaps: ['Whether the counters of offloaded flows are right depends on the driver, and is not looked at.'],
  look: (machine, view) => {
    if (!isGateway(machine, view)) return []
    if (machine.ruleset === null) return [NO_RULESET]
    const places = rulesWith(machine.ruleset, isOffload)
    if (places.length === 0) return [{ kind: 'passed', text: 'No flowtable takes packets past the ruleset.' }]
    return [
      {
        kind: 'finding',
        subject: 'offload',
        text: `${places.length === 1 ? 'A rule hands' : `${places.length} rules hand`} connections to a flowtable, past all other rules.`,
        evidence: shown(places),
        mend: places.map(deleteRule).slice(0, LINES_MAX),
        about: {},
        exception: null,
      },
    ]
  },
}

type Place = { readonly chain: Chain; readonly rule: Rule }

function rulesWith({ chains }: RulesetDocument, holds: (statement: Statement) => boolean): Place[] {
  const asked = [...chains.values()].filter((chain) => !chain.isDormant)
  return asked.flatMap((chain) =>
    chain.rules.filter((rule) => rule.statements.some(holds)).map((rule) => ({ chain, rule })),
  )
}

/** `notrack`, and the target CT --notrack or NOTRACK that iptables-nft writes, whose options the listing does not show. */
function isNotrack({ name, body }: Statement): boolean {
  return name === 'notrack' || (name === 'xt' && textProperty(body, 'name') === 'NOTRACK')
}

/** `flow add @ft`, in JSON {"flow": {"op": "add", "flowtable": "@ft"}}. */
function isOffload({ name, body }: Statement): boolean {
  if (name === 'flow') return property(body, 'flowtable') !== undefined
  return name === 'xt' && textProperty(body, 'name') === 'FLOWOFFLOAD'
}

function shown(places: readonly Place[]): string[] {
  const lines = places.map(({ chain, rule }) => {
    const comment = rule.comment === '' ? '' : ` (${rule.comment})`
    return `${chain.family} ${chain.table} ${chain.name} handle ${rule.handle || '?'}${comment}`
  })
  const left = lines.length - LINES_MAX
  return left > 0 ? [...lines.slice(0, LINES_MAX), `and ${left} more`] : lines
}

/** Names in a ruleset are words of nft; any other is left to people. */
function deleteRule({ chain, rule }: Place): string {
  const names = [chain.family, chain.table, chain.name]
  const isPlain = rule.handle !== '' && names.every((name) => /^[\w./-]+$/.test(name))
  return isPlain
    ? `nft delete rule ${names.join(' ')} handle ${rule.handle}   # and in the file the ruleset is loaded from`
    : '# take the rule out of the file the ruleset is loaded from'
}
