/** Flowtables: packets of known connections go past the ruleset. */
import { property, type Statement, textProperty } from '../sources/nftables/ruleset-document.ts'
import type { PostureCheck } from './check.ts'
import { NO_RULESET, ruleDeletions, ruleLines, rulesWith } from './conntrack-rules.ts'
import { isGateway } from './posture-view.ts'

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
        evidence: ruleLines(places),
        mend: ruleDeletions(places),
        about: {},
        exception: null,
      },
    ]
  },
}

/** `flow add @ft`, in JSON {"flow": {"op": "add", "flowtable": "@ft"}}. */
function isOffload({ name, body }: Statement): boolean {
  if (name === 'flow') return property(body, 'flowtable') !== undefined
  return name === 'xt' && textProperty(body, 'name') === 'FLOWOFFLOAD'
}
