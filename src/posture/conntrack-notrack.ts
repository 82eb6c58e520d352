/** Rules that keep packets out of connection tracking. */
import { type Statement, textProperty } from '../sources/nftables/ruleset-document.ts'
import type { PostureCheck } from './check.ts'
import { NO_RULESET, ruleDeletions, ruleLines, rulesWith } from './conntrack-rules.ts'
import { isGateway } from './posture-view.ts'

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
    'Whether packets of a tunnel meet the rule is not looked at.',
    'The raw table of iptables-legacy is not in the ruleset, and of the target CT of iptables-nft the options are not.',
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
        evidence: ruleLines(places),
        mend: ruleDeletions(places),
        about: {},
        exception: null,
      },
    ]
  },
}

function isNotrack({ name, body }: Statement): boolean {
  return name === 'notrack' || (name === 'xt' && textProperty(body, 'name') === 'NOTRACK')
}
