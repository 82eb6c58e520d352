/** The incident report of a real lab against what really happened there, and its numbers against its own rows. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FieldName, Fields } from '../../src/fields.ts'
import { readIncidentScope } from '../../src/reports/incident/incident-scope.ts'
import { incidentSubject } from '../../src/reports/incident/incident-subject.ts'
import { openStory } from '../../src/reports/incident/story-read.ts'
import { readNames } from '../../src/reports/names/read-names.ts'
import { openClusterReader } from '../../src/store/cluster-reader.ts'
import type { EventReader, Selection } from '../../src/store/event-reader.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { groupsBySelect } from '../../src/store/selection-sql.ts'
import { createNarrowReader } from '../commands/narrow-reader.ts'
import { type StoredDemo, storeDemo } from '../commands/stored-demo.ts'
import { startTestCluster } from '../store/cluster-server.ts'
import { aboutAddress, aboutKeys, allText, askIncident, type JsonRow, jsonRows, LAB_PERIOD } from './incident-asking.ts'

/** A line of truth.jsonl, as far as it is looked at. */
type Truth = {
  readonly kind: string
  readonly address?: string
  readonly old_key?: string
  readonly new_key?: string
  readonly key?: string
  readonly commands?: readonly string[]
  readonly ok?: boolean
}
// The lab wrote objects of these shapes.
const truth = readFileSync(`${import.meta.dirname}/../fixtures/lab-1/truth.jsonl`, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Truth)
const reuse = truth.find(({ kind }) => kind === 'address_reuse')
const { address = '', old_key: before = '', new_key: after = '' } = reuse ?? {}

/** Milliseconds: a replay of the capture on a busy machine. */
const SETUP_MAX = 60_000

let demo: StoredDemo
let reader: EventReader
beforeAll(async () => {
  demo = await storeDemo()
  reader = await openStoreReader(demo.dir)
}, SETUP_MAX)
afterAll(async () => {
  reader.close()
  await demo.remove()
})

const DATASETS = ['audit', 'coverage', 'finding', 'firewall', 'flow', 'session'].map((name) => `wireguard.${name}`)
const named = (document: Fields, key: string) =>
  document['wireguard.peer.public_key'] === key || document['wireguard.target_peer.public_key'] === key
const keyOf = (row: JsonRow) => row['wireguard.peer.public_key']

describe('an address that passed from one key to another', () => {
  test('every connection is told of the key that held it then, and the change is named', async () => {
    const { document, files } = await askIncident(reader, aboutAddress(address))
    const lines = jsonRows(files.get('timeline.ndjson'))
    const flows = lines.filter((row) => row['kind'] === 'flow' && row['source.ip'] === address)
    expect(flows.length).toBeGreaterThan(5)
    for (const flow of flows) {
      const own = demo.documents.find((each) => each['wireguard.flow.id'] === flow['wireguard.flow.id'])
      expect([flow['wireguard.flow.id'], keyOf(flow)]).toEqual([
        flow['wireguard.flow.id'],
        own?.['wireguard.peer.public_key'],
      ])
    }
    expect(new Set(flows.map(keyOf))).toEqual(new Set([before, after]))
    const attribution = document.sections.find(({ id }) => id === 'attribution')
    expect(JSON.stringify(attribution)).toContain('was held by 2 keys one after the other')
    expect(document.isFound).toBe(true)
  })

  test('what the keys did elsewhere is not part of it, their sessions and changes are', async () => {
    const { files } = await askIncident(reader, aboutAddress(address))
    const actions = jsonRows(files.get('evidence.ndjson')).map((row) => row['event.action'])
    expect(actions).toContain('peer-removed')
    expect(actions).toContain('peer-added')
    expect(actions).toContain('peer-session-started')
  })
})

describe('the story of a key', () => {
  test('holds every document that names it, each once, and adds nothing but changes and gaps', async () => {
    const { files, rows } = await askIncident(reader, aboutKeys('a key', [before]))
    const evidence = jsonRows(files.get('evidence.ndjson'))
    const ids = evidence.map((row) => row['event.id'])
    expect(new Set(ids).size).toBe(ids.length)
    expect(rows.get('evidence')).toBe(ids.length)
    const wanted = demo.documents.filter(
      (each) => DATASETS.includes(each['event.dataset'] ?? '') && named(each, before),
    )
    expect(wanted.length).toBeGreaterThan(20)
    expect(wanted.filter((each) => !ids.includes(each['event.id']))).toEqual([])
    const others = evidence.filter((row) => !wanted.some((each) => each['event.id'] === row['event.id']))
    for (const row of others)
      expect(['source-gap', 'source-lost', 'loaded-firewall-rule-to']).toContain(row['event.action'])
  })

  test('stands for as many documents as there are, in order of time', async () => {
    const { files, rows, document } = await askIncident(reader, aboutKeys('a key', [before]))
    const lines = jsonRows(files.get('timeline.ndjson'))
    expect(lines.length).toBe(rows.get('timeline'))
    const documents = lines.reduce((sum, row) => sum + Number(row['documents']), 0)
    expect(documents).toBe(rows.get('evidence'))
    const times = lines.map((row) => String(row['event.start']))
    // Printed to the millisecond or to the microsecond: compared as times.
    const at = times.map((text) => Date.parse(text))
    expect(at).toEqual(at.toSorted((a, b) => a - b))
    expect(document.data).toMatchObject({ lines: lines.length, documents })
  })

  test('its numbers are those of its rows, and its bytes those of connection tracking', async () => {
    const { files, document } = await askIncident(reader, aboutKeys('a key', [before]))
    const lines = jsonRows(files.get('timeline.ndjson'))
    const count = (outcome: string) =>
      lines
        .filter((row) => row['wireguard.flow.outcome'] === outcome)
        .reduce((sum, row) => sum + (row['kind'] === 'packet' ? Number(row['documents']) : 1), 0)
    const bytes = lines.reduce(
      (sum, row) => sum + Number(row['source.bytes'] ?? 0) + Number(row['destination.bytes'] ?? 0),
      0,
    )
    expect(document.data).toMatchObject({
      counts: { connected: count('connected'), denied: count('denied'), refused: count('refused') },
      bytes,
    })
    expect(count('connected')).toBeGreaterThan(0)
    const ended = demo.documents.filter((each) => each['event.action'] === 'flow-ended' && named(each, before))
    const progress = demo.documents.filter(
      (each) =>
        each['event.action'] === 'flow-progress' &&
        named(each, before) &&
        each['wireguard.flow.delta.source.bytes'] !== undefined,
    )
    expect(progress).toEqual([])
    expect(bytes).toBe(ended.reduce((sum, each) => sum + (each['network.bytes'] ?? 0), 0))
  })

  test('is the same whatever the size of its pages', async () => {
    const scope = await readIncidentScope(
      reader,
      aboutKeys('keys', [before, after]),
      LAB_PERIOD,
      await readNames(reader, 'as-recorded'),
    )
    const read = async (size: number) => {
      const story = await openStory(reader, scope.story)
      const entries = []
      for await (const page of story.pages(size)) entries.push(...page)
      await story.close()
      expect(entries.length).toBe(story.lines)
      return entries
    }
    const whole = await read(10_000)
    expect(await read(7)).toEqual(whole)
  })

  test('tells every command of a login and every finding', async () => {
    const ssh = truth.find(({ kind, ok, commands = [] }) => kind === 'ssh' && ok === true && commands.length > 0)
    const { files, document } = await askIncident(reader, aboutKeys('a key', [ssh?.key ?? '']))
    const story = jsonRows(files.get('timeline.ndjson'))
    expect(story.filter((row) => row['kind'] === 'login').length).toBeGreaterThan(0)
    const commands = demo.documents.filter(
      (each) =>
        each['event.action'] === 'executed' && each['event.outcome'] === 'success' && named(each, ssh?.key ?? ''),
    )
    expect(commands.length).toBeGreaterThan(0)
    const told = story.filter((row) => row['kind'] === 'command').map((row) => String(row['story']))
    for (const each of commands)
      expect(told.some((text) => text.includes(each['process.executable'] ?? '?'))).toBe(true)
    const findings = demo.documents.filter((each) => each['event.kind'] === 'alert' && named(each, ssh?.key ?? ''))
    const section = JSON.stringify(document.sections.find(({ id }) => id === 'findings'))
    for (const each of findings) expect(section).toContain(each['event.id'])
  })
})

describe('one question', () => {
  test.each([
    ['an address', () => aboutAddress(address)],
    ['keys', () => aboutKeys('keys', [before, after])],
    ['a resource', () => incidentSubject({ kind: 'resource', label: 'db1-ssh', resource: 'db1-ssh' })],
  ])('has one answer, byte by byte, also from a reader that gives only what matches: %s', async (_, subject) => {
    const first = await askIncident(reader, subject())
    const narrow = await askIncident(createNarrowReader(reader), subject())
    expect(allText(narrow.document)).toBe(allText(first.document))
    expect(narrow.files).toEqual(first.files)
  })

  test('has the same rows from a cluster, where documents stand twice', async () => {
    const streams = Map.groupBy(demo.documents, (each) => each['event.dataset'] ?? '')
    const cluster = await startTestCluster(
      [...streams].flatMap(([dataset, documents]) => {
        const stream = `${dataset === 'wireguard.peer' ? 'metrics' : 'logs'}-${dataset}-default`
        const twice = documents.filter((_, i) => i % 5 === 0)
        return [
          { stream, name: `.ds-${stream}-1`, documents },
          { stream, name: `.ds-${stream}-2`, documents: twice },
        ]
      }),
    )
    const connection = { url: cluster.url, auth: { kind: 'none' }, caFile: '', fingerprint: '' } as const
    const opened = await openClusterReader(connection, { namespace: 'default' })
    // The server of the tests has no aggregation over fields: groups are made of the documents.
    const asked = {
      ...opened,
      groups: (selection: Selection, fields: readonly FieldName[]) =>
        groupsBySelect((...asked) => opened.select(...asked), selection, fields),
    }
    try {
      const subject = aboutKeys('keys', [before])
      const [ours, theirs] = [await askIncident(reader, subject), await askIncident(asked, subject)]
      expect(theirs.files).toEqual(ours.files)
      expect(theirs.rows.get('evidence')).toBeGreaterThan(50)
    } finally {
      opened.close()
      await cluster.close()
    }
  })

  test('about a resource tells the logins on the hosts that carry it', async () => {
    const { files, document } = await askIncident(
      reader,
      incidentSubject({ kind: 'resource', label: 'db1-sql', resource: 'db1-sql' }),
    )
    const story = jsonRows(files.get('timeline.ndjson'))
    expect(story.some((row) => row['wireguard.resource.name'] === 'db1-sql')).toBe(true)
    expect(story.some((row) => row['kind'] === 'login' && row['host.name'] === 'db1')).toBe(true)
    expect(document.data).toMatchObject({ hosts: ['db1'] })
  })

  test('about a disputed key marks what overlaps the finding, and only that', async () => {
    const from = LAB_PERIOD.from
    const dispute = { publicKey: before, from, to: LAB_PERIOD.to, finding: 'f1', rule: 'impossible-travel' }
    const { files, document } = await askIncident(reader, aboutAddress(address), { disputes: [dispute] })
    for (const row of jsonRows(files.get('timeline.ndjson')))
      if (keyOf(row) !== undefined) expect(row['key_disputed']).toEqual(keyOf(row) === before ? ['f1'] : undefined)
    expect(allText(document)).toContain('key use disputed')
    expect(document.summary.join(' ')).toContain('Use of the key is disputed')
  })
})

describe('nothing to tell', () => {
  test.each([
    ['an address nobody had', aboutAddress('192.0.2.77'), '192.0.2.77'],
    ['a key nobody had', aboutKeys('ghost', ['AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=']), 'AAAAAAAA'],
    ['nothing at all', incidentSubject({ kind: 'peer', label: 'nobody' }), 'nothing'],
  ])('%s: says what was looked for, and that it proves nothing', async (_, subject, text) => {
    const { document, rows } = await askIncident(reader, subject)
    expect(document.summary.join(' ')).toContain('not proof that nothing happened')
    expect(document.summary.join(' ')).toContain(text)
    expect(document.summary.join(' ')).toContain('2026-11-22 15:09')
    expect(document.isFound).toBe(true)
    // Changes and gaps of all machines stand there: they are what may hide it.
    expect(rows.get('timeline')).toBeGreaterThan(0)
  })

  test('a period without records', async () => {
    const period = { from: LAB_PERIOD.from - 86_400_000_000, to: LAB_PERIOD.from - 3_600_000_000 }
    const { document, rows } = await askIncident(reader, aboutAddress(address), { period })
    expect(rows.get('timeline')).toBe(0)
    expect(JSON.stringify(document.sections)).toContain('the period before that is not covered')
    expect(document.summary.join(' ')).toContain('No document of the period')
  })
})
