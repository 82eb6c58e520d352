/** The tables of a revocation report: gateways, and what outlived the removal there and on hosts. */
import { spanText } from '../../quantity-text.ts'
import type { Block, Cell } from '../document/report-document.ts'
import type { JudgedGateway, RevocationReport } from './revocation.ts'
import type { RevocationFacts } from './revocation-facts.ts'
import { openText, stampText } from './revocation-text.ts'

/** Rows of one table. */
const ROWS_MAX = 500
/** Characters of a key where its beginning is enough. */
const KEY_CHARS = 12

/** `eVzV4u2wsQZ+…`. */
export function shortKeyText(publicKey: string): string {
  return publicKey.length > KEY_CHARS ? `${publicKey.slice(0, KEY_CHARS)}…` : publicKey
}

/** When each gateway had the key last, and what shows it. */
export function gatewayBlocks({ gateways, facts, ended }: RevocationReport): Block[] {
  const others = facts.gateways.filter(({ gateway }) => !gateways.some((each) => each.gateway === gateway))
  const notes = [
    ...gateways.flatMap(earlierTexts),
    ...gateways.flatMap(evidenceTexts),
    ...(others.length === 0
      ? []
      : [`not declared, and never had the key: ${others.map(({ gateway }) => gateway).join(', ')}`]),
  ]
  return [
    {
      kind: 'table',
      caption: '',
      columns: [
        { title: 'Gateway' },
        { title: 'The key there' },
        { title: 'Last poll with it' },
        { title: 'First without' },
        { title: 'Last poll' },
        { title: 'Every', align: 'right' },
        { title: 'Holes', align: 'right' },
        { title: 'Stored configuration' },
      ],
      rows: gateways.map((gateway) => gatewayRow(gateway, ended !== null)),
      total: gateways.length,
      file: '',
      empty: 'No gateway is declared, and none showed the key.',
    },
    ...(notes.length === 0 ? [] : [{ kind: 'bullets' as const, items: notes }]),
  ]
}

function gatewayRow(gateway: JudgedGateway, isEnded: boolean): Cell[] {
  const { removal, polls, stored } = gateway
  const holds = stored.some(({ holdsKey }) => holdsKey)
  return [
    gateway.gateway,
    stateCell(isEnded ? gateway : { ...gateway, isShownAbsent: true }),
    removal === null ? '' : stampText(removal.lastWith),
    removal === null ? '' : stampText(removal.firstWithout),
    polls?.last === undefined || polls.last === null ? 'none' : stampText(polls.last),
    polls === null ? '' : spanText(polls.period),
    polls === null ? '' : String(polls.holeCount),
    stored.length === 0 ? 'not looked at' : holds ? { text: 'holds the key', tone: 'bad' } : 'absent',
  ]
}

function stateCell({ appearances, removal, isShownAbsent, polls, heldDown }: JudgedGateway): Cell {
  if (appearances.some(({ until }) => until === null)) return { text: 'runs', tone: 'bad' }
  if (heldDown.length > 0) return { text: 'interface down', tone: 'bad' }
  if (polls === null) return { text: 'not known', tone: 'bad' }
  const text = removal !== null ? 'removed' : appearances.length > 0 ? 'removed earlier' : 'never there'
  return isShownAbsent ? { text, tone: 'good' } : { text, tone: 'warning', note: 'see the verdict' }
}

function earlierTexts({ gateway, appearances }: JudgedGateway): string[] {
  return appearances.slice(0, -1).flatMap(({ end, until, interface: name }, i) => {
    if (until === null) return []
    const how = end === 'removed' ? 'removed from' : 'down with'
    return [
      `${gateway}: ${how} ${name} by ${stampText(until)}, and back by ${stampText(appearances[i + 1]?.since ?? until)}`,
    ]
  })
}

function evidenceTexts({ gateway, removal }: JudgedGateway): string[] {
  if (removal === null || removal.id === '') return []
  const by = removal.evidenceIds.length === 0 ? '' : `; done by ${removal.evidenceIds.join(', ')}`
  return [`${gateway}: document ${removal.id}${by}`]
}

/** Entries of conntrack that stood after the removal; what was not recorded is said. */
export function connectionBlocks({ flows }: RevocationFacts): Block[] {
  const unseen: Block[] =
    flows.unseen.length === 0
      ? []
      : [
          {
            kind: 'note',
            tone: 'warning',
            text: `Connection tracking of ${flows.unseen.join(', ')} is not recorded: what stood there is not known.`,
          },
        ]
  const told: Block[] =
    flows.count === 0
      ? []
      : [
          {
            kind: 'paragraph',
            text: 'No packet of them passes the tunnel without the key. Their entries stay in conntrack until they time out, and what comes back through them goes to whoever has the address then.',
          },
          ...(flows.openCount === 0
            ? []
            : [{ kind: 'paragraph' as const, text: `Of those without a recorded end: ${openText(flows)}.` }]),
        ]
  return [
    ...unseen,
    ...told,
    {
      kind: 'table',
      caption: '',
      columns: [
        { title: 'Began' },
        { title: 'Ended' },
        { title: 'Gateway' },
        { title: 'Connection', isCode: true },
        { title: 'Resource' },
        { title: 'State' },
      ],
      rows: flows.told
        .slice(0, ROWS_MAX)
        .map(({ gateway, start, end, isEndLost, transport, source, destination, resource, state }) => [
          stampText(start),
          end === null ? { text: isEndLost ? 'not seen' : 'open', tone: 'warning' } : stampText(end),
          gateway,
          `${transport} ${source} → ${destination}`,
          resource === 'uncatalogued' ? '' : resource,
          state,
        ]),
      total: flows.count,
      file: '',
      empty:
        flows.unseen.length === 0
          ? 'No recorded connection outlived the removal.'
          : 'No connection is recorded where connection tracking is.',
    },
  ]
}

/** Logins that went on after it, and what was done in them. */
export function sessionBlocks({ sessions }: RevocationFacts): Block[] {
  const acts = sessions.told.flatMap((session) =>
    session.acts.map((act): Cell[] => [
      stampText(act.at),
      { text: session.host, note: `session ${session.session}` },
      act.action,
      { text: act.process, note: `pid ${act.pid}` },
      { text: act.text, isCode: true },
    ]),
  )
  const actCount = sessions.told.reduce((sum, each) => sum + each.actCount, 0)
  return [
    {
      kind: 'table',
      caption: '',
      columns: [
        { title: 'Host' },
        { title: 'Account' },
        { title: 'Session' },
        { title: 'From' },
        { title: 'Until' },
        { title: 'Acts after the removal', align: 'right' },
      ],
      rows: sessions.told
        .slice(0, ROWS_MAX)
        .map(({ host, user, session, start, end, actCount: count }) => [
          host,
          user || 'not known',
          session,
          stampText(start),
          end === null ? { text: 'no end recorded', tone: 'warning' } : stampText(end),
          String(count),
        ]),
      total: sessions.count,
      file: '',
      empty: sessions.isSeen
        ? 'No recorded login session outlived the removal.'
        : 'Not known: no audit log of a host is recorded.',
    },
    ...(actCount === 0
      ? []
      : [
          {
            kind: 'table' as const,
            caption: 'What they did after the removal',
            columns: [
              { title: 'Time' },
              { title: 'Host' },
              { title: 'Action' },
              { title: 'Program' },
              { title: 'What', isCode: true },
            ],
            rows: acts.slice(0, ROWS_MAX),
            total: actCount,
            file: '',
            empty: 'nothing was recorded',
          },
        ]),
  ]
}
