/** `peertrail findings`: what was found, all of one finding, and what somebody did about it, on a store of its own and one a daemon writes. */
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Acknowledgement, acknowledgementEvent } from '../../src/acknowledgement.ts'
import { type AckArguments, runAckFinding } from '../../src/commands/findings-ack.ts'
import { type FindingsArguments, runFindings } from '../../src/commands/findings-list.ts'
import { runShowFinding } from '../../src/commands/findings-show.ts'
import { AppError } from '../../src/errors.ts'
import { parseEvent } from '../../src/event-json.ts'
import { type StatusServer, startStatusServer } from '../../src/live/status/status-server.ts'
import { openStoreWriter } from '../../src/store/writer.ts'
import { createListLog, openWorkshop, type Workshop } from '../live/collectors/workshop.ts'
import { madeStatus, NOW } from '../live/status/made-status.ts'
import { createContext } from './made-store.ts'
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
      acknowledge: (given) => told.push(given),
    })
    expect(await ack({ id: first?.fields['event.id'] ?? '' })).toContain('the daemon that writes the store records it')
    await server.close()
    await writer.abandon()
    rmSync(`${store}-state`, { recursive: true })
    expect(told).toMatchObject([{ finding: first?.fields['event.id'], by: 'Carol', case: 'INC-7', note: 'planned' }])
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
