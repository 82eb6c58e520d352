/** Goal: an operator sees which documents a cluster refused and why, and gets them there once that is mended. */
import { mkdirSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ListArguments, runDeadlettersList, shapeOf } from '../../src/commands/deadletters-list.ts'
import { type RetryArguments, runDeadlettersRetry } from '../../src/commands/deadletters-retry.ts'
import { type DeadLetter, openDeadLetters } from '../../src/sinks/elasticsearch/dead-letters.ts'
import { type BulkServer, type BulkServerOptions, openBulkServer } from '../bulk-server.ts'
import { openWorkshop, type Workshop } from '../live/collectors/workshop.ts'
import { idsOf, lettersIn, lettersOf, madeLetter, sizesIn } from '../sinks/elasticsearch/made-letters.ts'
import { START } from '../store/made-events.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

const FLOW = 'logs-wireguard.flow-default'
const HOSTILE =
  "failed to parse field [\u001b[2J] of type [long] in document with id 'x'. Preview of field's value: '\u202eevil'"
const KEY = 'VuaCfGcBCdbkQm-e5aOx:ui2lp2axTNmsyakw9tvNnw'

let shop: Workshop
let server: BulkServer | null = null
beforeEach(() => {
  shop = openWorkshop()
})
afterEach(async () => {
  await server?.close()
  server = null
  shop.remove()
})

const add = (letters: readonly DeadLetter[], dir = shop.dir) => openDeadLetters(dir, 1e9).add(letters)

async function list(args: Partial<ListArguments> = {}, columns = 0) {
  const terminal = createMemoryTerminal()
  let written = ''
  const stdout = Object.assign(new PassThrough(), columns === 0 ? {} : { isTTY: true, columns })
  stdout.setEncoding('utf8').on('data', (text: string) => {
    written += text
  })
  const all = { state: shop.dir, pipeline: '', limit: '', isJson: false, ...args }
  const exit = await runDeadlettersList(all, terminal, stdout)
  return { exit, printed: terminal.printed() + written, said: terminal.said() }
}

async function retry(args: Partial<RetryArguments> = {}, environment = {}, terminal = createMemoryTerminal()) {
  const all = {
    state: shop.dir,
    pipeline: '',
    elasticsearch: server?.url ?? '',
    metrics: '',
    apiKey: '',
    user: '',
    password: '',
    caFile: '',
    fingerprint: '',
    limit: '',
    isJson: false,
    ...args,
  }
  const exit = await runDeadlettersRetry(all, START, environment, terminal)
  return { exit, printed: terminal.printed(), said: terminal.said() }
}

async function serve(options: BulkServerOptions = {}): Promise<BulkServer> {
  server = await openBulkServer(options)
  return server
}

/** A cluster whose mapping is not mended for some. */
const refusing = (ids: readonly string[]): BulkServerOptions => ({
  react: () => ({
    kind: 'take',
    item: ({ id }) => (ids.includes(id) ? { status: 400, type: 'document_parsing_exception', reason: 'still' } : null),
  }),
})

describe('deadletters list', () => {
  test('without any says so', async () => {
    expect(await list()).toEqual({ exit: 0, printed: `no refused documents in ${shop.dir}\n`, said: '' })
  })

  test('groups by stream and reason, without the values in it, and shows examples', async () => {
    add(lettersOf(0, 12))
    add([madeLetter(20, { stream: FLOW, reason: '[3:1] Limit of total fields [1000] has been exceeded' })])
    const { exit, printed } = await list()
    expect(exit).toBe(0)
    expect(printed).toBe(`13 documents refused

documents  stream                           status  first refused            last refused             reason
       12  logs-wireguard.firewall-default     400  2026-11-22 15:00:00 UTC  2026-11-22 15:00:11 UTC  document_parsing_exception: failed to parse field [source.ip] of type [ip]. Preview of field's value: '…'
        1  logs-wireguard.flow-default         400  2026-11-22 15:00:20 UTC  2026-11-22 15:00:20 UTC  document_parsing_exception: Limit of total fields [1000] has been exceeded

logs-wireguard.firewall-default id00000000 2026-11-22 15:00:00 UTC
  400 document_parsing_exception [1:0] failed to parse field [source.ip] of type [ip] in document with id 'id00000000'. Preview of field's value: 'x0'
  {"@timestamp":"2026-11-22T15:00:00.0000Z","event":{"id":"id00000000"},"source":{"ip":"x0"}}

logs-wireguard.flow-default id00000020 2026-11-22 15:00:20 UTC
  400 document_parsing_exception [3:1] Limit of total fields [1000] has been exceeded
  {"@timestamp":"2026-11-22T15:00:00.0000Z","event":{"id":"id00000020"},"source":{"ip":"x20"}}

When the reason is mended: peertrail deadletters retry
`)
  })

  test('fits the terminal', async () => {
    add(lettersOf(0, 3))
    const { printed } = await list({}, 80)
    for (const line of printed.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    expect(printed).toContain('logs-wireguard.firewall-default')
  })

  test('counts a document once, whatever file it stands in, also those of replays', async () => {
    add(lettersOf(0, 3))
    add(lettersOf(1, 3))
    shop.write('dead-letters.17-4.ndjson', shop.read('dead-letters.ndjson'))
    mkdirSync(shop.path('replay'))
    add(lettersOf(5, 7), shop.path('replay'))
    expect((await list()).printed).toMatch(/^5 documents refused\n/)
  })

  test('keeps control characters of servers and documents from the terminal', async () => {
    add([madeLetter(1, { reason: HOSTILE, document: '{"a":"\u009b31m\u202e"}' })])
    for (const isJson of [false, true]) {
      const { printed } = await list({ isJson })
      expect(printed).toContain('\\u202e')
      expect(printed).not.toMatch(/[^\n\P{Cc}]|\p{Cf}/u)
    }
  })

  test('as JSON gives the letters, one a line', async () => {
    add(lettersOf(0, 4))
    const { printed } = await list({ isJson: true })
    const lines = printed.trimEnd().split('\n')
    const { at: _at, type, reason, document, ...rest } = madeLetter(3)
    expect(lines).toHaveLength(4)
    expect(JSON.parse(lines[3] ?? '')).toEqual({
      time: '2026-11-22T15:00:03.000Z',
      ...rest,
      error: { type, reason },
      document: JSON.parse(document),
    })
    expect((await list({ isJson: true, limit: '2' })).printed.trimEnd().split('\n')).toEqual(lines.slice(0, 2))
  })

  test('says what it could not read', async () => {
    shop.write('dead-letters.ndjson', 'hello\nhalf of one\u0018\n')
    expect(await list()).toMatchObject({ exit: 0, said: '1 line of the files of letters could not be read\n' })
  })

  test('finds the state directory by the pipeline', async () => {
    mkdirSync(shop.path('kept'))
    shop.write('pipeline.yaml', 'state: { dir: kept }\n')
    add(lettersOf(0, 2), shop.path('kept'))
    expect((await list({ state: '', pipeline: shop.path('pipeline.yaml') })).printed).toMatch(/^2 documents refused\n/)
  })

  test('of a directory that is not there says what to name', async () => {
    await expect(list({ state: shop.path('nowhere') })).rejects.toMatchObject({
      code: 'cannot-read',
      advice: expect.stringContaining('--state'),
    })
  })
})

describe('the shape of a reason', () => {
  const shape = (reason: string) => shapeOf({ type: '', reason })

  test.each([
    [
      "[1:46] failed to parse field [n] of type [long] in document with id 'id1'. Preview of field's value: 'it's'",
      "failed to parse field [n] of type [long]. Preview of field's value: '…'",
    ],
    ['For input string: "abc"', 'For input string: "…"'],
    [
      '[-1:12] object mapping for [a2.b] tried to parse field [a2.b] as object',
      'object mapping for [a2.b] tried to parse field [a2.b] as object',
    ],
    ['the document is 400123 bytes long', 'the document is # bytes long'],
    ['failed to parse field [sha256] of type [ip]', 'failed to parse field [sha256] of type [ip]'],
    ['', ''],
  ])('of %s', (reason, expected) => {
    expect(shape(reason)).toBe(expected)
  })
})

describe('deadletters retry', () => {
  test('without any needs no cluster', async () => {
    expect(await retry({ elasticsearch: '' })).toEqual({
      exit: 0,
      printed: `no refused documents in ${shop.dir}\n`,
      said: '',
    })
    expect(JSON.parse((await retry({ elasticsearch: '', isJson: true })).printed)).toMatchObject({
      delivered: 0,
      refused: 0,
    })
  })

  test('delivers what is taken now, keeps what is not, and ends with 1 until nothing is left', async () => {
    add(lettersOf(0, 6))
    const { url } = await serve(refusing(idsOf(lettersOf(2, 4))))
    const { exit, printed, said } = await retry()
    expect({ exit, printed }).toEqual({
      exit: 1,
      printed: 'delivered  4 documents\nrefused    2 documents again; see peertrail deadletters list\n',
    })
    expect(said).toBe(`${shop.dir} to ${url}\n`)
    expect((await list()).printed).toMatch(
      / 2 {2}logs-wireguard.firewall-default .* document_parsing_exception: still\n/,
    )
    await server?.close()
    const { indices } = await serve()
    expect(await retry()).toMatchObject({ exit: 0, printed: 'delivered  2 documents\n' })
    expect([...indices.values()].flatMap((held) => [...held.keys()])).toEqual(idsOf(lettersOf(2, 4)))
    expect(sizesIn(shop.dir)).toEqual({})
  })

  test('tells what was there already, and everything as JSON', async () => {
    add(lettersOf(0, 3))
    await serve()
    await retry()
    add(lettersOf(0, 5))
    expect(JSON.parse((await retry({ isJson: true, limit: '4' })).printed)).toEqual({
      delivered: 4,
      duplicates: 3,
      failure_stored: 0,
      refused: 0,
      not_sent: 1,
      unreadable: 0,
      interrupted: false,
    })
    expect(await retry()).toMatchObject({ exit: 0, printed: 'delivered  1 document\n' })
  })

  test('goes where the pipeline says, with its key, which is never shown', async () => {
    add(lettersOf(0, 2))
    const { url, requests } = await serve(refusing(idsOf(lettersOf(1, 2))))
    shop.write(
      'pipeline.yaml',
      `sinks: { elasticsearch: { url: "${url}", api_key: "\${env:ES_KEY}", metrics: standard } }\n`,
    )
    const { exit, printed, said } = await retry(
      { elasticsearch: '', pipeline: shop.path('pipeline.yaml') },
      { ES_KEY: KEY },
    )
    expect(exit).toBe(1)
    expect(requests[0]?.headers['authorization']).toBe(`ApiKey ${KEY}`)
    expect(printed + said + JSON.stringify(sizesIn(shop.dir))).not.toContain(KEY)
    expect(JSON.stringify(lettersIn(shop.dir))).not.toContain(KEY)
  })

  test('without a cluster says how to name one', async () => {
    add(lettersOf(0, 1))
    await expect(retry({ elasticsearch: '' })).rejects.toMatchObject({
      code: 'usage',
      advice: expect.stringContaining('--elasticsearch'),
    })
  })

  test('when the credentials are refused loses nothing', async () => {
    add(lettersOf(0, 4))
    await serve({ react: () => ({ kind: 'status', status: 401 }) })
    await expect(retry()).rejects.toMatchObject({ code: 'refused' })
    expect(lettersIn(shop.dir)).toEqual(lettersOf(0, 4))
  })

  test('when the cluster refuses in the middle says what was delivered before', async () => {
    add(lettersOf(0, 700))
    await serve({ react: (_, n) => (n === 0 ? { kind: 'take' } : { kind: 'status', status: 403 }) })
    const terminal = createMemoryTerminal()
    await expect(retry({}, {}, terminal)).rejects.toMatchObject({ code: 'refused' })
    expect(terminal.said()).toContain('delivered  500 documents\nnot sent   200 documents\n')
    expect(lettersIn(shop.dir)).toEqual(lettersOf(500, 700))
  })

  test('sends what replays left, too', async () => {
    mkdirSync(shop.path('replay'))
    add(lettersOf(0, 2))
    add(lettersOf(5, 7), shop.path('replay'))
    await serve()
    expect(await retry()).toMatchObject({ exit: 0, printed: 'delivered  4 documents\n' })
    expect(sizesIn(shop.path('replay'))).toEqual({})
  })
})
