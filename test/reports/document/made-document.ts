/** A made report that has every kind of block, and copies of it in which every text is another. */
import type { Chart, Column, ReportDocument, Table } from '../../../src/reports/document/report-document.ts'
import type { ReportFrame } from '../../../src/reports/document/report-frame.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../../src/time.ts'

export const FROM = Date.parse('2026-11-01T00:00:00Z') * 1000
export const TO = Date.parse('2026-12-01T00:00:00Z') * 1000
const KEY = 'eVzV4u2wsQZ+FFYPnScYDp4JnwR4xjBPRBDeSvlKZzE='

export const FRAME: ReportFrame = {
  reportId: 'acc-5f1c90b7d2a86e34',
  software: 'peertrail 0.1.0',
  source: 'store',
  command: 'peertrail report access --since 2026-11-01 --until 2026-12-01 --as-of 2026-12-02 --out report',
  names: 'as-recorded',
  isPseudonymised: false,
  files: [
    { name: 'access.csv', rows: 1234 },
    { name: 'access.ndjson', rows: 1234 },
  ],
}

const SERIES = [
  { name: 'connected', tone: 'good' },
  { name: 'refused by server', tone: 'neutral' },
  { name: 'allowed without answer', tone: 'warning' },
  { name: 'denied at gateway', tone: 'bad' },
  { name: 'unknown', tone: 'plain' },
] as const

const COLUMNS: Chart = {
  kind: 'columns',
  title: 'Connections and attempts over time',
  unit: 'connections',
  series: SERIES,
  width: 6 * HOUR,
  buckets: Array.from({ length: 120 }, (_, i) => ({
    at: FROM + i * 6 * HOUR,
    values: [
      i % 4 === 0 ? 3 : 40 + ((i * 17) % 31),
      (i * 3) % 7,
      (i * 5) % 6,
      i % 29 === 0 ? 35 : i % 5,
      i % 41 === 0 ? 6 : 0,
    ],
  })),
}

const BARS: Chart = {
  kind: 'bars',
  title: 'By resource',
  unit: 'connections',
  series: SERIES,
  bars: [
    { label: 'customer-db', values: [820, 12, 4, 31, 0] },
    { label: 'intranet', values: [611, 0, 0, 3, 1] },
    { label: 'build-agents', values: [95, 44, 12, 0, 6] },
    { label: 'uncatalogued 10.20.0.77:8443/tcp', values: [7, 2, 0, 112, 0] },
    { label: 'printer', values: [1, 0, 0, 0, 0] },
  ],
}

const STRIP: Chart = {
  kind: 'strip',
  title: 'What was recorded',
  from: FROM,
  to: TO,
  lanes: [
    { label: 'gw1 netfilter', spans: [{ from: FROM, to: TO, state: 'covered', note: '' }] },
    {
      label: 'gw1 conntrack',
      spans: [
        { from: FROM, to: FROM + 9 * DAY, state: 'covered', note: '' },
        { from: FROM + 9 * DAY, to: FROM + 9 * DAY + 9 * SECOND, state: 'gap', note: 'collector-stopped, 8.9 s' },
        { from: FROM + 9 * DAY + 9 * SECOND, to: FROM + 20 * DAY, state: 'covered', note: '' },
        { from: FROM + 20 * DAY, to: FROM + 23 * DAY, state: 'partly', note: 'limit rate on a logging rule' },
        { from: FROM + 23 * DAY, to: TO, state: 'covered', note: '' },
      ],
    },
    {
      label: 'gw2 wireguard',
      spans: [
        { from: FROM, to: FROM + 14 * DAY, state: 'silent', note: 'nothing was said' },
        { from: FROM + 14 * DAY, to: TO, state: 'covered', note: '' },
      ],
    },
  ],
}

const WIDE: readonly Column[] = [
  { title: 'Who' },
  { title: 'Key', isCode: true },
  { title: 'Resource' },
  { title: 'Address', isCode: true },
  { title: 'From', isCode: true },
  { title: 'First' },
  { title: 'Last' },
  { title: 'Connected', align: 'right' },
  { title: 'Refused', align: 'right' },
  { title: 'No answer', align: 'right' },
  { title: 'Denied', align: 'right' },
  { title: 'Bytes', align: 'right' },
]

const PEOPLE = ['Alice Example', 'Bob Example', 'Carol Example-Longname'] as const

const ACCESS: Table = {
  kind: 'table',
  caption: 'Who reached what',
  columns: WIDE,
  rows: Array.from({ length: 40 }, (_, i) => [
    { text: PEOPLE[i % 3] ?? '', note: i % 7 === 2 ? 'now: Dora Example' : '' },
    KEY,
    ['customer-db', 'intranet', 'build-agents'][i % 3] ?? '',
    '10.20.0.10:5432/tcp',
    `203.0.113.${i}:51820`,
    '2026-11-03 08:01:12.004 UTC',
    '2026-11-28 17:44:03.511 UTC',
    String(100 + i * 13),
    '0',
    String(i % 3),
    i % 5 === 0 ? { text: '14', tone: 'bad' as const } : '0',
    '1.2 GB',
  ]),
  total: 1234,
  file: 'access',
  empty: 'no connection was recorded',
}

export const DOCUMENT: ReportDocument = {
  kind: 'access',
  title: 'Access report',
  subject: 'customer-db',
  period: { from: FROM, to: TO },
  reportTime: TO + DAY + 9 * HOUR + 30 * MINUTE,
  summary: [
    '3 people and one key without owner reached customer-db 820 times; 31 attempts were denied at the gateway.',
    'The records cover at least 97.2 % and at most 99.9 % of the period.',
  ],
  sections: [
    {
      id: 'what-exact-means',
      title: 'What exact means',
      blocks: [
        {
          kind: 'paragraph',
          text: 'An address is traced to the key that carried it, at the resolution of the polls. The owner is a documented assignment, not an authentication.',
        },
        { kind: 'note', tone: 'plain', text: 'A key is no person: whoever used it may hold other keys.' },
        { kind: 'note', tone: 'good', text: 'The chain of the store was checked from its first segment to its head.' },
        { kind: 'note', tone: 'warning', text: 'gw1 conntrack was not recorded for 8.9 s on 2026-11-10.' },
        {
          kind: 'note',
          tone: 'bad',
          text: 'Key use disputed: a finding says that the key of alice-laptop is in other hands since 2026-11-12.',
        },
        {
          kind: 'figures',
          items: [
            { label: 'connected', value: '820', tone: 'good' },
            { label: 'refused by server', value: '12', tone: 'plain' },
            { label: 'no answer', value: '4', tone: 'warning' },
            { label: 'denied at gateway', value: '31', tone: 'bad', note: '28 of one key' },
            { label: 'unknown verdict', value: '0', tone: 'plain' },
          ],
        },
      ],
    },
    {
      id: 'who-and-what',
      title: 'Who and what',
      blocks: [
        { kind: 'chart', chart: COLUMNS },
        { kind: 'chart', chart: BARS },
        ACCESS,
        {
          ...ACCESS,
          caption: 'Not attributed',
          rows: [],
          total: 0,
          empty: 'no connection without an attribution was recorded',
        },
      ],
    },
    {
      id: 'completeness',
      title: 'Completeness',
      blocks: [
        { kind: 'chart', chart: STRIP },
        {
          kind: 'facts',
          rows: [
            ['gw1 netfilter', { text: '100 % to 100 %', tone: 'good' }],
            ['gw1 conntrack', { text: '90.1 % to 99.9 %', tone: 'warning', note: 'sampled for 3 days' }],
            [
              'head of the chain',
              { text: '12:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', isCode: true },
            ],
          ],
        },
        {
          kind: 'bullets',
          items: [
            'Chains of wg0 without a log rule are not seen.',
            { text: 'nft add rule inet filter forward log', isCode: true, note: 'closes that' },
          ],
        },
      ],
    },
    {
      id: 'review',
      title: 'Review',
      blocks: [{ kind: 'form', fields: ['Reviewer', 'Date', 'Findings', 'Follow-up reference'] }],
    },
  ],
  data: { rows: 1234 },
  isFound: true,
}

/** Members that are words of the program, not texts. */
const FIXED = new Set(['kind', 'id', 'tone', 'align', 'state', 'file', 'names', 'unit'])

/** `document` with every text replaced by what `change` makes of it. */
export function withTexts<T>(value: T, change: (text: string) => string, name = ''): T {
  // Strings become strings and everything else keeps its shape, so the type stays.
  if (typeof value === 'string') return (value === '' || FIXED.has(name) ? value : change(value)) as T
  if (Array.isArray(value)) return value.map((each) => withTexts(each, change, name)) as T
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([key, member]) => [key, withTexts(member, change, key)] as const)
  return Object.fromEntries(members) as T
}
