/** Traffic of the clients, each attempt with its entry in the truth. */
import { wallClock } from './conditions.ts'
import type { Machines } from './lab-machines.ts'
import { CLIENT_PLANS, type Client, PORTS, SERVER_ADDRESSES } from './lab-plan.ts'
import type { Order, OrderResult } from './traffic-orders.ts'
import type { Attempt } from './truth.ts'

export type Wish = {
  readonly client: Client
  readonly what: string
  /** Without it the client's first tunnel address. */
  readonly source?: string
  /** Without it the server's address of the same family. */
  readonly destination?: string
  /** Without it the database's. */
  readonly port?: number
  readonly transport?: Attempt['transport']
  readonly verdict?: Attempt['verdict']
  readonly isVerdictNew?: boolean
  readonly outcome?: Attempt['outcome']
  readonly isHeld?: boolean
  /** Without it so long that only what is dropped is not answered. */
  readonly patienceMs?: number
}

export type Traffic = {
  /** Fails when the network did something else than the wish says: then the lab is broken, not the daemon. */
  readonly make: (wish: Wish) => Promise<Attempt>
  /** The same without looking at what became of it. */
  readonly try: (wish: Wish) => Promise<OrderResult & { readonly attempt: Attempt }>
  /** Logs in to the inner host and runs a command there, whose program is `ran`. */
  readonly login: (client: Client, command: readonly string[], ran: string) => Promise<void>
  /** Ends a held connection. */
  readonly close: (attempt: Attempt) => Promise<void>
}

/** What the attempts of the measuring client are called. */
export const MARK = 'mark'
/** Answers come within milliseconds, except from a busy machine or after a lost handshake (5 s later it is tried again). */
const ANSWERED_MS = 15_000
/** Below the second after which a SYN is sent again: one attempt, one log line. */
const UNANSWERED_MS = 700
/** Below the kernel's own choice for others (32768 and up): every attempt has its port for itself. */
const FIRST_PORT = 20_000

export function createTraffic(machines: Machines): Traffic {
  let port = FIRST_PORT

  async function attempt(wish: Wish): Promise<OrderResult & { readonly attempt: Attempt }> {
    const { client, source = CLIENT_PLANS[client].inner[0] ?? '' } = wish
    const transport = wish.transport ?? 'tcp'
    const hasPorts = transport === 'tcp' || transport === 'udp'
    const destination = wish.destination ?? SERVER_ADDRESSES[source.includes(':') ? 1 : 0]
    const destinationPort = hasPorts ? (wish.port ?? PORTS.database) : 0
    const sourcePort = hasPorts ? port++ : 0
    const { verdict = 'accepted', outcome = 'connected' } = wish
    const patienceMs =
      wish.patienceMs ?? (outcome === 'no-answer' || verdict === 'dropped' ? UNANSWERED_MS : ANSWERED_MS)
    // Asked before it is sent: who holds the address now.
    const key = machines.holders.get(source) ?? ''
    const done = await (machines.traffic.get(client) ?? unknownClient(client)).order(
      orderOf(transport, {
        source,
        sourcePort,
        destination,
        port: destinationPort,
        isHeld: wish.isHeld ?? false,
        patienceMs,
      }),
    )
    const made: Attempt = {
      what: wish.what,
      client,
      key,
      transport,
      source,
      sourcePort,
      destination,
      destinationPort,
      target: machines.holders.get(destination) ?? '',
      verdict,
      isVerdictNew: wish.isVerdictNew ?? false,
      outcome,
      isCertain: wish.what !== MARK || done.result === 'connected',
      from: done.from,
      to: done.to,
    }
    machines.truth.attempts.push(made)
    return { ...done, attempt: made }
  }

  return {
    try: attempt,
    async make(wish) {
      const { result, attempt: made } = await attempt(wish)
      const { verdict, outcome } = made
      const expected =
        verdict === 'dropped' || verdict === 'none' ? 'no-answer' : verdict === 'rejected' ? 'refused' : outcome
      if (result !== expected)
        throw new Error(
          `${made.client}: ${made.what}: ${made.source}:${made.sourcePort} was ${result}, not ${expected}`,
        )
      return made
    },
    async login(client, command, ran) {
      const source = CLIENT_PLANS[client].inner[0] ?? ''
      const key = machines.holders.get(source) ?? ''
      const from = wallClock()
      const sourcePort = await machines.ssh.login(client, source, command.map(quoted).join(' '))
      machines.truth.logins.push({ key, source, sourcePort, ran })
      machines.truth.attempts.push({
        what: 'ssh',
        client,
        key,
        transport: 'tcp',
        source,
        sourcePort,
        destination: SERVER_ADDRESSES[0],
        destinationPort: PORTS.ssh,
        target: '',
        verdict: 'accepted',
        isVerdictNew: false,
        outcome: 'connected',
        isCertain: true,
        from,
        to: wallClock(),
      })
    },
    async close({ client, sourcePort }) {
      await machines.traffic.get(client)?.order({ what: 'close', sourcePort })
    },
  }
}

type Ends = Omit<Extract<Order, { what: 'tcp' }>, 'what'>

function orderOf(transport: Attempt['transport'], ends: Ends): Order {
  const { source, sourcePort, destination, port, patienceMs } = ends
  if (transport === 'tcp') return { what: 'tcp', ...ends }
  if (transport === 'udp') return { what: 'udp', source, sourcePort, destination, port, patienceMs }
  return { what: 'ping', source, destination, patienceMs }
}

/** For a shell; no word of ours holds a single quote. */
function quoted(word: string): string {
  return `'${word}'`
}

function unknownClient(name: string): never {
  throw new Error(`${name} makes no traffic`)
}
