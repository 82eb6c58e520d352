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
    const off = values.flatMap(({ name, value, without, severity }) =>
      typeof value === 'string' && isOff(name, value) ? [{ name, value, without, severity }] : [],
    )
    const results = off.length === 0 ? [] : [toFinding(off.map(withListening))]
    const known: PostureResult[] = unknown.map(({ name }) => ({
      kind: 'not-checked',
      reason: `${PREFIX}${name} is not known.`,
    }))
    if (results.length + known.length > 0) return [...results, ...known]
    return [{ kind: 'passed', text: 'Connection tracking counts, dates and reports connections.' }]
  },
}

type Off = Setting & { readonly value: string }

function withListening(off: Off): Off {
  return off.value === EVENTS_WHILE_LISTENED
    ? { ...off, severity: 1, without: 'connections that began while nobody listened have no events later' }
    : off
}

function toFinding(off: readonly Off[]): PostureResult {
  return {
    kind: 'finding',
    subject: 'settings',
    severity: off.map(({ severity }) => severity).toSorted((a, b) => b - a)[0] ?? 2,
    text: `${off.map(({ name, value }) => `${name} is ${value}`).join(', ')}: ${off.map(({ without }) => without).join('; ')}.`,
    evidence: off.map(({ name, value }) => `${PREFIX}${name} = ${value}`),
    mend: [
      ...off.map(({ name }) => `sysctl -w ${PREFIX}${name}=1`),
      'install -m 0644 deploy/sysctl/60-peertrail.conf /etc/sysctl.d/',
    ],
    about: {},
    exception: null,
  }
}

function isOff(name: string, value: string): boolean {
  return name === 'nf_conntrack_events' ? value !== '1' : value === '0'
}
