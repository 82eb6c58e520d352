/** What runs against what is documented, in the words of a review: a section each topic, a line each decision. */

import { STALE_AFTER } from '../../posture/stale-peer.ts'
import { spanText } from '../../quantity-text.ts'
import type { Block, Cell, Section, Table, Tone } from '../document/report-document.ts'
import { stampText } from '../revocation/revocation-text.ts'
import type { RowOutlet } from '../rows/row-outlet.ts'
import { ownerCell, shownHolder } from '../standing/documented-holder.ts'
import {
  countText,
  DECISION,
  KEEP_OR_REMOVE,
  keyCell,
  listText,
  mendCell,
  shownTable,
  timeCell,
} from '../standing/shown-table.ts'
import type { ReviewFacts } from './review-facts.ts'
import { LINES_MAX, type ReviewLine, TOPICS, type Topic } from './review-lines.ts'
import type { RotationDue } from './rotation-due.ts'
import type { SilentKey } from './silent-keys.ts'

/** The files of all rows. */
export const LINES_FILE = 'review-lines'
export const SILENT_FILE = 'silent-keys'
export const ROTATIONS_FILE = 'rotations'

type TopicWords = { readonly title: string; readonly text: string; readonly empty: string }

const WORDS: Readonly<Record<Topic, TopicWords>> = {
  undocumented: {
    title: 'Runs and is documented nowhere',
    text: 'Keys and interfaces that a gateway accepts and the inventory does not name there.',
    empty: 'Every key and interface that ran is documented where it ran.',
  },
  left: {
    title: 'Keys of people who left',
    text: 'The owner left by the inventory, and the key is still accepted.',
    empty: 'No key of somebody who left ran.',
  },
  ended: {
    title: 'Expired, and still running',
    text: 'Peers, keys or AllowedIPs that the inventory ended, and that a gateway still accepts.',
    empty: 'Nothing that the inventory ended was running.',
  },
  'no-owner': {
    title: 'Peers without an owner',
    text: 'Nobody answers for these keys.',
    empty: 'Every documented peer that ran has an owner.',
  },
  'no-requirement': {
    title: 'Peers without a requirement',
    text: 'The inventory does not say what this access is for.',
    empty: 'Every documented peer that ran has a requirement.',
  },
  wide: {
    title: 'AllowedIPs beyond what is documented',
    text: 'The key may send from these addresses and receives what is sent to them.',
    empty: 'No key ran with AllowedIPs beyond what is documented.',
  },
  rotation: {
    title: 'Key rotation overdue',
    text: 'The key is older than the inventory allows for this peer.',
    empty: 'No rotation that the inventory asks for was overdue.',
  },
  'not-running': {
    title: 'Documented, and not running',
    text: 'An entry to end, or access that was lost.',
    empty: 'Everything documented ran.',
  },
}

export function standingSections(facts: ReviewFacts, outlet: RowOutlet): Section[] {
  const sections = TOPICS.map((topic) => topicSection(topic, facts, outlet))
  return [...sections.slice(0, 1), silentSection(facts, outlet), ...sections.slice(1)]
}

function topicSection(topic: Topic, facts: ReviewFacts, outlet: RowOutlet): Section {
  const { lines, rotations, standing } = facts
  const own = lines.lines.filter((line) => line.topic === topic)
  const { title, text, empty } = WORDS[topic]
  const notChecked = lines.notChecked.filter((each) => each.topic === topic)
  const looked = own.length > 0 || notChecked.length === 0
  const table = shownTable(outlet, {
    caption: '',
    columns: [
      { title: 'Peer' },
      { title: 'Owner' },
      { title: 'Key' },
      { title: 'Where' },
      { title: 'What is the case' },
      { title: 'Last handshake' },
      { title: 'What mends it' },
      DECISION,
    ],
    items: own,
    cells: (line) => lineCells(line, facts),
    file: LINES_FILE,
    empty:
      standing.gateways.length === 0 ? 'not checked: no poll of a gateway is recorded' : looked ? empty : 'not checked',
  })
  const blocks: Block[] = [{ kind: 'paragraph', text }, table, ...notes(notChecked)]
  if (lines.count > lines.lines.length)
    blocks.push({
      kind: 'note',
      tone: 'warning',
      text: `There are ${lines.count} lines in all; ${LINES_MAX} are told.`,
    })
  if (topic === 'rotation') blocks.push(rotationTable(rotations.due, rotations.count, outlet))
  return { id: `review-${topic}`, title, blocks }
}

/** The owner by the inventory of the report, marked where the newest one names another for that time. */
function heldCell(held: ReviewLine | SilentKey, { standing, names }: ReviewFacts): Cell {
  if (standing.basis === 'given') return ownerCell(held)
  const { peer, ownerName, ownerEmail } = held
  // The inventory of the report is what is shown here; the other side stands in the note.
  const { note } = shownHolder({ peer, ownerName, ownerEmail }, held.publicKey, standing.at, names)
  return ownerCell({ ownerName, ownerEmail, note })
}

/** One note a reason, with its gateways. */
function notes(notChecked: ReviewFacts['lines']['notChecked']): Block[] {
  return [...Map.groupBy(notChecked, ({ reason }) => reason)].map(([reason, own]) => ({
    kind: 'note',
    tone: 'warning',
    text: `Not checked on ${listText([...new Set(own.map(({ gateway }) => gateway))])}: ${reason}`,
  }))
}

function lineCells(line: ReviewLine, facts: ReviewFacts): Cell[] {
  const tone: Tone = line.exception !== null ? 'plain' : line.severity >= 3 ? 'bad' : 'warning'
  const accepted =
    line.exception === null
      ? ''
      : `accepted: ${line.exception.reason} (${line.exception.approvedBy}${line.exception.until === null ? '' : `, until ${stampText(line.exception.until)}`})`
  return [
    line.peer === '' ? { text: 'not documented', tone: 'warning' } : line.peer,
    line.peer === '' ? '' : heldCell(line, facts),
    keyCell(line.publicKey),
    `${line.gateway} ${line.interface}`.trim(),
    { text: line.text, tone, ...(accepted === '' ? {} : { note: accepted }) },
    line.publicKey === '' ? '' : timeCell(line.lastHandshake, 'none recorded'),
    mendCell(line.mend),
    KEEP_OR_REMOVE,
  ]
}

function silentSection(facts: ReviewFacts, outlet: RowOutlet): Section {
  const { silent, standing, pageOne } = facts
  const running = standing.gateways.flatMap((each) => each.running.flatMap(({ peers }) => peers)).length
  const table = shownTable(outlet, {
    caption: '',
    columns: [
      { title: 'Peer' },
      { title: 'Owner' },
      { title: 'Key' },
      { title: 'Where' },
      { title: 'Last handshake' },
      { title: 'Last connection' },
      { title: 'Silent for at least', align: 'right' },
      { title: 'What ends it' },
      DECISION,
    ],
    items: silent,
    cells: (key) => silentCells(key, facts),
    file: SILENT_FILE,
    empty:
      running === 0 ? 'no key ran by the polls that are recorded' : 'Every key that ran had a handshake in the period.',
  })
  const known = silent.filter(({ isKnown }) => isKnown)
  const isShort = known.length > 0 && known.every(({ isStale }) => !isStale)
  const blocks: Block[] = [
    {
      kind: 'paragraph',
      text: 'Keys that run and had no handshake in the period. A key in use has one every two minutes; one that is silent may be in a drawer.',
    },
    table,
  ]
  if (isShort)
    blocks.push({
      kind: 'note',
      tone: 'plain',
      text: `None of them is known to be silent for ${spanText(STALE_AFTER)}${pageOne.oldest === null ? '' : `; the records begin at ${stampText(pageOne.oldest)}`}. Silence for less says little.`,
    })
  if (known.length < silent.length)
    blocks.push({
      kind: 'note',
      tone: 'warning',
      text: `Of ${countText(silent.length - known.length, 'key')} no point of the metrics is recorded in the period: whether there was a handshake is not known.`,
    })
  return { id: 'review-silent', title: 'Dormant keys', blocks }
}

function silentCells(key: SilentKey, facts: ReviewFacts): Cell[] {
  const silence = !key.isKnown
    ? { text: 'not recorded', tone: 'warning' as const }
    : { text: spanText(key.silentFor), ...(key.isStale ? { tone: 'warning' as const } : {}) }
  return [
    key.peer === '' ? { text: 'not documented', tone: 'warning' } : key.peer,
    key.peer === '' ? '' : heldCell(key, facts),
    keyCell(key.publicKey),
    `${key.gateway} ${key.interface}`,
    timeCell(key.lastHandshake, 'none recorded'),
    timeCell(key.lastFlow, 'none recorded'),
    { ...silence, ...(key.accepted === '' ? {} : { note: `accepted: ${key.accepted}` }) },
    mendCell(key.mend),
    KEEP_OR_REMOVE,
  ]
}

function rotationTable(due: readonly RotationDue[], count: number, outlet: RowOutlet): Table {
  return shownTable(outlet, {
    caption: 'Due now, or before as much time again is over',
    columns: [
      { title: 'Peer' },
      { title: 'Owner' },
      { title: 'Key' },
      { title: 'Where' },
      { title: 'Used since' },
      { title: 'To be replaced every', align: 'right' },
      { title: 'Due' },
    ],
    items: due,
    cells: (each) => [
      each.peer,
      ownerCell(each),
      keyCell(each.publicKey),
      `${each.gateway} ${each.interface}`,
      timeCell(each.since, 'not documented'),
      spanText(each.rotateEvery),
      each.due === null
        ? { text: 'not known', tone: 'warning' }
        : {
            text: stampText(each.due),
            tone: each.isOverdue ? 'bad' : 'plain',
            ...(each.isOverdue ? { note: 'overdue' } : {}),
          },
    ],
    file: ROTATIONS_FILE,
    empty:
      count === 0
        ? 'The inventory asks for no rotation of a key that runs (rotate_every).'
        : `None of ${countText(count, 'key')} with rotate_every is due.`,
  })
}
