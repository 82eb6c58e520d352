/**
 * A process of a peer's login session carries a name made to be misread: control characters, or pieces of an audit record. A process chooses its
 * name (15 bytes, `comm`), and every log that prints it unescaped can be made to say what it wants. Nothing of ours is deceived by it; that
 * somebody tries is the finding.
 */
import { type Event, fieldOf } from '../event.ts'
import { DAY, MINUTE, type Micros, SECOND } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { exceptionFor, excused } from './catalogue/exceptions.ts'
import { isUnprintable } from './catalogue/hostile-text.ts'
import { aboutLogin, listed, placeOfLogin, queryOfLogin, sessionOfPeer } from './catalogue/login-words.ts'
import { createThreshold, peerName } from './catalogue/thresholds.ts'

/** What a session does within this time of the first is one finding. */
const WINDOW: Micros = MINUTE
const SUPPRESSION: Micros = DAY

/** Fields of an audit record: what stands behind such a word would be read as its value. */
const RECORD_WORDS = /(^|[\s"'])(a?uid|ses|pid|exe|comm|key|res|type|msg|success)=/

const ABOUT: DetectionAbout = {
  id: 'hostile-process-name',
  title: 'Process with a name made to be misread',
  severity: 3,
  origin: 'detection',
  description:
    'A process in a login session that came through the tunnel gave itself a name with control characters or pieces of an audit record. ' +
    'Programs that read logs by their text, and terminals that show them, can be deceived by it.',
  runbook: [
    'Look what the session did: `peertrail timeline PEER`, which shows such names escaped.',
    'Which program was it: `process.executable` is the kernel’s word, whatever the name says.',
    'Do not print raw logs of that time to a terminal, and do not trust what other tools made of them.',
    'Nobody explains it: end the session and revoke the key, `wg set INTERFACE peer KEY remove`.',
  ],
  attack: [{ id: 'T1036', name: 'Masquerading', tactic: { id: 'TA0005', name: 'Defense Evasion' } }],
  limits: { window: '60 s from the first' },
  suppression: SUPPRESSION,
  baseline: 0,
  query:
    'event.dataset : "wireguard.audit" and process.name : * and wireguard.attribution.status : "exact" and wireguard.peer.public_key : *',
  knownGaps: [
    'Only processes of which an audit rule recorded something are seen.',
    'A name that looks like another program’s is not told from it.',
    'Arguments are not judged: scripts hold line feeds.',
    'A login whose connection is not attributed exactly is left out.',
  ],
}

export const hostileProcessName: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [
    {
      reads: ['wireguard.audit'],
      span: 10 * SECOND,
      keyOf: (event) => (isHostile(event) ? sessionOfPeer(event) : null),
      distinctOf: (event) => fieldOf(event, 'process.executable') ?? 'a program that was not recorded',
    },
  ],
  open: ({ emit, inventory, saved }) =>
    createThreshold(
      {
        about: ABOUT,
        measure: 'count',
        threshold: 1,
        window: WINDOW,
        isRenewed: true,
        describe: ({ count, distinct, first, firstAt }) => ({
          summary: `a process of ${peerName(first)} on ${placeOfLogin(first)} had a name made to be misread in logs, in ${
            count === 1 ? 'one record' : `${count} records`
          } of ${listed(distinct)}`,
          about: aboutLogin(first),
          query: queryOfLogin(first),
          ...excused(exceptionFor(inventory, ABOUT.id, first['wireguard.peer.name'] ?? '', firstAt)),
        }),
      },
      emit,
      saved,
    ),
}

function isHostile(event: Event): boolean {
  const name = fieldOf(event, 'process.name')
  return name !== undefined && (isUnprintable(name) || RECORD_WORDS.test(name))
}
