/** The incident report of made-up documents: what is not certain, what was handled, and texts that want to be more than texts. */
import { expect, test } from 'vitest'
import type { Fields } from '../../src/fields.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { micros, withStore } from '../commands/made-store.ts'
import {
  type AskedIncident,
  type AskedOptions,
  aboutAddress,
  aboutKeys,
  allText,
  askIncident,
  askPack,
  jsonRows,
} from './incident-asking.ts'

const KEY = 'S2V5T2ZBbGljZUFsaWNlQWxpY2VBbGljZUFsaWNlMDE='
const OTHER = 'S2V5T2ZCb2JCb2JCb2JCb2JCb2JCb2JCb2JCb2IwMDI='
const PERIOD = { from: micros('2026-11-22T15:00:00Z'), to: micros('2026-11-22T16:00:00Z') }
const at = (time: string) => micros(`2026-11-22T${time}Z`)

function made(dataset: string, time: string, id: string, more: Fields): Fields {
  return {
    '@timestamp': at(time),
    'event.id': id,
    'event.dataset': dataset,
    'event.kind': 'event',
    'host.name': 'gw1',
    ...more,
  }
}

const OWN: Fields = {
  'wireguard.peer.public_key': KEY,
  'wireguard.peer.name': 'alice-laptop',
  'wireguard.peer.owner.email': 'alice@example.com',
  'wireguard.attribution.status': 'exact',
}

function ask(documents: readonly Fields[], options: AskedOptions = {}): Promise<AskedIncident> {
  return withStore(documents, async (dir) => {
    const reader = await openStoreReader(dir)
    try {
      return await askIncident(reader, aboutKeys('alice-laptop', [KEY]), { period: PERIOD, ...options })
    } finally {
      reader.close()
    }
  })
}

const FLOW: Fields = {
  'event.provider': 'conntrack',
  'source.ip': '10.8.0.2',
  'source.port': 40000,
  'destination.ip': '10.20.0.10',
  'destination.port': 5432,
  'network.transport': 'tcp',
  'wireguard.flow.id': 'f1',
}

test('a document that may be of the key is told as that, and never as the key', async () => {
  const { document, files } = await ask([
    made('wireguard.flow', '15:10:00', 'id1', {
      ...FLOW,
      'event.action': 'flow-started',
      'wireguard.flow.outcome': 'connected',
      'wireguard.attribution.status': 'ambiguous',
      'wireguard.attribution.reason': 'holder-changing',
      'wireguard.attribution.candidates': [KEY, OTHER],
    }),
  ])
  const [row] = jsonRows(files.get('timeline.ndjson'))
  expect(row).toMatchObject({
    'wireguard.attribution.status': 'ambiguous',
    'wireguard.attribution.candidates': [KEY, OTHER],
  })
  expect(row?.['wireguard.peer.public_key']).toBe(undefined)
  const story = JSON.stringify(document.sections.find(({ id }) => id === 'story'))
  expect(story).toContain('perhaps the subject')
  expect(document.isFound).toBe(true)
  expect(allText(document)).toContain('1 document can belong to more than one key')
})

test('a connection is one line with the bytes of the period, whatever number of documents tell of it', async () => {
  const step = (time: string, id: string, action: string, more: Fields) =>
    made('wireguard.flow', time, id, {
      ...OWN,
      ...FLOW,
      'event.action': action,
      'event.start': at('14:50:00'),
      ...more,
    })
  const deltas = (sent: number, received: number): Fields => ({
    'wireguard.flow.delta.source.bytes': sent,
    'wireguard.flow.delta.destination.bytes': received,
  })
  const { files, document } = await ask([
    step('14:50:00', 'id1', 'flow-started', { 'wireguard.flow.outcome': 'unknown' }),
    step('14:55:00', 'id2', 'flow-progress', { ...deltas(1000, 1000), 'wireguard.flow.outcome': 'unknown' }),
    step('15:05:00', 'id3', 'flow-progress', { ...deltas(20, 30), 'wireguard.flow.outcome': 'connected' }),
    step('15:06:00', 'id4', 'flow-ended', { ...deltas(4, 5), 'wireguard.flow.outcome': 'connected' }),
  ])
  expect(jsonRows(files.get('timeline.ndjson'))).toMatchObject([
    { kind: 'flow', documents: 2, 'source.bytes': 24, 'destination.bytes': 35, 'event.id': ['id3', 'id4'] },
  ])
  expect(document.data).toMatchObject({ bytes: 59, counts: { connected: 1, unknown: 0 } })
})

test('a connection without a document in the period is counted as what the story cannot tell', async () => {
  const step = (time: string, id: string, action: string) =>
    made('wireguard.flow', time, id, { ...OWN, ...FLOW, 'event.action': action, 'event.start': at('14:50:00') })
  const { document } = await ask([
    step('14:50:00', 'id1', 'flow-started'),
    step('16:50:00', 'id2', 'flow-ended'),
    made('wireguard.session', '15:30:00', 'id3', { ...OWN, 'event.action': 'peer-session-started' }),
  ])
  expect(allText(document)).toContain('1 connection of these keys began before the period and went on after it')
})

test('a finding has its handling, also where that came after the period', async () => {
  const { document } = await ask([
    made('wireguard.finding', '15:20:00', 'finding1', {
      ...OWN,
      'event.kind': 'alert',
      'event.severity': 4,
      'rule.id': 'impossible-travel',
      'rule.name': 'Impossible travel',
      'wireguard.finding.summary': 'alice-laptop was in two places',
    }),
    made('wireguard.finding', '18:20:00', 'ack1', {
      'event.action': 'finding-acknowledged',
      'event.reason': 'looked at',
      'wireguard.finding.id': 'finding1',
      'wireguard.finding.handled_by': 'Carol',
      'wireguard.finding.case': 'CASE-7',
    }),
  ])
  const findings = JSON.stringify(document.sections.find(({ id }) => id === 'findings'))
  expect(findings).toContain('acknowledged by Carol')
  expect(findings).toContain('CASE-7')
  expect(document.summary.join(' ')).toContain('1 finding on it')
})

test('hostile texts stay one cell of one row, and run nothing', async () => {
  const evil = '=HYPERLINK("http://x")\n\u001b[2J<script>alert(1)</script>,"'
  const documents = [
    made('wireguard.audit', '15:30:00', 'id1', {
      ...OWN,
      'host.name': 'db1',
      'event.action': 'executed',
      'event.outcome': 'success',
      'event.provider': 'auditd',
      'event.original': `type=EXECVE ${evil}`,
      'auditd.session': '7',
      'process.args': ['sh', '-c', evil],
      'process.executable': '/bin/sh',
      'user.name': evil,
    }),
    made('wireguard.audit', '15:30:01', 'id2', {
      ...OWN,
      'host.name': 'db1',
      'event.action': 'opened-file',
      'event.outcome': 'failure',
      'event.provider': 'auditd',
      'auditd.session': '7',
      'file.path': evil,
    }),
  ]
  const { files, rows } = await ask(documents)
  const csv = files.get('timeline.csv') ?? ''
  expect(csv.trimEnd().split('\n').length).toBe(1 + (rows.get('timeline') ?? 0))
  expect(csv).not.toContain('\u001b')
  expect(csv).not.toMatch(/(^|,)"?=/m)
  expect(jsonRows(files.get('timeline.ndjson')).map((row) => row['kind'])).toEqual(['command', 'file'])
  await withStore(documents, async (dir) => {
    const reader = await openStoreReader(dir)
    const pack = await askPack(reader, aboutKeys(evil, [KEY]), null, { period: PERIOD })
    reader.close()
    expect(jsonRows(pack.files.get('documents.ndjson')).length).toBe(2)
    expect(jsonRows(pack.files.get('raw.ndjson')).length).toBe(1)
  })
})

test('an address that two keys had one after the other: the summary says whose, and that they are two', async () => {
  const { document } = await withStore(
    [
      made('wireguard.flow', '15:10:00', 'id1', {
        ...FLOW,
        ...OWN,
        'wireguard.peer.role': 'source',
        'observer.name': 'gw1',
      }),
      made('wireguard.flow', '15:20:00', 'id2', {
        ...FLOW,
        'wireguard.flow.id': 'f2',
        'observer.name': 'gw1',
        'wireguard.peer.role': 'source',
        'wireguard.peer.public_key': OTHER,
        'wireguard.peer.name': 'bob-laptop',
        'wireguard.attribution.status': 'exact',
      }),
    ],
    async (dir) => {
      const reader = await openStoreReader(dir)
      try {
        return await askIncident(reader, aboutAddress('10.8.0.2'), { period: PERIOD })
      } finally {
        reader.close()
      }
    },
  )
  expect(document.summary[0]).toContain('2 keys had this address')
  expect(document.summary[0]).toContain('alice-laptop, alice@example.com on gw1; bob-laptop on gw1')
  expect(document.summary[0]).toContain('is nothing that another did')
})
