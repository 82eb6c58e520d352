/** The access report of a real lab against what really happened there, and its numbers against its own rows. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type StoredDemo, storeDemo } from '../commands/stored-demo.ts'
import { type Asked, askAccess, csvRows, ndjsonRows, tablesOf, textOf } from './access-asking.ts'
import { plainAccess } from './plain-access.ts'

/** A line of truth.jsonl, as far as it is looked at. */
type Flow = {
  readonly kind: string
  readonly id: string
  readonly key: string
  readonly owner: string | null
  readonly peer: string
  readonly resource: string | null
  readonly expect: string
  readonly connected: boolean | null
  readonly commands?: readonly string[]
  readonly ok?: boolean
  readonly user?: string
  readonly host?: string
  readonly ses?: number | null
}
type Proof = {
  readonly kind: string
  readonly id: string
  readonly has_conntrack_new?: boolean
  readonly has_conntrack_destroy?: boolean
  readonly nft_lines?: number
}

const FOLDER = `${import.meta.dirname}/../fixtures/lab-1`
// Written by the lab: objects of these shapes.
const linesOf = <Line>(name: string): Line[] =>
  readFileSync(`${FOLDER}/${name}`, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line) // as the lab wrote them
const truth = linesOf<Flow>('truth.jsonl')
// An ssh login has the id of its flow.
const proofs = new Map(
  linesOf<Proof>('evidence.jsonl')
    .filter(({ kind }) => kind === 'flow' || kind === 'ping')
    .map((each) => [each.id, each]),
)
/** Real access that connection tracking has a record of. Others were lost in gaps that the capture states. */
const accesses = truth.filter(({ kind, expect: wanted, connected, id }) => {
  const proof = proofs.get(id)
  return (
    kind === 'flow' &&
    wanted === 'accept' &&
    connected === true &&
    (proof?.has_conntrack_new === true || proof?.has_conntrack_destroy === true)
  )
})
const deniedLines = truth
  .filter(
    ({ kind, expect: wanted }) => (kind === 'flow' || kind === 'ping') && (wanted === 'drop' || wanted === 'reject'),
  )
  .reduce((sum, { id }) => sum + (proofs.get(id)?.nft_lines ?? 0), 0)

let demo: StoredDemo
let asked: Asked
beforeAll(async () => {
  demo = await storeDemo()
  asked = await askAccess(demo.dir)
})
afterAll(() => demo.remove())

const plain = (value: unknown) => (typeof value === 'string' ? value : '')

type Access = { readonly resource: string; readonly key: string; readonly email: string; readonly connected: number }
function accessTold(): Access[] {
  return ndjsonRows(asked.files, 'access-by-peer').map((row) => ({
    resource: String(row['wireguard.resource.name']),
    key: String(row['wireguard.peer.public_key']),
    email: plain(row['wireguard.peer.owner.email']),
    connected: Number(row['connected']),
  }))
}

const count = <Item>(items: readonly Item[], nameOf: (item: Item) => string) =>
  new Map([...Map.groupBy(items, nameOf)].map(([name, own]) => [name, own.length]))

describe('against what happened', () => {
  test('every resource that was accessed is named, with as many connections as are proved', () => {
    const told = accessTold().filter(({ connected }) => connected > 0)
    const unattributed = ndjsonRows(asked.files, 'access').filter(
      (row) => row['wireguard.attribution.status'] !== 'exact' && row['wireguard.flow.outcome'] === 'connected',
    )
    const real = count(accesses, ({ resource }) => resource ?? 'uncatalogued')
    for (const [resource, connections] of real) {
      const sum = told.filter((each) => each.resource === resource).reduce((total, each) => total + each.connected, 0)
      const open = unattributed.filter((row) => row['wireguard.resource.name'] === resource).length
      expect([resource, sum + open]).toEqual([resource, connections])
    }
    // Pings are no flows of the lab.
    expect(told.map(({ resource }) => resource).filter((name) => name !== 'uncatalogued' && !real.has(name))).toEqual(
      [],
    )
  })

  test('by the right keys and people, and as often; what is not certain is laid to nobody', () => {
    const real = count(accesses, ({ resource, key }) => `${resource} ${key}`)
    const told = new Map<string, number>()
    for (const { resource, key, connected } of accessTold())
      if (resource !== 'uncatalogued') told.set(`${resource} ${key}`, (told.get(`${resource} ${key}`) ?? 0) + connected)
    const missed = [...real].map(([place, times]) => times - (told.get(place) ?? 0)).filter((each) => each !== 0)
    // Never more than happened; what is missing cannot be laid to one key.
    expect(missed.every((each) => each > 0)).toBe(true)
    expect(missed.reduce((sum, each) => sum + each, 0)).toBe(3)
    for (const [place, times] of told) expect(times, place).toBeLessThanOrEqual(real.get(place) ?? 0)
    const documented = new Map(truth.flatMap(({ key, owner }) => (owner == null ? [] : [[key, owner] as const])))
    for (const { key, email } of accessTold()) if (email !== '') expect(email).toBe(documented.get(key))
  })

  test('each denied line of the packet log is a denied attempt', () => {
    const rows = ndjsonRows(asked.files, 'access').filter((row) => row['wireguard.flow.outcome'] === 'denied')
    expect(rows).toHaveLength(deniedLines)
  })

  test('logins that succeeded, by account and session; their commands as they were sent; refused ones apart', () => {
    const real = truth.filter(({ kind, ok }) => kind === 'ssh' && ok === true)
    const logins = ndjsonRows(asked.files, 'logins')
    const nameOf = (...parts: readonly unknown[]) => JSON.stringify(parts.map(String))
    expect(logins.map((row) => nameOf(row['host.name'], row['user.name'], row['auditd.session'])).sort()).toEqual(
      real.map(({ host, user, ses }) => nameOf(host, user, ses)).sort(),
    )
    const commands = ndjsonRows(asked.files, 'commands').map((row) => String(row['command']))
    for (const { commands: sent = [] } of real)
      for (const command of sent.filter((each) => /^[\w/. -]+$/.test(each)))
        expect(
          commands.some((each) => each.includes(command)),
          command,
        ).toBe(true)
    expect(ndjsonRows(asked.files, 'refused-logins')).toHaveLength(5)
  })
})

describe('its numbers are its rows', () => {
  test('the totals, counted again from the CSV', () => {
    const rows = csvRows(asked.files, 'access')
    const figures = textOf(asked.document, 'glance')
    const connected = rows.filter((row) => row['wireguard.flow.outcome'] === 'connected')
    expect(figures).toContain(`Connected: ${connected.length} `)
    expect(figures).toContain(
      `Denied at gateways: ${rows.filter((row) => row['wireguard.flow.outcome'] === 'denied').length} `,
    )
    expect(figures).toContain(`Rows: ${rows.length}, all in the file`)
    expect(asked.counts.get('access')).toBe(rows.length)
    const open = rows.filter((row) => row['wireguard.attribution.status'] !== 'exact')
    expect(figures).toContain(`Not attributed: ${open.length} `)
    expect(textOf(asked.document, 'not-attributed')).toContain(`${open.length} rows, `)
  })

  test('rows by peer add up to the exact rows', () => {
    const exact = csvRows(asked.files, 'access').filter((row) => row['wireguard.attribution.status'] === 'exact')
    for (const outcome of ['connected', 'refused', 'no-answer', 'denied', 'unknown'])
      expect(
        csvRows(asked.files, 'access-by-peer').reduce((sum, row) => sum + Number(row[outcome]), 0),
        outcome,
      ).toBe(exact.filter((row) => row['wireguard.flow.outcome'] === outcome).length)
  })

  test('every table shows what it says there is, or names the file that has it', () => {
    for (const table of tablesOf(asked.document)) {
      for (const row of table.rows) expect(row, table.caption).toHaveLength(table.columns.length)
      expect(table.total, table.caption).toBeGreaterThanOrEqual(table.rows.length)
      if (table.file !== '' && table.file !== 'access' && table.rows.length < table.total)
        expect(asked.counts.has(table.file), table.file).toBe(true)
      if (table.rows.length < table.total) expect(table.file, table.caption).not.toBe('')
    }
  })

  test('each file has as many rows as it says, in both forms', () => {
    for (const [name, rows] of asked.counts) {
      expect([name, csvRows(asked.files, name).length]).toEqual([name, rows])
      expect([name, ndjsonRows(asked.files, name).length]).toEqual([name, rows])
    }
  })
})

test('the same question gives the same bytes', async () => {
  const again = await askAccess(demo.dir)
  expect(JSON.stringify(again.document)).toBe(JSON.stringify(asked.document))
  expect([...again.files]).toEqual([...asked.files])
})

test('no file wanted: the same document', async () => {
  const { document } = await askAccess(demo.dir, { forms: [] })
  expect(JSON.stringify(document)).toBe(JSON.stringify(asked.document))
})

test('rows by one plain question are the same', async () => {
  const plainly = await askAccess(demo.dir, { readAccess: plainAccess })
  // When a row ended is told more exactly by the engine.
  const rows = ({ files }: Asked) => ndjsonRows(files, 'access-by-peer').map((row) => ({ ...row, last: undefined }))
  expect(rows(asked)).toEqual(rows(plainly))
  expect(asked.document.summary).toEqual(plainly.document.summary)
})
