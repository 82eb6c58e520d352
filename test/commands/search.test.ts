/** `peertrail search` over the demo's store: what is printed, what is said, and what the exit status is. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runSearch, type SearchArguments } from '../../src/commands/search.ts'
import { AppError } from '../../src/errors.ts'
import { parseEvent } from '../../src/event-json.ts'
import type { Fields } from '../../src/fields.ts'
import { createContext, micros, withStore } from './made-store.ts'
import { type StoredDemo, storeDemo } from './stored-demo.ts'

const AT = micros('2026-11-22T15:09:29.604Z')

let demo: StoredDemo
beforeAll(async () => {
  demo = await storeDemo()
})
afterAll(() => demo.remove())

function options(part: Partial<SearchArguments>): SearchArguments {
  return {
    query: '',
    since: '',
    until: '',
    last: '',
    datasets: [],
    fields: '',
    limit: '50',
    isOldestFirst: false,
    isCount: false,
    isJson: false,
    isCsv: false,
    store: demo.dir,
    pipeline: '',
    ...part,
  }
}

type Answer = { readonly exit: number; readonly out: string; readonly said: string; readonly writes: number }

async function search(
  part: Partial<SearchArguments>,
  context: Parameters<typeof createContext>[0] = {},
): Promise<Answer> {
  const made = createContext(context)
  const { store = demo.dir } = part
  const exit = await runSearch(options(part), made.context)
  const said = made.said().replace(`store ${store}\n`, '')
  return { exit, out: made.out(), said, writes: made.writes() }
}

async function refusal(part: Partial<SearchArguments>): Promise<string> {
  const error: unknown = await search(part).then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (error instanceof AppError) return `${error.code}: ${error.message}`
  throw error ?? new Error('was taken')
}

describe('lines for people', () => {
  test('who was denied: newest first, the total told', async () => {
    const query = 'wireguard.peer.owner.email : "shift-operator-7@example.com" and event.type : denied'
    expect(await search({ query, limit: '4' })).toMatchInlineSnapshot(`
      {
        "exit": 0,
        "out": "2026-11-22, times in UTC
      15:12:44.704  firewall-drop  dogwood  10.8.0.9:45087 → 172.30.51.138:443 tcp web1 [edge] wg-deny qu…
      15:12:43.681  firewall-drop  dogwood  10.8.0.9:45087 → 172.30.51.138:443 tcp web1 [edge] wg-deny qu…
      15:12:42.665  firewall-drop  dogwood  10.8.0.9:45087 → 172.30.51.138:443 tcp web1 [edge] wg-deny qu…
      15:12:03.150  firewall-drop  larch    10.8.0.3:45063 → 172.30.51.138:53 udp gw1-servers [edge] wg-d…
      ",
        "said": "4 of 78 documents, newest first; --limit N for more, 0 for all
      ",
        "writes": 1,
      }
    `)
  })

  test('flows with their outcome, oldest first', async () => {
    const { out, said } = await search({ datasets: ['flow'], isOldestFirst: true, limit: '6' })
    expect(out).toMatchInlineSnapshot(`
      "2026-11-22, times in UTC
      15:09:29.602  flow-started   ivy    10.8.0.28:55697 → 172.30.51.138:80 tcp web1 gw1  connected
      15:09:30.323  flow-started   teak   10.8.0.21:38749 → 172.30.51.138:80 tcp web1 gw1  connected
      15:09:30.339  flow-started   elm    192.168.52.117:58391 → 172.30.51.138:80 tcp web1 gw1  connected
      15:09:30.876  flow-progress  maple  10.8.0.17:38213 → 172.26.52.145:22 tcp: app1 sshd  host-accepted
      15:09:30.881  flow-started   maple  10.8.0.17:38213 → 172.26.52.145:22 tcp app1-ssh gw2  connected
      15:09:31.024  flow-progress  maple  login dba on app1[348] sshd app1-ssh gw2  host-login
      "
    `)
    expect(said).toMatchInlineSnapshot(`
      "6 of 723 documents, oldest first; --limit N for more, 0 for all
      "
    `)
  })

  test('a wide terminal has room for the owner', async () => {
    const { out } = await search({ query: 'ivy', limit: '2' }, { columns: 160 })
    expect(out).toMatchInlineSnapshot(`
      "2026-11-22, times in UTC
      15:12:29.000  peer-session-ended  ivy  release-manager-27@example.com  gw1 wg0 endpoint 198.51.100.32:43537 after 3 min
      15:10:14.208  outer-flow        ivy  release-manager-27@example.com  198.51.100.1:51820 → 198.51.100.32:43537 udp gw1 wg0
      "
    `)
  })

  test('all of them on one page when nothing is left out', async () => {
    const { out, said } = await search({ query: 'event.action : source-gap' })
    expect(out.trimEnd().split('\n')).toHaveLength(4)
    expect(said).toBe('3 documents, newest first\n')
    expect((await search({ query: 'event.action : endpoint-changed' })).said).toBe('1 document\n')
  })

  test('chosen fields as a table', async () => {
    const fields = '@timestamp,wireguard.peer.name,source.ip,destination.port,event.type'
    const { out } = await search({ fields, query: 'event.type : denied', limit: '3' })
    expect(out).toMatchInlineSnapshot(`
      "@timestamp                   peer.name  source.ip           port      event.type
      2026-11-22T15:12:45.249065Z  nutmeg     fdd8:6ff3:8717::14  22        connection, denied
      2026-11-22T15:12:44.704833Z  dogwood    10.8.0.9            443       connection, denied
      2026-11-22T15:12:44.233749Z  nutmeg     fdd8:6ff3:8717::14  22        connection, denied
      "
    `)
  })

  test('too many fields for a line keep the ends of their names', async () => {
    const { out } = await search({ fields: 'wireguard.peer.*', query: 'event.type : denied', limit: '1' })
    expect(out.split('\n')[0]).toMatch(/^allowed_ips {2}device\s/)
  })
})

describe('for programs', () => {
  test('JSON is the whole documents, one a line', async () => {
    const { out, exit } = await search({ datasets: ['flow'], isJson: true, limit: '0' })
    const found = out.trimEnd().split('\n').map(parseEvent)
    const wanted = new Map(
      demo.documents
        .filter((document) => document['event.dataset'] === 'wireguard.flow')
        .map((document) => [document['event.id'], document]),
    )
    expect(exit).toBe(0)
    expect(found).toHaveLength(wanted.size)
    for (const document of found) expect(document).toEqual(wanted.get(document['event.id']))
  })

  test('JSON of chosen fields has these alone', async () => {
    const { out } = await search({ isJson: true, fields: 'source.ip,@timestamp', datasets: ['firewall'], limit: '1' })
    expect(out).toMatchInlineSnapshot(`
      "{"@timestamp":"2026-11-22T15:12:46.056369Z","source":{"ip":"10.8.0.10"}}
      "
    `)
  })

  test('CSV has a row of titles, also when nothing is found', async () => {
    const fields = '@timestamp,source.ip,source.port,event.type'
    const { out } = await search({ isCsv: true, fields, query: 'event.type : denied', limit: '2' })
    expect(out).toMatchInlineSnapshot(`
      "timestamp,source.ip,source.port,event.type
      2026-11-22T15:12:45.249065Z,fdd8:6ff3:8717::14,46273,"connection, denied"
      2026-11-22T15:12:44.704833Z,10.8.0.9,45087,"connection, denied"
      "
    `)
    expect((await search({ isCsv: true, fields, query: 'nosuchword' })).out).toBe(
      'timestamp,source.ip,source.port,event.type\n',
    )
  })

  test('CSV without chosen fields tells what a line tells', async () => {
    const { out } = await search({ isCsv: true, datasets: ['flow'], limit: '0' })
    const rows = out.trimEnd().split('\n')
    const flows = demo.documents.filter((document) => document['event.dataset'] === 'wireguard.flow')
    expect(rows).toHaveLength(flows.length + 1)
    expect(rows[0]).toContain('wireguard.peer.owner.email')
  })

  test('a count is a number', async () => {
    const denied = demo.documents.filter((document) => document['event.type']?.includes('denied') === true).length
    expect(await search({ query: 'event.type : denied', isCount: true })).toMatchObject({
      out: `${denied}\n`,
      said: '',
    })
    const json = await search({ query: 'event.type : denied', isCount: true, isJson: true })
    expect(json.out).toBe(`{"count":${denied}}\n`)
  })
})

describe('nothing found', () => {
  test('what the store holds', async () => {
    const { exit, out, said } = await search({ query: 'nosuchword' })
    expect([exit, out]).toEqual([0, ''])
    expect(said).toBe(`store ${demo.dir} holds 2026-11-22 15:09:26 to 15:13:11 UTC; nothing matches\n`)
  })

  test('a time that the store does not reach', async () => {
    const late = await search({ last: '1h' }, { now: micros('2026-11-23T16:00:00Z') })
    expect(late.said).toBe(
      `store ${demo.dir} holds nothing so late: --last begins 2026-11-23 15:00:00 UTC, the last document is of 2026-11-22 15:13:11 UTC\n`,
    )
    expect((await search({ since: '2026-11-23' })).said).toContain('--since begins 2026-11-23 00:00:00 UTC')
    expect((await search({ until: '2026-11-22' })).said).toBe(
      `store ${demo.dir} holds nothing so early: --until ends 2026-11-22 00:00:00 UTC, the first document is of 2026-11-22 15:09:00 UTC\n`,
    )
  })

  test('of a dataset', async () => {
    const heartbeat: Fields = {
      '@timestamp': micros('2026-11-22T15:00:00Z'),
      'event.id': 'id1',
      'event.dataset': 'wireguard.coverage',
      'event.action': 'source-heartbeat',
    }
    await withStore([heartbeat], async (store) => {
      expect((await search({ store, datasets: ['audit'] })).said).toBe(
        `of wireguard.audit store ${store} holds nothing\n`,
      )
    })
    expect((await search({ datasets: ['finding'], query: 'ivy' })).said).toBe(
      `of wireguard.finding store ${demo.dir} holds 2026-11-22 15:09:26 to 15:13:00 UTC; nothing matches\n`,
    )
  })

  test('in an empty store', async () => {
    await withStore([], async (store) => {
      expect((await search({ store })).said).toBe(`store ${store} holds nothing\n`)
      expect((await search({ store, isCount: true })).out).toBe('0\n')
    })
  })
})

test('counters are shown when asked for, and told when they match', async () => {
  const counters = demo.documents.filter((document) => document['event.dataset'] === 'wireguard.peer').length
  const other = demo.documents.length - counters
  const all = await search({ isCount: true })
  expect(all).toMatchObject({
    out: `${other}\n`,
    said: `${counters} counter readings match too; --dataset peer shows them\n`,
  })
  expect(await search({ isCount: true, datasets: ['peer'] })).toMatchObject({ out: `${counters}\n`, said: '' })
})

describe('a query that cannot be read', () => {
  test('the place is shown, and the exit status is 2', async () => {
    expect(await search({ query: 'event.type : denied and peer : ivy' })).toMatchInlineSnapshot(`
      {
        "exit": 2,
        "out": "",
        "said": "error cannot read the query
          event.type : denied and peer : ivy
                                  ^
        there is no field peer; text that holds a colon needs quotes
        Write field : value, field >= value, and, or, not, ( ), * for any text; quote a value that holds other signs.
      ",
        "writes": 0,
      }
    `)
  })

  test('text of the query cannot write to the terminal', async () => {
    const { said, exit } = await search({ query: 'event.type : \u001b[2J and (' })
    expect(exit).toBe(2)
    expect(said).not.toContain('\u001b')
  })
})

test.each<[Partial<SearchArguments>, string]>([
  [{ since: '15:00', until: '14:00' }, 'usage: --since begins'],
  [{ datasets: ['fow'] }, 'usage: --dataset: there is no dataset "fow"; did you mean "flow"?'],
  [{ fields: 'sourc.ip' }, 'usage: --fields: there is no field "sourc.ip"; did you mean "source.ip"?'],
  [{ limit: 'many' }, 'usage: --limit: expected a whole number, found "many"'],
  [{ isJson: true, isCsv: true }, 'usage: --json and --csv exclude each other'],
  [{ isCount: true, isCsv: true }, 'usage: --count and --csv exclude each other'],
  [{ store: '/nowhere/at/all' }, 'no-store: there is no store at /nowhere/at/all'],
])('%j is refused', async (part, message) => {
  expect(await refusal(part)).toContain(message)
})

test('a reader that goes away ends the work, without a word', async () => {
  const { exit, out, said, writes } = await search({ isJson: true, limit: '0' }, { readerLeavesAfter: 0 })
  expect([exit, out, writes]).toEqual([0, '', 1])
  expect(said).toBe('')
})

test('what is damaged is told, and the exit status is 1', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'peertrail-damaged-'))
  try {
    const store = join(parent, 'store')
    cpSync(demo.dir, store, { recursive: true })
    const flows = join(store, 'segments', 'wireguard.flow')
    const file =
      readdirSync(flows, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith('.parquet')) ?? ''
    const bytes = readFileSync(join(flows, file))
    writeFileSync(join(flows, file), bytes.fill(0, 4, bytes.length - 4))
    const { exit, said } = await search({ store, query: 'event.type : denied', limit: '1' })
    expect(exit).toBe(1)
    expect(said).toContain('damaged')
    expect(said).toMatch(/1 of \d+ documents/)
  } finally {
    rmSync(parent, { recursive: true })
  }
})

describe('hostile documents', () => {
  const hostile: Fields = {
    '@timestamp': AT,
    'event.id': 'hostile',
    'event.dataset': 'wireguard.firewall',
    'event.action': '\u001b]0;owned\u0007',
    'event.type': ['denied'],
    'source.ip': '10.8.0.2',
    'rule.name': '\u202egnp.exe',
    'wireguard.peer.name': '=HYPERLINK("http://x","y")',
    'wireguard.peer.public_key': '+2b=',
    'host.name': '\u001b[31mred\n2026-11-22, times in UTC',
  }
  const control = /[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?!\n)\p{Cc}/u

  test.each<[string, Partial<SearchArguments>]>([
    ['lines', {}],
    ['fields', { fields: 'rule.name,host.name,event.action,wireguard.peer.name' }],
    ['csv', { isCsv: true }],
    ['json', { isJson: true }],
  ])('%s: no control character leaves, one line each', async (form, part) => {
    await withStore([hostile], async (store) => {
      const { out } = await search({ store, ...part })
      expect(out).not.toMatch(control)
      expect(out.trimEnd().split('\n')).toHaveLength(form === 'json' ? 1 : 2)
    })
  })

  test('a cell that a spreadsheet would run is text', async () => {
    await withStore([hostile], async (store) => {
      const { out } = await search({ store, isCsv: true, fields: 'wireguard.peer.name,wireguard.peer.public_key' })
      expect(out.split('\n')[1]).toBe(`"'=HYPERLINK(""http://x"",""y"")",'+2b=`)
    })
  })

  test('what a writer has not sealed yet is found', async () => {
    await withStore([hostile], async (store) => expect((await search({ store, isCount: true })).out).toBe('1\n'), {
      isOpen: true,
    })
  })
})
