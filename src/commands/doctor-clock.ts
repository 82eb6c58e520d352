/** Judges the clock: machines are joined by time, so each must have the right one. */
import { isKnown } from '../sources/hostfacts/facts.ts'
import type { Finding, Judgement } from './finding.ts'
import type { MachineFacts } from './machine-facts.ts'
import { installCommand } from './mend-commands.ts'

/** Seconds; joins of gateways and hosts allow for more, but doubt grows with it. */
const OFFSET_MAX = 1

/** Programs that set the clock. */
const DAEMONS = ['chronyd', 'systemd-timesyn', 'ntpd', 'ntpsec', 'openntpd', 'phc2sys']

/** `Clock`. */
export function judgeClock(facts: MachineFacts): Judgement {
  const { systemd, chrony } = facts.host.clock
  const wells: string[] = []
  const findings: Finding[] = []
  if (isKnown(systemd) && systemd.timezone !== '') wells.push(`time zone ${systemd.timezone}`)
  const isFollowing = isKnown(chrony) && chrony.reference !== '' && chrony.stratum > 0
  if (isFollowing && Math.abs(chrony.offset) > OFFSET_MAX) findings.push(isOff(chrony.offset))
  if (isFollowing) wells.push(`chrony follows ${chrony.reference}, ${offsetText(chrony.offset)} away`)
  else if (isKnown(systemd) && systemd.isSynchronized === true) wells.push('synchronized, says systemd')
  else findings.push(...unsynchronized(facts))
  return { area: 'Clock', wells, findings }
}

function offsetText(seconds: number): string {
  return `${(Math.abs(seconds) * 1000).toFixed(Math.abs(seconds) < 0.01 ? 2 : 0)} ms`
}

function isOff(seconds: number): Finding {
  return {
    id: 'clock-off',
    severity: 'wrong',
    what: `The clock is ${Math.abs(seconds).toFixed(1)} s ${seconds < 0 ? 'behind' : 'ahead of'} its reference.`,
    consequence:
      'Logins on hosts and flows on gateways are joined by time; the further off, the more answers are ambiguous.',
    mend: ['chronyc makestep'],
  }
}

function unsynchronized({ host, family, processes }: MachineFacts): Finding[] {
  const { systemd } = host.clock
  const isSaid = isKnown(systemd) && systemd.isSynchronized === false
  const isRun = processes.some((name) => DAEMONS.includes(name))
  // A daemon runs and nobody could be asked: in a container the machine around it keeps the clock.
  if (!isSaid && isRun) return []
  return [
    {
      id: 'clock-unsynchronized',
      severity: isSaid ? 'wrong' : 'unseen',
      what: isSaid
        ? 'The clock is not synchronized with anything.'
        : 'Nobody here says whether the clock is right: neither timedatectl nor chronyc answers.',
      consequence:
        'Logins on hosts and flows on gateways are joined by time; the further off, the more answers are ambiguous.',
      mend: isSaid
        ? [installCommand(family, 'clock'), 'timedatectl set-ntp true']
        : ['# in a container the machine around it keeps the clock: ask there (timedatectl, chronyc tracking)'],
    },
  ]
}
