/**
 * A TCP proxy before one listener of a broker, which does what networks do: it loses the answer to a produce request that the broker has
 * carried out, refuses connections, falls silent in the middle of them, or cuts them.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { ANSWER_HEAD_BYTES, createFrameScan, PRODUCE, REQUEST_HEAD_BYTES } from './frame-scan.ts'

export type FaultyProxy = {
  /** `127.0.0.1:PORT` */
  readonly address: string
  /**
   * `count` produce requests from now on, each `every`-th of them, are passed on; the answer is swallowed and the connection cut. In place
   * of what was asked for before.
   */
  loseAnswers(count: number, every?: number): void
  /** Answers that were swallowed so far. */
  readonly lost: number
  /** Produce requests that were passed on so far. */
  readonly produced: number
  /** Cuts every connection, once. */
  cut(): void
  /** Cuts every connection and refuses new ones, until `heal`. Resolves when the port is closed. */
  refuse(): Promise<void>
  /** A network that is split: connections stay, are even taken, and nothing passes, until `heal`. */
  silence(): void
  /** What was silent passes again, late and in order; connections are taken. */
  heal(): Promise<void>
  close(): Promise<void>
}

type Pair = { readonly client: Socket; readonly broker: Socket }

/** Resolves when it listens. `port`, `target`: of 127.0.0.1. */
export async function openFaultyProxy(port: number, target: number): Promise<FaultyProxy> {
  const pairs = new Set<Pair>()
  const count = { lost: 0, produced: 0, toLose: 0, every: 1, since: 0, isSilent: false }

  const open = (client: Socket): void => {
    const broker = connect({ port: target, host: HOST, noDelay: true })
    const pair = { client, broker }
    pairs.add(pair)
    const end = () => {
      pairs.delete(pair)
      client.destroy()
      broker.destroy()
    }
    for (const socket of [client, broker]) socket.on('error', end).on('close', end)
    pass(pair, count, end)
    if (count.isSilent) hold(pair)
  }
  const cut = () => {
    for (const pair of pairs) {
      pairs.delete(pair)
      pair.client.destroy()
      pair.broker.destroy()
    }
  }
  let server: Server | null = await listen(port, open)
  const refuse = async () => {
    const own = server
    server = null
    const closed = own === null ? null : closeServer(own)
    cut()
    await closed
  }
  return {
    address: `${HOST}:${port}`,
    loseAnswers(toLose, every = 1) {
      Object.assign(count, { toLose, every, since: 0 })
    },
    get lost() {
      return count.lost
    },
    get produced() {
      return count.produced
    },
    cut,
    refuse,
    silence() {
      count.isSilent = true
      for (const pair of pairs) hold(pair)
    },
    async heal() {
      count.isSilent = false
      for (const { client, broker } of pairs) {
        client.resume()
        broker.resume()
      }
      server ??= await listen(port, open)
    },
    close: refuse,
  }
}

const HOST = '127.0.0.1'

/** `since`: produce requests since the last whose answer was lost. */
type Count = { lost: number; produced: number; toLose: number; every: number; since: number; isSilent: boolean }

/** Both ways. Requests of one connection are answered in their order. */
function pass({ client, broker }: Pair, count: Count, end: () => void): void {
  const doomed = new Set<number>()
  const requests = createFrameScan(REQUEST_HEAD_BYTES, (head) => {
    if (head.readInt16BE(4) !== PRODUCE) return
    count.produced++
    if (count.toLose === 0 || ++count.since < count.every) return
    count.since = 0
    count.toLose--
    doomed.add(head.readInt32BE(8))
  })
  let swallowed = -1
  const answers = createFrameScan(ANSWER_HEAD_BYTES, (head, at) => {
    if (swallowed === -1 && doomed.has(head.readInt32BE(4))) swallowed = Math.max(0, at)
  })
  client.on('data', (piece: Buffer) => {
    requests(piece)
    if (!broker.write(piece)) wait(client, broker, count)
  })
  broker.on('data', (piece: Buffer) => {
    answers(piece)
    if (swallowed >= 0) {
      count.lost++
      // What stands before it belongs to others, and has arrived.
      client.end(piece.subarray(0, swallowed), end)
      broker.destroy()
    } else if (!client.write(piece)) wait(broker, client, count)
  })
}

function wait(from: Socket, to: Socket, count: Count): void {
  from.pause()
  to.once('drain', () => {
    if (!count.isSilent) from.resume()
  })
}

function hold({ client, broker }: Pair): void {
  client.pause()
  broker.pause()
}

function listen(port: number, open: (client: Socket) => void): Promise<Server> {
  const server = createServer({ noDelay: true }, open)
  return new Promise((done, failed) => {
    server.once('error', failed)
    server.listen(port, HOST, () => done(server))
  })
}

function closeServer(server: Server): Promise<void> {
  return new Promise((done) => void server.close(() => done()))
}
