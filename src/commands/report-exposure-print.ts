/**
 * An exposure report on a terminal or on paper: what would be open if the key leaked today, in one line; then resources, rules beside
 * policy beside use; then what lies beyond the catalogue, and where the key was used. Every line has at most `width` characters.
 */
import type { Access, Reached } from '../posture/reach-access.ts'
import { targetOf } from '../posture/reach-access.ts'
import { byDestination, destinationText, servicesText } from '../posture/reach-text.ts'
import { bytesText, dayOf, timeOfDay } from '../quantity-text.ts'
import { type ExposedResource, type Exposure, unusedGrants } from '../reports/exposure/exposure.ts'
import { safeText } from '../safe-text.ts'
import type { Doubt } from '../sources/nftables/reach-traveller.ts'
import type { Micros } from '../time.ts'
import type { Cell } from './document-line.ts'
import { type FittedColumn, fittedTable } from './fitted-table.ts'
import { peerName, shortKey } from './peer-facts.ts'
import type { ExposureFrame } from './report-exposure.ts'
import { counted, paint, type Terminal } from './terminal.ts'
import { printSecond, printTime } from './time-argument.ts'
import { wrapText } from './wrap-text.ts'

/** Labels stand left of the facts. */
const LABEL = 13
/** Services of a destination, destinations, peers, used places told on the page; --json has all. */
const [SERVICES_MAX, DESTINATIONS_MAX, PEERS_MAX, PLACES_MAX] = [8, 8, 6, 12]

/** What a doubt is called, and what would end it. */
const DOUBTS: { readonly [doubt in Doubt]: string } = {
  set: 'a set that packets or time fill decides',
  limit: 'a rate limit, quota or count decides',
  expression: 'an expression that is not evaluated here decides',
  'way-out':
    'the rules let it out by some interfaces only, and the ruleset does not say which one its address is routed to',
  size: 'the rules cut packets into more parts than are followed',
}

const METHOD =
  'Reach is worked out from the rules of the gateway alone: what the rules of other machines, routes and reverse path filters add is not looked at, and a resource on the gateway itself is known as such only where the inventory names the gateway among its hosts, or where its address is one of the tunnel that no peer holds (perhaps). Use is what was recorded; nothing recorded is no proof of no use.'

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
  return [pages.join(rule), notes.join(''), wrapped(METHOD).join('')].filter((text) => text !== '').join('\n')
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
    ...wrapText(`If ${peer.name === '' ? name : `the key of ${name}`} leaked today: ${summary(exposure)}`, width).map(
      (line) => paint(terminal, 'bold', line),
    ),
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

/** One sentence. */
function summary(exposure: Exposure): string {
  const { resources: all, access, peer, isUseKnown } = exposure
  const usedCount = all.filter(({ used: use }) => use !== null && use.connected > 0).length
  const use =
    isUseKnown || usedCount > 0
      ? `it was used with ${counted(usedCount, 'resource')} in the period`
      : 'what it was used for in the period is not known'
  if (!peer.isRunning) return `nothing by this tunnel, the key does not run; ${use}.`
  if (access === null) return `reach not stated, the rules are not known; ${use}.`
  const open = all.filter(isOpen)
  const over = open.filter(({ isDocumented }) => !isDocumented).length
  const reach = open.length === 0 ? 'no documented resource' : counted(open.length, 'resource')
  const beyond = access.beyond.length > 0 ? ', and addresses beyond the catalogue' : ''
  const policy =
    open.length === 0 ? '' : over === 0 ? ', all granted by policy' : `, ${over} of them granted by no policy`
  return `the rules let it reach ${reach}${policy}${beyond}; ${use}.`
}

function isOpen({ byRules }: ExposedResource): boolean {
  return byRules === 'yes' || byRules === 'maybe'
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
      ...doubts.map((doubt): Fact => ['perhaps', DOUBTS[doubt]]),
      ...(access !== null && !access.isWhole ? [['perhaps', DOUBTS.size] as const] : []),
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
function openSpace(page: Page, { peer }: Exposure, access: Access): string[] {
  const { beyond, peers, gateway } = access
  const own = gateway.map((part) => ({ family: part.family, box: targetOf(part), certainty: part.certainty, part }))
  const met = [...Map.groupBy(peers, ({ publicKey }) => publicKey)]
  const told = met.slice(0, PEERS_MAX).map(([publicKey, prefixes]) => {
    const places = prefixes.map(
      ({ prefix, reached }) =>
        `${prefix} ${byDestination(reached)
          .slice(0, 1)
          .map((each) => servicesText(each, SERVICES_MAX))
          .join('')}`,
    )
    return `${shortKey(publicKey)} ${places.join(', ')}`
  })
  const more = met.length - told.length
  const list: Fact[] = [
    [
      'beyond',
      beyond.length === 0 ? 'no address that is no resource' : `${spaceText(beyond)}; resources and peers aside`,
    ],
    [
      'peers',
      met.length === 0
        ? 'no other peer'
        : `${counted(met.length, 'other peer')}: ${told.join('; ')}${more > 0 ? ` and ${more} more` : ''}`,
    ],
    ['gateway', own.length === 0 ? `nothing on ${peer.gateway} itself` : `${peer.gateway} itself: ${ownText(own)}`],
  ]
  return [title(page, 'Open by rules besides'), ...facts(page, list)]
}

/** As the rules have it, not cut by what is documented. */
function spaceText(beyond: readonly Reached[]): string {
  const parts = [...new Set(beyond.map(({ part }) => part))]
  const isOpen = parts.every(({ certainty }) => certainty === 'maybe')
  const text = placesText(
    parts.map((part) => ({ family: part.family, box: targetOf(part) })),
    DESTINATIONS_MAX,
  )
  return isOpen ? `perhaps ${text}` : text
}

/** Which of the addresses are its own is not known here: what is open on most of them is what counts. */
function ownText(own: readonly Reached[]): string {
  const widest = (['4', '6'] as const).flatMap((family) =>
    byDestination(own.filter((each) => String(each.family) === family)).slice(0, 1),
  )
  return [...new Set(widest.map((each) => `IPv${each.family} ${servicesText(each, SERVICES_MAX)}`))].join('; ')
}

function placesText(reached: readonly Pick<Reached, 'family' | 'box'>[], most: number): string {
  const places = byDestination(reached)
  const told = places.slice(0, most).map((each) => `${destinationText(each)} ${servicesText(each, SERVICES_MAX)}`)
  const more = places.length - told.length
  return `${told.join('; ')}${more > 0 ? ` and ${more} more` : ''}`
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
