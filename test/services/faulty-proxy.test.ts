/** A proxy that loses answers, before a small server that speaks the frames of Kafka's protocol and counts what it carried out. */
import { connect, createServer, type Server, type Socket } from 'node:net'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { type FaultyProxy, openFaultyProxy } from './faulty-proxy.ts'
import { ANSWER_HEAD_BYTES, createFrameScan, PRODUCE, REQUEST_HEAD_BYTES } from './frame-scan.ts'

const METADATA = 3
const opened: { close(): unknown }[] = []
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close()
})

test('frames are found however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 8, maxLength: 40 }), { maxLength: 20 }),
      fc.array(fc.nat(50), { maxLength: 30 }),
      (bodies, cuts) => {
        const stream = Buffer.concat(bodies.map((body) => frameOf(Buffer.from(body))))
        const heads: Buffer[] = []
        const starts: number[] = []
        let before = 0
        const scan = createFrameScan(REQUEST_HEAD_BYTES, (head, at) => {
          heads.push(head)
          starts.push(before + at)
        })
        for (const piece of cutAt(stream, cuts)) {
          scan(piece)
          before += piece.length
        }
        let at = 0
        const expected = bodies.map((body) => {
          const from = at
          at += 4 + body.length
          return from
        })
        expect(starts).toEqual(expected)
        expect(heads).toEqual(expected.map((from) => stream.subarray(from, from + REQUEST_HEAD_BYTES)))
      },
    ),
  )
})

test('a produce request is carried out and its answer lost, each third of them, twice', async () => {
  const { proxy, carriedOut } = await openPair()
  proxy.loseAnswers(2, 3)
  const ends: string[] = []
  for (let id = 0; id < 9; id++) ends.push(await ask(proxy, PRODUCE, id))
  expect(ends.map((end, id) => (end === `answer ${id}` ? 'answered' : end))).toEqual([
    'answered',
    'answered',
    'cut',
    'answered',
    'answered',
    'cut',
    'answered',
    'answered',
    'answered',
  ])
  expect(carriedOut()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  expect([proxy.lost, proxy.produced]).toEqual([2, 9])
})

test('other requests are answered while produce requests are not', async () => {
  const { proxy } = await openPair()
  proxy.loseAnswers(1)
  expect(await ask(proxy, METADATA, 7)).toBe('answer 7')
  expect(await ask(proxy, PRODUCE, 8)).toBe('cut')
})

test('refused connections are taken again afterwards, at the same port', async () => {
  const { proxy } = await openPair()
  await proxy.refuse()
  expect(await ask(proxy, METADATA, 1)).toBe('ECONNREFUSED')
  await proxy.heal()
  expect(await ask(proxy, METADATA, 2)).toBe('answer 2')
})

test('what was sent into a silence is answered when it ends', async () => {
  const { proxy, carriedOut } = await openPair()
  proxy.silence()
  const answer = ask(proxy, PRODUCE, 5)
  expect(await ask(proxy, METADATA, 6, 'no answer')).toBe('no answer')
  expect(carriedOut()).toEqual([])
  await proxy.heal()
  expect(await answer).toBe('answer 5')
})

/** The proxy, and behind it a server that answers each request by its correlation id. */
async function openPair(): Promise<{ proxy: FaultyProxy; carriedOut: () => readonly number[] }> {
  const ids: number[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    const scan = createFrameScan(REQUEST_HEAD_BYTES, (head) => {
      const id = head.readInt32BE(8)
      ids.push(id)
      const body = Buffer.alloc(ANSWER_HEAD_BYTES)
      body.writeInt32BE(id)
      socket.write(frameOf(body))
    })
    socket.on('data', scan).on('error', () => {})
  })
  const target = await listen(server)
  opened.push({
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  })
  const free = createServer()
  const port = await listen(free)
  await new Promise((done) => free.close(done))
  const proxy = await openFaultyProxy(port, target)
  opened.push(proxy)
  return { proxy, carriedOut: () => ids }
}

function listen(server: Server): Promise<number> {
  return new Promise((done) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      done(typeof address === 'object' ? (address?.port ?? 0) : 0)
    })
  })
}

/** `answer ID`, `cut`, or what the system says. With `untilTaken`, that is the end as soon as the request has left. */
function ask({ address }: FaultyProxy, kind: number, id: number, untilTaken = ''): Promise<string> {
  const body = Buffer.alloc(60)
  body.writeInt16BE(kind)
  body.writeInt32BE(id, 4)
  return new Promise((done) => {
    const socket = connect(Number(address.split(':')[1]), '127.0.0.1')
    const end = (text: string) => {
      done(text)
      socket.destroy()
    }
    socket.once('data', (piece: Buffer) => end(`answer ${piece.readInt32BE(4)}`))
    socket.once('error', (error) => end('code' in error ? String(error.code) : error.message))
    socket.once('close', () => done('cut'))
    socket.write(frameOf(body), () => {
      if (untilTaken !== '') end(untilTaken)
    })
  })
}

function frameOf(body: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}

function* cutAt(stream: Buffer, cuts: readonly number[]): Generator<Buffer> {
  let from = 0
  for (const size of cuts) {
    yield stream.subarray(from, from + size)
    from += size
  }
  yield stream.subarray(from)
}
