/**
 * Exposure reports as documents: of the keys of one peer, each in full, or of all keys by how much would be open. Facts and words are those
 * of the pages on a terminal.
 */
import { bytesText } from '../../quantity-text.ts'
import type { Micros } from '../../time.ts'
import type { Block, Cell, JsonValue, ReportDocument, Section } from '../document/report-document.ts'
import { stampText } from '../revocation/revocation-text.ts'
import { type ExposedResource, type Exposure, unusedGrants } from './exposure.ts'
import type { ExposurePeriod } from './exposure-facts.ts'
import type { Ranked } from './exposure-rank.ts'
import { rankTable } from './exposure-rank-table.ts'
import {
  counted,
  DOUBT_TEXTS,
  EXPOSURE_METHOD,
  exposedName,
  exposureSummary,
  isReachedByRules,
  openTexts,
  placesText,
} from './exposure-words.ts'

export type ExposureAsking = {
  /** `ivy (MacBook Air)`; '' = all keys. */
  readonly label: string
  readonly at: Micros
  readonly isTimeGiven: boolean
  readonly period: ExposurePeriod
  /** When the oldest document happened; null = there is none. */
  readonly recordedSince: Micros | null
  /** What had to be done without, a sentence each. */
  readonly notes: readonly string[]
  /** Stands on the report; a parameter, never the clock. */
  readonly reportTime: Micros
  /** What programs get beside the document. */
  readonly data: JsonValue
}

/** Keys that have a part of their own, services told of one, places of a resource. */
const [KEYS_MAX, SERVICES_MAX, PLACES_MAX] = [50, 500, 4]

/** Of the keys of one peer. Found is a resource that is reached and granted by nothing. */
export function exposureDocument(exposures: readonly Exposure[], asking: ExposureAsking): ReportDocument {
  const shown = exposures.slice(0, KEYS_MAX)
  const left = exposures.length - shown.length
  return {
    ...commonOf(asking),
    subject: asking.label,
    summary: [
      ...(exposures.length === 0 ? ['No key was reported on.'] : shown.slice(0, 3).map(exposureSummary)),
      ...(exposures.length > 3 ? [`${exposures.length} keys in all, a part for each.`] : []),
      ...(left > 0 ? [`The last ${left} of them have no part of their own here.`] : []),
    ],
    sections: [
      ...shown.flatMap((exposure, i) => keySections(exposure, shown.length === 1 ? '' : `key-${i + 1}-`)),
      ...closingSections(asking),
    ],
    isFound: exposures.some(({ resources }) => resources.some((each) => isReachedByRules(each) && !each.isDocumented)),
  }
}

/** Of all keys, in their order. */
export function rankedExposureDocument(ranked: readonly Ranked[], asking: ExposureAsking): ReportDocument {
  const over = ranked.filter(({ overreach }) => overreach > 0).length
  const known = ranked.filter(({ counts }) => counts !== null).length
  const rules = known === ranked.length ? '' : `The rules are known for ${known} of them. `
  const reach = known === 0 ? 'What they reach is not known.' : `${over} reach what no policy grants.`
  return {
    ...commonOf(asking),
    subject: asking.label === '' ? 'all keys' : asking.label,
    summary: [`${counted(ranked.length, 'key')}, the most exposed first. ${rules}${reach}`],
    sections: [
      {
        id: 'keys',
        title: 'Keys by exposure',
        blocks: [
          {
            kind: 'paragraph',
            text: 'Order: restricted, secret and confidential resources that rules let the key reach, then all resources, then address space beyond the catalogue, then other peers. What a rule leaves open to doubt counts as reached.',
          },
          rankTable(ranked),
        ],
      },
      ...closingSections(asking),
    ],
    isFound: over > 0,
  }
}

function commonOf({ period, reportTime, data }: ExposureAsking) {
  return {
    kind: 'exposure' as const,
    title: 'Exposure report',
    period: { from: period.since, to: period.until },
    reportTime,
    data,
  }
}

function closingSections({ at, isTimeGiven, period, recordedSince, notes }: ExposureAsking): Section[] {
  const late =
    recordedSince === null
      ? 'nothing is recorded'
      : recordedSince > period.since
        ? `records begin ${stampText(recordedSince)}`
        : 'recorded from its beginning'
  return [
    {
      id: 'method',
      title: 'What this rests on',
      blocks: [
        {
          kind: 'facts',
          rows: [
            [
              'Keys and documents',
              `${isTimeGiven ? 'at' : 'as of'} ${stampText(at)}${isTimeGiven ? '' : ', the newest poll there is'}`,
            ],
            ['Use', `looked for from ${stampText(period.since)} to ${stampText(period.until)}; ${late}`],
          ],
        },
        ...notes.map((text): Block => ({ kind: 'note', tone: 'warning', text })),
        { kind: 'bullets', items: EXPOSURE_METHOD },
      ],
    },
  ]
}

/** `prefix`: '' for the only key. */
function keySections(exposure: Exposure, prefix: string): Section[] {
  const { access } = exposure
  const part = (id: string, title: string, blocks: readonly Block[]): Section[] =>
    blocks.length === 0
      ? []
      : [
          {
            id: `${prefix}${id}`,
            title: prefix === '' ? title : `${exposedName(exposure)}, ${exposure.peer.gateway}: ${title}`,
            blocks,
          },
        ]
  return [
    ...part('key', 'Key and owner', [
      // Of one key the summary says it.
      ...(prefix === '' ? [] : [{ kind: 'note', tone: 'plain', text: exposureSummary(exposure) } as const]),
      headBlock(exposure),
    ]),
    ...part('resources', 'Resources', resourceBlocks(exposure)),
    ...part(
      'open',
      'Open by rules besides',
      access === null ? [] : [{ kind: 'facts', rows: openTexts(exposure, access) }],
    ),
    ...part('used', 'Used besides', usedBlocks(exposure)),
    ...part('logins', 'Logins on audited hosts', loginBlocks(exposure)),
  ]
}

function headBlock({ peer, rules, hasDefault }: Exposure): Block {
  const person = peer.owner === null ? 'nobody is documented' : peer.owner.name || peer.owner.email
  const where = peer.isRunning
    ? `${peer.gateway} ${peer.interface}`
    : `does not run at the newest poll${peer.gateway === '' ? '' : ` of ${peer.gateway}`}: no packet of it comes in`
  const sources =
    peer.allowedIps.length === 0
      ? 'none'
      : `${peer.allowedIps.join(', ')}${hasDefault ? ': it may send from every address that no other peer holds' : ''}`
  const documented = [peer.name, peer.kind, peer.device].filter((text) => text !== '').join(', ')
  return {
    kind: 'facts',
    rows: [
      ['Key', { text: peer.publicKey, isCode: true }],
      ['Peer', peer.name === '' ? 'documented nowhere in the inventory' : documented],
      ['Owner', peer.name === '' ? 'not known' : `${person}, documented`],
      ['On', where],
      ['AllowedIPs', sources],
      ['Groups', peer.groups.length === 0 ? 'none, so the policy grants it nothing' : peer.groups.join(', ')],
      [
        'Rules',
        rules === null
          ? { text: 'not known: reach is not stated', tone: 'warning' }
          : `${rules.place}, ${rules.at === null ? 'not dated' : stampText(rules.at)}`,
      ],
    ],
  }
}

function resourceBlocks(exposure: Exposure): Block[] {
  const { resources, access, peer } = exposure
  const unused = unusedGrants(exposure).map(({ resource }) => resource.name)
  const doubts = new Set(resources.flatMap(({ reached }) => reached?.reached.flatMap(({ part }) => part.why) ?? []))
  if (access !== null && !access.isWhole) doubts.add('size')
  const notes = [
    ...(unused.length === 0 ? [] : [`Granted, and not connected to in the period: ${unused.join(', ')}.`]),
    ...[...doubts].map((doubt) => `Perhaps: ${DOUBT_TEXTS[doubt]}.`),
  ]
  return [
    {
      kind: 'table',
      caption: '',
      columns: [
        { title: 'Resource' },
        { title: 'Class' },
        { title: 'Rules' },
        { title: 'Policy' },
        { title: 'Verdict' },
        { title: 'Where' },
        { title: 'Connected', align: 'right' },
        { title: 'Attempts', align: 'right' },
        { title: 'Denied', align: 'right' },
        { title: 'Bytes', align: 'right' },
        { title: 'Last use' },
      ],
      rows: resources.map((each) => resourceRow(each, peer.isRunning)),
      total: resources.length,
      file: '',
      empty: access === null ? 'None granted, and no use recorded.' : 'None reached, granted or used.',
    },
    ...(notes.length === 0 ? [] : [{ kind: 'bullets' as const, items: notes }]),
  ]
}

function resourceRow(each: ExposedResource, isRunning: boolean): Cell[] {
  const { resource, used, denied, reached, isDocumented } = each
  return [
    resource.name,
    resource.classification || '-',
    rulesCell(each, isRunning),
    isDocumented ? 'granted' : 'no grant',
    verdictCell(each),
    reached === null ? '' : placesText(reached.reached, PLACES_MAX),
    used === null ? '-' : String(used.connected),
    used === null ? '-' : String(used.attempts),
    denied === 0 ? '-' : String(denied),
    used === null ? '-' : bytesText(used.sent + used.received),
    used === null ? '-' : stampText(used.last),
  ]
}

function rulesCell({ byRules, reached }: ExposedResource, isRunning: boolean): Cell {
  if (!isRunning) return '-'
  if (byRules === 'yes') return reached?.isWhole === false ? 'in part' : 'open'
  if (byRules === 'maybe') return { text: 'perhaps', tone: 'warning' }
  return byRules === 'no' ? 'closed' : { text: 'not known', tone: 'warning' }
}

function verdictCell(each: ExposedResource): Cell {
  if (each.byRules === 'unknown') return '-'
  if (isReachedByRules(each))
    return each.isDocumented ? { text: 'as documented', tone: 'good' } : { text: 'not documented', tone: 'bad' }
  return each.isDocumented ? { text: 'granted, closed', tone: 'warning' } : 'closed'
}

/** What it did reach that no resource names. */
function usedBlocks({ uncatalogued, denied, resources }: Exposure): Block[] {
  const names = new Set(resources.map(({ resource }) => resource.name))
  const lines = denied.filter(({ resource }) => !names.has(resource)).reduce((sum, each) => sum + each.lines, 0)
  if (uncatalogued.length === 0 && lines === 0) return []
  return [
    {
      kind: 'table',
      caption: '',
      columns: [
        { title: 'Uncatalogued', isCode: true },
        { title: 'Service' },
        { title: 'Connected', align: 'right' },
        { title: 'Attempts', align: 'right' },
        { title: 'Bytes', align: 'right' },
        { title: 'First' },
        { title: 'Last' },
      ],
      rows: uncatalogued
        .slice(0, SERVICES_MAX)
        .map(({ ip, transport, port, connected, attempts, sent, received, first, last }) => [
          ip,
          port < 0 ? transport : `${transport}/${port}`,
          String(connected),
          String(attempts),
          bytesText(sent + received),
          stampText(first),
          stampText(last),
        ]),
      total: uncatalogued.length,
      file: '',
      empty: 'No connection outside the catalogue is recorded.',
    },
    ...(lines === 0
      ? []
      : [
          {
            kind: 'paragraph' as const,
            text: `${counted(lines, 'packet')} to addresses that are no resource here ${lines === 1 ? 'was' : 'were'} denied.`,
          },
        ]),
  ]
}

function loginBlocks({ logins, rights }: Exposure): Block[] {
  if (logins.length === 0 && rights.length === 0) return []
  return [
    {
      kind: 'table',
      caption: '',
      columns: [
        { title: 'Host' },
        { title: 'Account' },
        { title: 'Logins', align: 'right' },
        { title: 'First' },
        { title: 'Last' },
        { title: 'Rights taken in logins there' },
      ],
      rows: logins.slice(0, SERVICES_MAX).map(({ host, account, logins: count, isRoot, first, last }) => [
        host,
        isRoot ? { text: account, tone: 'warning', note: 'root' } : account,
        String(count),
        stampText(first),
        stampText(last),
        rights
          .filter((each) => each.host === host)
          .map((each) => `of ${each.account} ${each.times}×`)
          .join(', '),
      ]),
      total: logins.length,
      file: '',
      empty: 'No login of the period is recorded; rights were taken in one from before.',
    },
  ]
}
