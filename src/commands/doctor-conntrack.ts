/** Judges connection tracking: without it flows have no end, no bytes, no outcome and no NAT. */
import { isKnown } from '../sources/hostfacts/facts.ts'
import type { Finding, Judgement } from './finding.ts'
import type { MachineFacts } from './machine-facts.ts'
import { installCommand, SYSCTL_COMMANDS } from './mend-commands.ts'

/** Settings that have to be 1, and what documents lack otherwise. */
const SETTINGS: readonly (readonly [name: string, without: string])[] = [
  ['nf_conntrack_acct', 'bytes and packets of flows'],
  ['nf_conntrack_timestamp', 'the true end of flows: it is told up to a minute late'],
  ['nf_conntrack_events', 'flows that began while nobody listened, and with 0 all of them'],
]

/** Our own `--buffer-size` (design 8.3) is 16 MiB; conntrack sets it by force where it may. */
const BUFFER_WANTED = 16 * 1024 * 1024

/** `Connection tracking`. */
export function judgeConntrack(facts: MachineFacts): Judgement {
  const area = 'Connection tracking'
  const { host, family, wireguard, isNetAdmin } = facts
  if (wireguard.names.length === 0) return { area, wells: [], findings: [] }
  const findings: Finding[] = []
  if (host.programs['conntrack'] === '')
    findings.push({
      id: 'no-conntrack',
      severity: 'missing',
      what: 'The program conntrack is not installed.',
      consequence: 'There are no flows: no end, no bytes, no outcome, no address translation undone.',
      mend: [installCommand(family, 'conntrack')],
    })
  findings.push(...moduleFindings(facts), ...settingFindings(facts))
  const rmem = host.sysctls['net.core.rmem_max']
  // With CAP_NET_ADMIN conntrack takes the buffer by force (SO_RCVBUFFORCE); without it the kernel cuts it silently.
  if (!isNetAdmin && rmem !== undefined && isKnown(rmem) && Number(rmem) < BUFFER_WANTED)
    findings.push({
      id: 'small-buffer',
      severity: 'advice',
      what: `net.core.rmem_max is ${rmem}: a reader without CAP_NET_ADMIN gets no larger buffer.`,
      consequence:
        'A burst of connections overflows it, and events are lost. The unit in deploy/systemd has the capability.',
      mend: [`sysctl -w net.core.rmem_max=${BUFFER_WANTED}`],
    })
  const isSet = !findings.some(({ id }) => id === 'conntrack-settings' || id === 'conntrack-not-loaded')
  return {
    area,
    wells: [
      ...(host.programs['conntrack'] === '' ? [] : ['conntrack is installed']),
      ...(isSet ? ['it counts (acct), dates (timestamp) and reports (events) connections'] : []),
    ],
    findings,
  }
}

function moduleFindings({ host }: MachineFacts): Finding[] {
  const { modules } = host.kernel
  if (!isKnown(modules) || modules['nf_conntrack_netlink'] !== 'absent') return []
  return [
    {
      id: 'no-conntrack-netlink',
      severity: 'missing',
      what: 'This kernel has no nf_conntrack_netlink.',
      consequence: 'Connection tracking tells nobody of connections: there are no flows.',
      mend: ['# boot a kernel that has it: that of the distribution does'],
    },
  ]
}

function settingFindings({ host }: MachineFacts): Finding[] {
  const values = SETTINGS.map(([name, without]) => ({ name, without, value: host.sysctls[`net.netfilter.${name}`] }))
  if (values.every(({ value }) => value === undefined || !isKnown(value)))
    return [
      {
        id: 'conntrack-not-loaded',
        severity: 'missing',
        what: 'Connection tracking is not loaded, so its settings are not there.',
        consequence: 'No connection is tracked: there are no flows, and `ct state` in rules matches nothing.',
        mend: [...SYSCTL_COMMANDS],
      },
    ]
  const off = values.filter(({ value }) => value !== '1')
  if (off.length === 0) return []
  return [
    {
      id: 'conntrack-settings',
      severity: 'missing',
      what: `${off.map(({ name, value }) => `${name} is ${typeof value === 'string' ? value : 'not known'}`).join(', ')}; 1 is needed.`,
      consequence: `Documents lack ${off.map(({ without }) => without).join('; ')}. It counts from when it is set: connections open by then stay as they are.`,
      mend: [...SYSCTL_COMMANDS],
    },
  ]
}
