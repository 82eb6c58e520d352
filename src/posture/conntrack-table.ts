/** Room in the table of connections: what does not fit into it is dropped, and in no flow. */
import { isKnown } from '../sources/hostfacts/facts.ts'
import type { PostureCheck } from './check.ts'
import { NO_FACTS } from './host-facts.ts'
import { isGateway } from './posture-view.ts'

/** Percent. The kernel drops new connections at 100, and drops old ones early before. */
export const TABLE_USED_MAX = 90

export const conntrackTable: PostureCheck = {
  id: 'conntrack-table',
  title: 'Table of connections nearly full',
  description:
    'When the table of connections is full the kernel drops packets of new ones ("nf_conntrack: table full"): peers are cut off, and nothing of it becomes a flow.',
  severity: 3,
  attack: [],
  origin: 'posture',
  area: 'Connection tracking',
  knownGaps: ['The table is looked at when facts are gathered, once an hour: a short flood between does not show.'],
  look: (machine, view) => {
    if (!isGateway(machine, view)) return []
    if (machine.facts === null) return [NO_FACTS]
    const { sysctls } = machine.facts
    const [count, max] = [sysctls['net.netfilter.nf_conntrack_count'], sysctls['net.netfilter.nf_conntrack_max']]
    const number = (value: typeof count) => (value !== undefined && isKnown(value) ? Number(value) : Number.NaN)
    const used = Math.floor((number(count) / number(max)) * 100)
    if (!Number.isFinite(used))
      return [{ kind: 'not-checked', reason: 'How full the table of connections is is not known.' }]
    const evidence = [`nf_conntrack_count = ${number(count)}`, `nf_conntrack_max = ${number(max)}`]
    if (used < TABLE_USED_MAX) return [{ kind: 'passed', text: `The table of connections is ${used} % full.` }]
    return [
      {
        kind: 'finding',
        subject: 'table',
        text: `The table of connections is ${used} % full: ${number(count)} of ${number(max)}.`,
        evidence,
        mend: [
          `sysctl -w net.netfilter.nf_conntrack_max=${number(max) * 2}`,
          '# and the same in a file of /etc/sysctl.d',
        ],
        about: {},
        exception: null,
      },
    ]
  },
}
