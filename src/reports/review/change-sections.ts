/** What changed in the period, and what was found in it, in the words of a review. */
import type { Block, Cell, Section } from '../document/report-document.ts'
import { stampText } from '../revocation/revocation-text.ts'
import type { RowOutlet } from '../rows/row-outlet.ts'
import { ownerCell } from '../standing/documented-holder.ts'
import { countText, keyCell, listText, shownTable, timeCell } from '../standing/shown-table.ts'
import type { InventoryChange } from './inventory-changes.ts'
import type { ConfigurationAct, PeerChange } from './period-changes.ts'
import { CHANGES_MAX } from './period-changes.ts'
import type { FindingRule } from './period-findings.ts'
import type { ReviewFacts } from './review-facts.ts'
import type { VersionStep } from './version-steps.ts'

export const PEER_CHANGES_FILE = 'peer-changes'
export const ACTS_FILE = 'configuration-acts'
export const INVENTORY_CHANGES_FILE = 'inventory-changes'
export const FINDINGS_FILE = 'findings'

/** Changes of one version shown on the page; the file has all. */
const VERSION_SHOWN_MAX = 30

const ACTION_TEXT: Readonly<Record<string, string>> = {
  'peer-added': 'peer added',
  'peer-removed': 'peer removed',
  'allowed-ips-changed': 'AllowedIPs changed',
  'interface-up': 'interface up',
  'interface-down': 'interface down',
}

export function changeSections(facts: ReviewFacts, outlet: RowOutlet): Section[] {
  return [
    peerChangesSection(facts, outlet),
    actsSection(facts, outlet),
    inventorySection(facts, outlet),
    findingsSection(facts, outlet),
  ]
}

function peerChangesSection({ changes, standing }: ReviewFacts, outlet: RowOutlet): Section {
  const unexplained = changes.peers.filter(({ by }) => by.length === 0).length
  const blocks: Block[] = [
    {
      kind: 'paragraph',
      text: 'Each lies between two polls. What was changed and undone between two polls is not seen. Who did it comes from the audit records of the gateway.',
    },
    shownTable(outlet, {
      caption: '',
      columns: [
        { title: 'When' },
        { title: 'What' },
        { title: 'Peer' },
        { title: 'Owner' },
        { title: 'Key' },
        { title: 'Where' },
        { title: 'Before' },
        { title: 'After' },
        { title: 'Who did it' },
      ],
      items: changes.peers,
      total: changes.peerCount,
      cells: changeCells,
      file: PEER_CHANGES_FILE,
      empty:
        standing.gateways.length === 0
          ? 'not recorded: there is no poll of a gateway up to the end of the period'
          : 'No poll of the period shows a change of peers.',
    }),
  ]
  if (unexplained > 0)
    blocks.push({
      kind: 'note',
      tone: 'warning',
      text: `Of ${countText(unexplained, 'change')} nobody recorded who made ${unexplained === 1 ? 'it' : 'them'}: no audit record of a program that sets peers fits.`,
    })
  return { id: 'changes-peers', title: 'Peers and AllowedIPs changed', blocks: withCut(blocks, changes.peerCount) }
}

function changeCells(change: PeerChange): Cell[] {
  const isInterface = change.action.startsWith('interface-')
  const when = stampText(change.to)
  return [
    change.from === change.to ? when : { text: when, note: `after ${stampText(change.from)}` },
    ACTION_TEXT[change.action] ?? change.action,
    isInterface ? '' : change.peer === '' ? { text: 'not documented', tone: 'warning' } : change.peer,
    isInterface || change.peer === '' ? '' : ownerCell(change),
    isInterface ? '' : keyCell(change.publicKey),
    `${change.gateway} ${change.interface}`,
    { text: listText(change.before), isCode: true },
    { text: listText(change.after), isCode: true },
    change.by.length === 0 ? { text: 'not recorded', tone: 'warning' } : listText(change.by),
  ]
}

function actsSection({ changes, pageOne, standing }: ReviewFacts, outlet: RowOutlet): Section {
  const spoken = pageOne.sources.filter(({ source, hasSpoken }) => source === 'auditd' && hasSpoken)
  const audited = [...new Set(spoken.map(({ machine }) => machine))]
  const blind = standing.gateways.map(({ gateway }) => gateway).filter((name) => !audited.includes(name))
  const blocks: Block[] = [
    {
      kind: 'paragraph',
      text: 'Programs that change WireGuard or the packet filter, files written under /etc/wireguard, and what the kernel says of its packet filter: on machines whose audit records are read. Alike acts are counted.',
    },
    shownTable(outlet, {
      caption: '',
      columns: [
        { title: 'First' },
        { title: 'Last' },
        { title: 'Times', align: 'right' },
        { title: 'Machine' },
        { title: 'Touched' },
        { title: 'Account' },
        { title: 'Login of' },
        { title: 'What' },
        { title: 'Outcome' },
      ],
      items: changes.acts,
      total: changes.actCount,
      cells: actCells,
      file: ACTS_FILE,
      empty:
        audited.length === 0
          ? 'not recorded: no audit records were read in the period'
          : `no such act is recorded on ${listText(audited)}`,
    }),
  ]
  if (blind.length > 0)
    blocks.push({
      kind: 'note',
      tone: 'warning',
      text: `Of ${listText(blind)} no audit records were read in the period: what was changed there, and by whom, is not recorded.`,
    })
  return {
    id: 'changes-configuration',
    title: 'Configuration and firewall changed, and by whom',
    blocks: withCut(blocks, changes.actCount),
  }
}

function actCells(act: ConfigurationAct): Cell[] {
  return [
    stampText(act.first),
    act.times === 1 ? '' : stampText(act.last),
    String(act.times),
    act.host,
    act.target,
    act.account === '' ? 'not recorded' : act.account,
    act.peer === '' && act.publicKey === ''
      ? 'no peer known'
      : { text: act.peer || `${act.publicKey.slice(0, 8)}…`, note: act.ownerName || act.ownerEmail },
    { text: act.command || act.action, isCode: true, ...(act.file === '' ? {} : { note: act.file }) },
    act.outcome,
  ]
}

function withCut(blocks: Block[], count: number): Block[] {
  if (count <= CHANGES_MAX) return blocks
  const text = `There are ${count} of them; the first ${CHANGES_MAX} are told.`
  return [...blocks, { kind: 'note', tone: 'warning', text }]
}

function inventorySection({ versions, standing }: ReviewFacts, outlet: RowOutlet): Section {
  const blocks: Block[] = [
    {
      kind: 'paragraph',
      text: 'Versions of the inventory that gateways began to use in the period. Who edited the file, and who approved it, stands in no record: the place where it is kept says that.',
    },
    shownTable(outlet, {
      caption: 'Versions',
      columns: [
        { title: 'First used' },
        { title: 'By' },
        { title: 'Before' },
        { title: 'Version' },
        { title: 'Changes', align: 'right' },
      ],
      items: versions.steps,
      total: versions.count,
      cells: (step) => [
        stampText(step.at),
        step.gateway,
        { text: step.before === '' ? 'none recorded' : step.before, isCode: step.before !== '' },
        { text: step.after, isCode: true },
        step.changes === null ? { text: 'not known', tone: 'warning' } : String(step.changeCount),
      ],
      file: '',
      empty:
        standing.basis === 'in-force' && standing.inventory === null
          ? 'the records carry no inventory'
          : 'No gateway began to use another version in the period.',
    }),
    ...versions.steps.flatMap((step) => stepTables(step, outlet)),
  ]
  return { id: 'changes-inventory', title: 'Changes of the inventory', blocks }
}

function stepTables({ changes, before, after, changeCount }: VersionStep, outlet: RowOutlet): Block[] {
  if (changes === null || changes.length === 0) return []
  const table = shownTable(outlet, {
    caption: `From ${before} to ${after}`,
    columns: [{ title: 'Entry' }, { title: 'What' }, { title: 'Before' }, { title: 'After' }],
    items: changes.slice(0, VERSION_SHOWN_MAX),
    total: changeCount,
    cells: inventoryCells,
    file: INVENTORY_CHANGES_FILE,
    empty: '',
  })
  return [table]
}

function inventoryCells({ part, name, change, field, before, after }: InventoryChange): Cell[] {
  return [{ text: name, note: part }, field === '' ? change : `${field} ${change}`, before, after]
}

function findingsSection({ findings }: ReviewFacts, outlet: RowOutlet): Section {
  return {
    id: 'review-findings',
    title: 'Findings of the period and how they were handled',
    blocks: [
      shownTable(outlet, {
        caption: '',
        columns: [
          { title: 'Finding' },
          { title: 'Severity', align: 'right' },
          { title: 'Times', align: 'right' },
          { title: 'Acknowledged', align: 'right' },
          { title: 'Accepted by exception', align: 'right' },
          { title: 'Nobody said anything', align: 'right' },
        ],
        items: findings.rules,
        cells: ruleCells,
        file: FINDINGS_FILE,
        empty: 'no finding is recorded in the period',
      }),
      ...(findings.count > findings.findings.length
        ? [
            {
              kind: 'note' as const,
              tone: 'warning' as const,
              text: `There are ${findings.count} findings; the ${findings.findings.length} most severe are counted here.`,
            },
          ]
        : []),
      ...openFindings(findings, outlet),
    ],
  }
}

function ruleCells({ rule, title, severity, count, handled, accepted, open }: FindingRule): Cell[] {
  return [
    { text: title, ...(title === rule ? {} : { note: rule }) },
    String(severity),
    String(count),
    String(handled),
    String(accepted),
    { text: String(open), tone: open > 0 ? 'warning' : 'plain' },
  ]
}

function openFindings({ findings }: ReviewFacts['findings'], outlet: RowOutlet): Block[] {
  const open = findings.filter(({ handledAt, exception }) => handledAt === null && exception === '')
  if (open.length === 0) return []
  return [
    shownTable(outlet, {
      caption: 'Without an answer',
      columns: [{ title: 'When' }, { title: 'Peer' }, { title: 'What' }, { title: 'Finding' }],
      items: open,
      cells: ({ at, peer, publicKey, summary, title, id }) => [
        timeCell(at, ''),
        peer || (publicKey === '' ? '' : keyCell(publicKey)),
        { text: summary, note: title },
        { text: id, isCode: true },
      ],
      file: FINDINGS_FILE,
      empty: '',
    }),
  ]
}
