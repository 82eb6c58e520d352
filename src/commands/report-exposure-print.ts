/**
 * An exposure report on a terminal or on paper: what would be open if the key leaked today, in one line; then resources, rules beside
 * policy beside use; then what lies beyond the catalogue, and where the key was used. Every line has at most `width` characters.
 */
import type { Access } from '../posture/reach-access.ts'
import { bytesText, dayOf, timeOfDay } from '../quantity-text.ts'
import { type ExposedResource, type Exposure, unusedGrants } from '../reports/exposure/exposure.ts'
import { DOUBT_TEXTS, EXPOSURE_METHOD, openSummary, openTexts, placesText } from '../reports/exposure/exposure-words.ts'
import { safeText } from '../safe-text.ts'
import type { Micros } from '../time.ts'
import type { Cell } from './document-line.ts'
import { type FittedColumn, fittedTable } from './fitted-table.ts'
import { peerName } from './peer-facts.ts'
import type { ExposureFrame } from './report-exposure.ts'
import { counted, paint, type Terminal } from './terminal.ts'
import { printSecond, printTime } from './time-argument.ts'
import { wrapText } from './wrap-text.ts'

/** Labels stand left of the facts. */
const LABEL = 13
/** Used places told on the page; --json has all. */
const PLACES_MAX = 12

/** The whole page, ended by LF. */
export function exposureText(
  terminal: Terminal,
  width: number,
  frame: ExposureFrame,
  exposures: readonly Exposure[],
): string {
  const pages = exposures.map((exposure) => keyPage({ terminal, width }, frame, exposure))
  const wrapped = (text: string) => wrapText(text, width).map((line) => `${paint(terminal, 'dim', line)}\n`)
  const notes = frame.notes.flatMap((note) =>
    wrapText(note, width).map((line) => `${paint(terminal, 'yellow', line)}\n`),
  )
  const rule = `\n${paint(terminal, 'dim', '─'.repeat(width))}\n\n`
  return [pages.join(rule), notes.join(''), wrapped(EXPOSURE_METHOD.join(' ')).join('')]
    .filter((text) => text !== '')
    .join('\n')
}

type Page = { readonly terminal: Terminal; readonly width: number }
type Fact = readonly [label: string, text: string]

function keyPage(page: Page, frame: ExposureFrame, exposure: Exposure): string {
  const { access } = exposure
  const parts = [
    heading(page, frame, exposure),
    resources(page, exposure),
    access === null ? [] : openSpace(page, exposure, access),
    used(page, exposure),
    hosts(page, exposure),
  ]
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => `${line}\n`).join(''))
    .join('\n')
}

function heading(page: Page, frame: ExposureFrame, exposure: Exposure): string[] {
  const { peer, rules } = exposure
  const { terminal, width } = page
  const person = peer.owner === null ? 'nobody is documented' : peer.owner.name || peer.owner.email
  const name = peerName(peer, 40)
  const where = peer.isRunning
    ? `${peer.gateway} ${peer.interface}`
    : `does not run at the newest poll${peer.gateway === '' ? '' : ` of ${peer.gateway}`}: no packet of it comes in`
  const stood =
    rules === null
      ? 'NOT KNOWN: reach not stated'
      : `${rules.place}, ${rules.at === null ? 'not dated' : printTime(rules.at)}`
  return [
    ...wrapText(
      `If ${peer.name === '' ? name : `the key of ${name}`} leaked today: ${openSummary(exposure)}`,
      width,
    ).map((line) => paint(terminal, 'bold', line)),
    ...facts(page, [
      ['key', peer.publicKey],
      [
        'peer',
        peer.name === ''
          ? 'documented nowhere in the inventory'
          : [peer.name, peer.kind, peer.device].filter((text) => text !== '').join(', '),
      ],
      ['owner', peer.name === '' ? 'not known' : `${person}, documented`],
      ['on', where],
      ['AllowedIPs', sourcesText(exposure)],
      ['groups', peer.groups.length === 0 ? 'none, so the policy grants it nothing' : peer.groups.join(', ')],
      ['rules', stood],
      ['use', useText(frame)],
    ]),
  ]
}

/** Where records begin later than what was asked for, that is all that is known. */
function useText({ period, recordedSince }: ExposureFrame): string {
  const looked = `looked for from ${printSecond(period.since)} to ${printSecond(period.until)}`
  if (recordedSince === null) return `${looked}; nothing is recorded`
  return recordedSince > period.since ? `${looked}; records begin ${printSecond(recordedSince)}` : looked
}

function sourcesText({ peer, hasDefault }: Exposure): string {
  if (peer.allowedIps.length === 0) return 'none'
  return `${peer.allowedIps.join(', ')}${hasDefault ? ': it may send from every address that no other peer holds' : ''}`
}

const COLUMNS: readonly FittedColumn[] = [
  { title: 'resource', least: 12 },
  { title: 'class', least: 12, rank: 2 },
  { title: 'rules', rank: -1 },
  { title: 'policy', rank: -2 },
  { title: 'verdict' },
  { title: 'where', least: 22, rank: 4 },
  { title: 'used', align: 'right' },
  { title: 'denied', align: 'right', rank: 3 },
  { title: 'bytes', align: 'right', rank: 1 },
  { title: 'last', rank: 0 },
]

function resources(page: Page, exposure: Exposure): string[] {
  const { resources: all, access, peer } = exposure
  if (all.length === 0)
    return [
      title(page, 'Resources'),
      access === null ? '  none granted, and no use recorded' : '  none reached, granted or used',
    ]
  const rows = all.map((each): Cell[] => {
    const { resource, used: use, denied, reached } = each
    return [
      plain(resource.name),
      plain(resource.classification || '-'),
      rulesCell(each, peer.isRunning),
      plain(each.isDocumented ? 'granted' : 'no grant'),
      verdictCell(each),
      plain(reached === null ? '' : placesText(reached.reached, 2)),
      plain(use === null ? '-' : `${use.connected}/${use.attempts}`),
      plain(denied === 0 ? '-' : String(denied)),
      plain(use === null ? '-' : bytesText(use.sent + use.received)),
      plain(use === null ? '-' : stamp(use.last)),
    ]
  })
  const unused = unusedGrants(exposure).map(({ resource }) => resource.name)
  const doubts = [...new Set(all.flatMap(({ reached }) => reached?.reached.flatMap(({ part }) => part.why) ?? []))]
  return [
    title(page, 'Resources'),
    ...fittedTable(page.terminal, page.width, COLUMNS, rows).trimEnd().split('\n'),
    ...facts(page, [
      ...(unused.length === 0
        ? []
        : [['unused', `granted, and not connected to in the period: ${unused.join(', ')}`] as const]),
      ...doubts.map((doubt): Fact => ['perhaps', DOUBT_TEXTS[doubt]]),
      ...(access !== null && !access.isWhole ? [['perhaps', DOUBT_TEXTS.size] as const] : []),
    ]),
  ]
}

function rulesCell({ byRules, reached }: ExposedResource, isRunning: boolean): Cell {
  if (!isRunning) return plain('-')
  if (byRules === 'yes') return plain(reached?.isWhole === false ? 'in part' : 'open')
  if (byRules === 'maybe') return { text: 'perhaps', style: 'yellow' }
  return byRules === 'no' ? plain('closed') : { text: 'not known', style: 'yellow' }
}

function verdictCell({ byRules, isDocumented }: ExposedResource): Cell {
  if (byRules === 'unknown') return plain('-')
  const isReached = byRules === 'yes' || byRules === 'maybe'
  if (isReached)
    return isDocumented ? { text: 'as documented', style: 'green' } : { text: 'NOT DOCUMENTED', style: 'red' }
  return isDocumented ? { text: 'granted, closed', style: 'yellow' } : plain('closed')
}

/** What is open besides resources. */
function openSpace(page: Page, exposure: Exposure, access: Access): string[] {
  const labels = ['beyond', 'peers', 'gateway']
  const list = openTexts(exposure, access).map(([, text], i): Fact => [labels[i] ?? '', text])
  return [title(page, 'Open by rules besides'), ...facts(page, list)]
}

const USED_COLUMNS: readonly FittedColumn[] = [
  { title: 'uncatalogued', least: 20 },
  { title: 'service' },
  { title: 'used', align: 'right' },
  { title: 'bytes', align: 'right' },
  { title: 'first', rank: 1 },
  { title: 'last', rank: 0 },
]

/** What it did reach that no resource names. */
function used(page: Page, { uncatalogued, denied, resources: known }: Exposure): string[] {
  const names = new Set(known.map(({ resource }) => resource.name))
  const elsewhere = denied.filter(({ resource }) => !names.has(resource))
  const lines = elsewhere.reduce((sum, each) => sum + each.lines, 0)
  const turned =
    lines === 0 ? [] : facts(page, [['denied', `${counted(lines, 'packet')} to addresses that are no resource here`]])
  if (uncatalogued.length === 0) return turned.length === 0 ? [] : [title(page, 'Used besides'), ...turned]
  const rows = uncatalogued
    .slice(0, PLACES_MAX)
    .map(({ ip, transport, port, connected, attempts, sent, received, first, last }) => [
      plain(ip),
      plain(port < 0 ? transport : `${transport}/${port}`),
      plain(`${connected}/${attempts}`),
      plain(bytesText(sent + received)),
      plain(stamp(first)),
      plain(stamp(last)),
    ])
  const more = uncatalogued.length - rows.length
  return [
    title(page, 'Used besides'),
    ...fittedTable(page.terminal, page.width, USED_COLUMNS, rows).trimEnd().split('\n'),
    ...(more > 0 ? [`and ${counted(more, 'more service')}; --json has all`] : []),
    ...turned,
  ]
}

function hosts(page: Page, { logins, rights }: Exposure): string[] {
  if (logins.length === 0 && rights.length === 0) return []
  const list = logins.map(({ host, account, logins: count, isRoot, first, last }): Fact => {
    const taken = rights.filter((each) => each.host === host)
    const how = taken.map((each) => `rights of ${each.account} ${each.times}×`).join(', ')
    const when = count === 1 ? stamp(first) : `${stamp(first)} to ${stamp(last)}`
    return [
      host,
      `${counted(count, 'login')} as ${account}${isRoot ? ' (root)' : ''}, ${when}${how === '' ? '' : `; in logins there: ${how}`}`,
    ]
  })
  return [title(page, 'Logins on audited hosts'), ...facts(page, list)]
}

function facts({ width }: Page, list: readonly Fact[]): string[] {
  let last = ''
  return list.flatMap(([label, text]) => {
    const shown = label === last ? '' : safeText(label).slice(0, LABEL - 2)
    last = label
    return wrapText(text, width - LABEL - 2).map((line, i) => `  ${(i === 0 ? shown : '').padEnd(LABEL)}${line}`)
  })
}

function title({ terminal }: Page, text: string): string {
  return paint(terminal, 'bold', text)
}

function plain(text: string): Cell {
  return { text, style: null }
}

/** `2026-11-22 15:12`, UTC as everywhere. */
export function stamp(at: Micros): string {
  return `${dayOf(at)} ${timeOfDay(at).slice(0, 5)}`
}
