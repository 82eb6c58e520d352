/** Connection tracking that counts, dates and reports connections. */

import type { Severity } from '../finding-document.ts'
import { isKnown } from '../sources/hostfacts/facts.ts'
import type { PostureCheck, PostureResult } from './check.ts'
import { NO_FACTS } from './host-facts.ts'
import { isGateway } from './posture-view.ts'

type Setting = { readonly name: string; readonly without: string; readonly severity: Severity }

const SETTINGS: readonly Setting[] = [
  { name: 'nf_conntrack_acct', without: 'flows have no bytes and packets', severity: 2 },
  {
    name: 'nf_conntrack_timestamp',
    without: 'the true start and end of flows are not told: an end shows up to a minute late',
    severity: 2,
  },
  { name: 'nf_conntrack_events', without: 'connections are not reported as they begin and end', severity: 3 },
]
const PREFIX = 'net.netfilter.'
/** 1: always; 2, the default of newer kernels: while somebody listens. */
const EVENTS_WHILE_LISTENED = '2'

export const conntrackSettings: PostureCheck = {
  id: 'conntrack-settings',
  title: 'Connection tracking that leaves something out',
  description:
    'Flows come from connection tracking. Without accounting they have no bytes, without timestamps no true times, without events there are none.',
  severity: 2,
  attack: [],
  origin: 'posture',
  area: 'Connection tracking',
  knownGaps: [
    'What is set now need not have been set when a connection began: accounting and timestamps count from then.',
    'Settings of other network namespaces are not looked at.',
  ],
  look: (machine, view) => {
    if (!isGateway(machine, view)) return []
    if (machine.facts === null) return [NO_FACTS]
    const { sysctls } = machine.facts
    const values = SETTINGS.map((setting) => ({ ...setting, value: sysctls[PREFIX + setting.name] }))
    const unknown = values.filter(({ value }) => value === undefined || !isKnown(value))
    if (unknown.length === values.length)
      return [
        {
          kind: 'not-checked',
          reason:
            'The settings of connection tracking are not there: nf_conntrack is not loaded, or the facts were gathered without them.',
        },
      ]
    const off = values.filter(({ name, value }) => typeof value === 'string' && isOff(name, value))
    const results = off.map(({ name, value, without, severity }): PostureResult => {
      const shown = typeof value === 'string' ? value : ''
      return {
        kind: 'finding',
        subject: name,
        severity: name === 'nf_conntrack_events' && shown === EVENTS_WHILE_LISTENED ? 1 : severity,
        text:
          shown === EVENTS_WHILE_LISTENED
            ? `${name} is 2: connections that began while nobody listened have no events later.`
            : `${name} is ${shown}: ${without}.`,
        evidence: [`${PREFIX}${name} = ${shown}`],
        mend: [`sysctl -w ${PREFIX}${name}=1`, 'install -m 0644 deploy/sysctl/60-peertrail.conf /etc/sysctl.d/'],
        about: {},
        exception: null,
      }
    })
    for (const { name } of unknown) results.push({ kind: 'not-checked', reason: `${PREFIX}${name} is not known.` })
    if (results.length > 0) return results
    return [{ kind: 'passed', text: 'Connection tracking counts, dates and reports connections.' }]
  },
}

function isOff(name: string, value: string): boolean {
  return name === 'nf_conntrack_events' ? value !== '1' : value === '0'
}
