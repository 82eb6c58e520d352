/**
 * Somebody with a login used wg or wg-quick on a machine with a WireGuard interface, or opened its stored configuration: that is where the
 * private keys are, and where peers are added. Without a login it is a service that starts, or a collector that polls; they are no matter here.
 */
import { type Event, fieldOf } from '../event.ts'
import { DAY, MINUTE, type Micros, SECOND } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { createEscalating, type Raised, type SavedEscalating } from './catalogue/escalating.ts'
import { exceptionFor, excused } from './catalogue/exceptions.ts'
import { isAttempted, isWriting } from './catalogue/file-access.ts'
import {
  aboutLogin,
  accountOf,
  baseName,
  commandText,
  listed,
  placeOfLogin,
  queryOfLogin,
  sessionOfPeer,
} from './catalogue/login-words.ts'
import { type Described, peerName } from './catalogue/thresholds.ts'

/** What a session does within this time of the first is one finding. */
const WINDOW: Micros = MINUTE
/** A session is told of again when it did nothing of the kind for this long; something graver is told at once. */
const SUPPRESSION: Micros = DAY

/** Ranks: a graver act of the same session is told though another one was. */
const TRIED = 1
const KEYS_SHOWN = 2
const CHANGED = 3

/** wg(8): what prints private or preshared keys. `wg show INTERFACE` and `wg show` hide them. */
const SHOWS_KEYS: ReadonlySet<string> = new Set(['dump', 'private-key', 'preshared-keys'])
const DIRECTORY = '/etc/wireguard'

const ABOUT: DetectionAbout = {
  id: 'wireguard-keys-touched',
  title: 'WireGuard keys or peers touched in a login session',
  severity: 3,
  origin: 'detection',
  description:
    'A login session changed peers or interfaces with wg or wg-quick, wrote or read the stored configuration in /etc/wireguard, or ' +
    'printed private keys. Whoever holds a private key of the gateway can stand in for it; whoever adds a peer has a way in that stays.',
  runbook: [
    'Was it ordered? The session and its account stand in the finding; `peertrail timeline PEER` shows all that it did.',
    'What changed: `peertrail peers` and `peertrail inventory diff`; changes of peers name their evidence in `wireguard.change.evidence_ids`.',
    'If keys were read and nobody can explain it, make new keys for the interface and its peers.',
  ],
  attack: [
    { id: 'T1552.004', name: 'Private Keys', tactic: { id: 'TA0006', name: 'Credential Access' } },
    { id: 'T1098', name: 'Account Manipulation', tactic: { id: 'TA0003', name: 'Persistence' } },
    { id: 'T1133', name: 'External Remote Services', tactic: { id: 'TA0003', name: 'Persistence' } },
  ],
  limits: {
    window: '60 s from the first act',
    severity: "high: a change, or keys shown in a peer's login; medium: keys shown in another login, or refused",
  },
  suppression: SUPPRESSION,
  baseline: 0,
  query:
    'event.dataset : "wireguard.audit" and auditd.session : * and (wireguard.change.target : "wireguard" or file.path : /etc/wireguard* or process.executable : (*/wg or */wg-quick))',
  knownGaps: [
    'Only machines with auditd and rules for wg and /etc/wireguard are seen (deploy/audit.rules).',
    'A program that speaks generic netlink itself leaves no audit record; the change then shows in the polls alone.',
    'Copies of the configuration elsewhere are not watched; `peertrail posture` looks for them.',
    'What services do without a login is left out: wg-quick@ at boot, a collector, a backup that reads the files.',
  ],
}

export const wireguardKeysTouched: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [{ reads: ['wireguard.audit'], span: 10 * SECOND, keyOf, distinctOf: actWords }],
  open({ emit, inventory, saved }) {
    const describe = (found: Raised): Described => ({
      ...describeActs(found),
      ...excused(exceptionFor(inventory, ABOUT.id, found.first['wireguard.peer.name'] ?? '', found.firstAt)),
    })
    // What was saved under the detection's id is what `save` below gave.
    const findings = createEscalating(
      { about: ABOUT, window: WINDOW, isRenewed: true, describe },
      emit,
      saved as SavedEscalating | undefined,
    )
    return {
      tally(tally) {
        const [rank, , subject = ''] = tally.key.split('\0')
        findings.add(subject, Number(rank), tally)
      },
      tick: (watermark) => findings.tick(watermark),
      save: () => findings.save(),
    }
  },
}

/** `rank\0what\0session`: what is apart in a sentence stands in tallies of its own. */
function keyOf(event: Event): string | null {
  const login = fieldOf(event, 'auditd.session')
  if (login === undefined) return null
  const rank = rankOf(event)
  if (rank === null) return null
  const session = sessionOfPeer(event)
  if (session !== null) return `${rank}\0peer\0${session}`
  return `${rank}\0login\0${fieldOf(event, 'host.name') ?? ''} login session ${login}`
}

function rankOf(event: Event): number | null {
  if (fieldOf(event, 'event.action') === 'executed') return isAttempted(event) ? null : rankOfCommand(event)
  const path = fieldOf(event, 'file.path')
  if (path === undefined || !(path === DIRECTORY || path.startsWith(`${DIRECTORY}/`))) return null
  // Looking at the folder's own entry shows no key.
  if (fieldOf(event, 'event.action') === 'checked-metadata-of') return null
  if (isAttempted(event)) return TRIED
  if (isWriting(event)) return CHANGED
  return path === DIRECTORY ? null : KEYS_SHOWN
}

function rankOfCommand(event: Event): number | null {
  if (fieldOf(event, 'wireguard.change.target') === 'wireguard') return CHANGED
  const [program = '', command = '', ...rest] = fieldOf(event, 'process.args') ?? []
  // The name a program is called by can be anything; the file that ran cannot.
  if (baseName(fieldOf(event, 'process.executable') ?? program) !== 'wg') return null
  if (command === 'showconf') return KEYS_SHOWN
  return command === 'show' && rest.some((word) => SHOWS_KEYS.has(word)) ? KEYS_SHOWN : null
}

function actWords(event: Event): string {
  const words = fieldOf(event, 'process.args')
  if (words !== undefined) return commandText(words)
  const path = fieldOf(event, 'file.path') ?? DIRECTORY
  const what = isWriting(event) ? 'write' : 'read'
  if (isAttempted(event)) return `tried to ${what} ${path}`
  return what === 'write' ? `wrote ${path}` : `read ${path}`
}

function describeActs({ rank, distinct, first }: Raised): Described {
  const isPeer = first['wireguard.attribution.status'] === 'exact' && first['wireguard.peer.public_key'] !== undefined
  const account = accountOf(first)
  const who = isPeer ? peerName(first) : account === '' ? 'a login' : account
  const what =
    rank === CHANGED
      ? 'changed WireGuard'
      : rank === KEYS_SHOWN
        ? 'looked at WireGuard keys'
        : "tried to open WireGuard's files"
  return {
    summary: `${who} ${what} on ${placeOfLogin(first)}: ${listed(distinct)}`,
    severity: rank === CHANGED || (rank === KEYS_SHOWN && isPeer) ? 3 : 2,
    about: aboutLogin(first),
    query: queryOfLogin(first),
  }
}
