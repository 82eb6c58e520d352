/** A clock that follows others: machines are joined by time, and a proof has times in it. */
import { isKnown } from '../sources/hostfacts/facts.ts'
import type { PostureCheck, PostureResult } from './check.ts'
import { isDebianLike, NO_FACTS, notKnown } from './host-facts.ts'

/** Seconds; joins of gateways and hosts allow for more, but doubt grows with it. */
export const OFFSET_MAX = 1

export const clockSynchronised: PostureCheck = {
  id: 'clock-synchronised',
  title: 'Clock that is wrong, or follows nothing',
  description:
    'Logins on hosts and flows on gateways are joined by time, and every proof names times. The further a clock is off, the more answers are ambiguous.',
  severity: 2,
  attack: [],
  origin: 'posture',
  area: 'Clock',
  knownGaps: [
    'The offset is what chrony itself says; systemd-timesyncd says only that it is synchronized.',
    'The clock is looked at when facts are gathered; steps between are found in the logs.',
    'In a container the machine around it keeps the clock.',
  ],
  look: ({ facts }) => {
    if (facts === null) return [NO_FACTS]
    const { systemd, chrony } = facts.clock
    const isFollowing = isKnown(chrony) && chrony.reference !== '' && chrony.stratum > 0
    if (isFollowing && Math.abs(chrony.offset) > OFFSET_MAX) return [isOff(chrony.offset, chrony.reference)]
    if (isFollowing)
      return [{ kind: 'passed', text: `The clock follows ${chrony.reference}, ${milliseconds(chrony.offset)} away.` }]
    if (isKnown(systemd) && systemd.isSynchronized === true)
      return [{ kind: 'passed', text: 'The clock is synchronized, says systemd; how far it is off is not said.' }]
    if (isKnown(systemd) && systemd.isSynchronized === false) return [unsynchronised(isDebianLike(facts))]
    return [
      isKnown(systemd)
        ? notKnown('Whether the clock is right is', chrony)
        : notKnown('Whether the clock is right is', systemd),
    ]
  },
}

function milliseconds(seconds: number): string {
  return `${(Math.abs(seconds) * 1000).toFixed(Math.abs(seconds) < 0.01 ? 2 : 0)} ms`
}

function isOff(seconds: number, reference: string): PostureResult {
  return {
    kind: 'finding',
    subject: 'offset',
    severity: 3,
    text: `The clock is ${Math.abs(seconds).toFixed(1)} s away from its reference.`,
    evidence: [`chronyc tracking: ${seconds} s from ${reference}`],
    mend: ['chronyc makestep'],
    about: {},
    exception: null,
  }
}

function unsynchronised(isDebian: boolean): PostureResult {
  return {
    kind: 'finding',
    subject: 'synchronised',
    text: 'The clock is not synchronized with anything.',
    evidence: ['timedatectl show: NTPSynchronized=no'],
    mend: [
      isDebian ? 'apt-get install chrony' : 'dnf install chrony && systemctl enable --now chronyd',
      'timedatectl set-ntp true',
    ],
    about: {},
    exception: null,
  }
}
