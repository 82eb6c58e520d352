/**
 * A key that was silent for a month shakes hands again, or one that was watched for a week without ever a handshake has its first. A
 * handshake is the one thing WireGuard dates, so silence is known from the last one, also from before anybody watched.
 */
import { DAY, MINUTE, type Micros, toIso } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { documentedPeer } from './catalogue/documented-peer.ts'
import { VALID_ACCOUNTS } from './catalogue/key-techniques.ts'
import { createPeerCheck, type PeerFound } from './catalogue/peer-check.ts'
import { BASELINE } from './catalogue/peer-history.ts'
import { type PeerPoint, POINTS_TALLY } from './catalogue/peer-points.ts'
import { peerName } from './catalogue/thresholds.ts'

/** Without a handshake. */
const SILENCE: Micros = 30 * DAY
/** 2016-06-30, when WireGuard was shown first. An older handshake is of a gateway that began without knowing the time. */
const FIRST_POSSIBLE: Micros = 16_982 * DAY

const ABOUT: DetectionAbout = {
  id: 'silent-key-woke',
  title: 'Silent key woke up',
  severity: 2,
  origin: 'detection',
  description:
    'A key that nobody used for a month, or never since it was watched, is used. A forgotten device is back, or somebody found the key ' +
    'in a backup. Low for the first use of a key.',
  runbook: [
    'Ask the owner whether she uses the device again.',
    'See where it comes from and what it does: `peertrail timeline PEER`.',
    'If she does not, remove the key: `wg set INTERFACE peer KEY remove`, and look for copies of it.',
    'Keys that are not needed for a month need not run: `peertrail posture` lists them.',
  ],
  attack: [VALID_ACCOUNTS],
  limits: { silence: '30 days without a handshake', first: '7 days watched without any' },
  suppression: DAY,
  baseline: 0,
  // The point before a handshake may show none.
  query: 'event.dataset : "wireguard.peer" and wireguard.peer.public_key : *',
  knownGaps: [
    'An interface that restarts forgets its handshakes: silence from before is then known only as far as it was watched.',
    'A handshake in a time without polls is seen only while no later one hides it: the silence counts up to the last poll before.',
    'The first use of a key needs 7 days of coverage; until then it is not told.',
  ],
}

type Memory = {
  /** The newest handshake ever shown; null = none. It outlives restarts of the interface. */
  readonly handshake: Micros | null
  readonly last: PeerPoint
  /** Minutes with a point. */
  readonly minutes: number
}

export const silentKeyWoke: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [POINTS_TALLY],
  open: (context) =>
    createPeerCheck<Memory>(ABOUT, context, ({ place, points, fields }, before) => {
      let memory = before
      const found: PeerFound[] = []
      for (const point of points) {
        const summary = memory === null ? null : wokeText(memory, point)
        if (memory !== null && summary !== null)
          found.push({
            peer: documentedPeer(context.inventory, place),
            points: [memory.last, point],
            ...(memory.handshake === null ? { severity: 1 } : {}),
            summary: `${peerName(fields)} ${summary}`,
          })
        memory = advance(memory, point)
      }
      return { memory, found }
    }),
}

function advance(memory: Memory | null, point: PeerPoint): Memory {
  const known = memory?.handshake ?? null
  const shown = point.handshake !== null && point.handshake >= FIRST_POSSIBLE ? point.handshake : null
  const isNewMinute = memory === null || Math.floor(memory.last.at / MINUTE) !== Math.floor(point.at / MINUTE)
  return {
    handshake: shown === null ? known : Math.max(shown, known ?? shown),
    last: point,
    minutes: (memory?.minutes ?? 0) + (isNewMinute ? 1 : 0),
  }
}

/** Null: it did not wake just now. */
function wokeText({ handshake: known, last, minutes }: Memory, { handshake }: PeerPoint): string | null {
  if (handshake === null || handshake < FIRST_POSSIBLE || (known !== null && handshake <= known)) return null
  if (known === null) {
    if (minutes * MINUTE < BASELINE) return null
    return `had its first handshake at ${toIso(handshake)}, after ${Math.floor((minutes * MINUTE) / DAY)} days of coverage without one`
  }
  // Silent up to the last poll that showed it; what was between that and now is not known.
  if (last.at - known < SILENCE) return null
  return `had a handshake at ${toIso(handshake)}, after none since ${toIso(known)}, ${Math.floor((last.at - known) / DAY)} days`
}
