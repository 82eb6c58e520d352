/** `peertrail findings`: what was found, all of one finding, and what somebody did about it, on a store of its own and one a daemon writes. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Acknowledgement, acknowledgementEvent } from '../../src/acknowledgement.ts'
import { type AckArguments, runAckFinding } from '../../src/commands/findings-ack.ts'
import { type FindingsArguments, runFindings } from '../../src/commands/findings-list.ts'
import { runShowFinding } from '../../src/commands/findings-show.ts'
import { AppError } from '../../src/errors.ts'
import { flatten } from '../../src/event.ts'
import { parseEvent } from '../../src/event-json.ts'
import { createFindingDocuments } from '../../src/finding-document.ts'
import { type StatusServer, startStatusServer } from '../../src/live/status/status-server.ts'
import { openStoreWriter } from '../../src/store/writer.ts'
import { createListLog, openWorkshop, type Workshop } from '../live/collectors/workshop.ts'
import { madeStatus, NOW } from '../live/status/made-status.ts'
import { createContext, micros, withStore } from './made-store.ts'
import { type StoredDemo, storeDemo } from './stored-demo.ts'

let demo: StoredDemo
let shop: Workshop
let store: string
beforeAll(async () => {
  demo = await storeDemo()
})
afterAll(() => demo.remove())
beforeEach(() => {
  shop = openWorkshop()
  store = shop.path('store')
  cpSync(demo.dir, store, { recursive: true })
})
afterEach(() => shop.remove())

type Handled = { readonly by: string; readonly case: string; readonly note: string }

const place = () => ({ store, pipeline: '' })

async function list(part: Partial<FindingsArguments> = {}) {
  const made = createContext({})
  const args = {
    query: '',
    since: '',
    until: '',
    last: '',
    severity: '',
    rule: '',
    isOpen: false,
    limit: '0',
    isJson: true,
  }
  const exit = await runFindings({ ...args, ...place(), ...part }, made.context)
  return { exit, out: made.out(), said: made.said() }
}

async function findings(part: Partial<FindingsArguments> = {}) {
  const { out } = await list(part)
  const lines = out.split('\n').slice(0, -1)
  return lines.map((line) => {
    // Printed by the command: a document and what was done about it.
    const { acknowledged, ...document } = JSON.parse(line) as { acknowledged: Handled | null }
    return { fields: parseEvent(JSON.stringify(document)), acknowledged }
  })
}

async function ack(part: Partial<AckArguments>): Promise<string> {
  const made = createContext({})
  const args = { id: '', by: 'Carol', case: 'INC-7', note: 'planned', state: '', isJson: false }
  expect(await runAckFinding({ ...args, ...place(), ...part }, made.context)).toBe(0)
  return made.out()
}

async function refusal(work: Promise<unknown>): Promise<AppError> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (error instanceof AppError) return error
  throw error ?? new Error('was taken')
}

describe('the list', () => {
  test('is what replay found, newest first, and can be narrowed', async () => {
    const all = await findings()
    const times = all.map(({ fields }) => fields['@timestamp'] ?? 0)
    expect(times).toEqual([...times].sort((a, b) => b - a))
    const rules = new Set(all.map(({ fields }) => fields['rule.id']))
    expect(rules).toContain('holder-changed')
    expect(rules).toContain('port-scan')
    const scans = await findings({ rule: 'port-scan' })
    expect(scans.map(({ fields }) => fields['wireguard.peer.name'])).toEqual(['dogwood'])
    const severe = await findings({ severity: 'high' })
    expect(severe.map(({ fields }) => fields['event.id'])).toEqual(
      all.filter(({ fields }) => (fields['event.severity'] ?? 0) >= 3).map(({ fields }) => fields['event.id']),
    )
    const ofPine = await findings({ query: 'wireguard.peer.name : pine' })
    expect(new Set(ofPine.map(({ fields }) => fields['wireguard.peer.name']))).toEqual(new Set(['pine']))
  })

  test('says what there is when nothing is found, and refuses words it does not know', async () => {
    const none = await list({ until: '2020-01-01' })
    expect(none).toMatchObject({ exit: 0, out: '' })
    expect(none.said).toContain('holds nothing so early')
    expect((await refusal(list({ severity: 'huge' }))).advice).toBe('One of low, medium, high, critical.')
  })
})

describe('one finding', () => {
  test('is told whole: what, who, what to do, and the documents behind it', async () => {
    const [scan] = await findings({ rule: 'port-scan' })
    const made = createContext({})
    const id = scan?.fields['event.id'] ?? ''
    expect(await runShowFinding({ ...place(), id: id.slice(0, 16), isJson: false }, made.context)).toBe(0)
    const out = made.out()
    expect(out).toContain(scan?.fields['wireguard.finding.summary'])
    for (const part of ['T1046', 'What to do', '  1. ', 'Evidence', 'dogwood', id]) expect(out).toContain(part)
    expect(out).not.toContain('not there any more')
  })

  test('its query can be pasted into a shell, whatever a log put into it', async () => {
    const hostile = `file.path : "/tmp/'; touch /tmp/pwned; '\u001b[2J"`
    const own = flatten(
      createFindingDocuments({ id: 'x', title: 'X', description: 'X.', severity: 2, attack: [], origin: 'rule' })({
        at: NOW,
        subject: 's',
        summary: 'reads \u001b]0;owned\u0007',
        evidence: [],
        about: {},
        query: hostile,
      }),
    )
    await withStore([own], async (dir) => {
      const made = createContext({})
      const id = own['event.id'] ?? ''
      expect(await runShowFinding({ store: dir, pipeline: '', id, isJson: false }, made.context)).toBe(0)
      const line =
        made
          .out()
          .split('\n')
          .find((each) => each.includes('peertrail search'))
          ?.trim() ?? ''
      // oxlint-disable-next-line no-control-regex
      expect(made.out()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
      const told = spawnSync('bash', ['-c', `peertrail() { printf '%s' "$2"; }; ${line}`], { encoding: 'utf8' })
      expect(told.stdout).toBe(hostile)
    })
  })

  test('none, and more than one, are usage errors that help', async () => {
    const made = createContext({})
    const show = (id: string) => refusal(runShowFinding({ ...place(), id, isJson: false }, made.context))
    expect((await show('zzz')).message).toBe('no finding has the id "zzz"')
    const many = await show('01k8')
    expect(many.message).toContain('more than one finding begins with')
    expect(many.advice.split('\n').length).toBeGreaterThan(3)
  })
})

describe('an acknowledgement', () => {
  test('is an event beside the finding, in the store', async () => {
    const [first, second] = await findings()
    const id = first?.fields['event.id'] ?? ''
    expect(await ack({ id })).toBe(
      `acknowledged by Carol, case INC-7: ${first?.fields['wireguard.finding.summary']}\nrecorded in ${store}\n`,
    )
    const after = await findings()
    expect(after[0]?.acknowledged).toMatchObject({ by: 'Carol', case: 'INC-7', note: 'planned' })
    expect(after).toHaveLength((await findings({ isOpen: true })).length + 1)
    expect((await findings({ isOpen: true }))[0]?.fields['event.id']).toBe(second?.fields['event.id'])
  })

  test('is the newest one, and the list of what is open says when there is more', async () => {
    const [first] = await findings()
    const id = first?.fields['event.id'] ?? ''
    await ack({ id, by: 'Alice' })
    const later = createContext({ now: micros('2026-11-22T17:00:00Z') })
    const args = { id, by: 'Bob', case: '', note: '', state: '', isJson: false, ...place() }
    expect(await runAckFinding(args, later.context)).toBe(0)
    expect((await findings())[0]?.acknowledged).toMatchObject({ by: 'Bob' })
    expect((await list({ isOpen: true, limit: '2' })).said).toContain('the first 2 findings that nobody handled')
    expect((await list({ isOpen: true })).said).not.toContain('the first')
  })

  test('goes to the daemon that writes the store, over its socket', async () => {
    const [first] = await findings()
    const writer = await openStoreWriter(store, {})
    mkdirSync(`${store}-state`, { mode: 0o700 })
    const told: Acknowledgement[] = []
    const server: StatusServer = await startStatusServer({
      dir: `${store}-state`,
      listen: 'off',
      status: () => madeStatus(),
      turnedAt: () => NOW,
      now: () => NOW,
      log: createListLog().log,
      acknowledge: async (given) => told.push(given) === 1,
    })
    const id = first?.fields['event.id'] ?? ''
    expect(await ack({ id })).toContain(`recorded in ${store} by the daemon that writes it`)
    expect(await ack({ id })).toContain('its store takes nothing at the moment')
    await server.close()
    await writer.abandon()
    rmSync(`${store}-state`, { recursive: true })
    expect(told[0]).toMatchObject({ finding: first?.fields['event.id'], by: 'Carol', case: 'INC-7', note: 'planned' })
    const [given] = told
    expect(given === undefined ? null : acknowledgementEvent(given, NOW).own).toMatchObject({
      'wireguard.finding.id': first?.fields['event.id'],
      'wireguard.finding.handled_by': 'Carol',
      'rule.id': first?.fields['rule.id'],
    })
  })

  test('holds no control characters, and names somebody', async () => {
    const [first] = await findings()
    const id = first?.fields['event.id'] ?? ''
    expect((await refusal(ack({ id, by: 'Carol\u001b[2J' }))).message).not.toContain('\u001b')
    expect((await refusal(ack({ id, by: ' ' }))).advice).toBe('Say who handles the finding: --by NAME.')
  })
})
