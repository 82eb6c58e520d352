/**
 * Child of elasticsearch-bench.ts: makes the packet log documents of a capture, keeps them in memory, and then either delivers them to
 * URL through the product's sink, timed, or writes them to a file as NDJSON.
 *
 *     elasticsearch-send.ts CAPTURE send URL NAMESPACE WORK_DIRECTORY
 *     elasticsearch-send.ts CAPTURE write FILE
 *
 * Prints one line of JSON.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { readInput } from '../src/commands/replay.ts'
import { runCapture } from '../src/commands/replay-run.ts'
import { createTerminal } from '../src/commands/terminal.ts'
import { createEventWriter } from '../src/correlate/event-printer.ts'
import type { Event } from '../src/event.ts'
import { openConfiguredElasticsearch } from '../src/sinks/elasticsearch-configured.ts'

export type Sent = {
  readonly documents: number
  readonly seconds: number
  /** Of all threads: compression has its own. */
  readonly cpuSeconds: number
  readonly counts: Readonly<Record<string, number>>
}

const DEAD_LETTER_BYTES = 64 * 1024 * 1024
const BLOCK_BYTES = 1024 * 1024

async function firewallEvents(directory: string): Promise<Event[]> {
  const events: Event[] = []
  const nobody = { write: () => {} }
  await runCapture(
    await readInput(directory, ''),
    {
      add(event) {
        if (event.dataset === 'wireguard.firewall') events.push(event)
      },
      addLedger: null,
      drain: async () => {},
    },
    createTerminal({ out: nobody, err: nobody }, {}),
  )
  return events
}

async function send(events: Event[], url: string, namespace: string, dir: string): Promise<Sent> {
  const said = (_: unknown, text: string): void => void process.stderr.write(`${text}\n`)
  const config = {
    url,
    namespace,
    apiKey: null,
    username: '',
    password: null,
    caFile: '',
    fingerprint: '',
    metrics: 'standard',
    deadLetterBytes: DEAD_LETTER_BYTES,
  } as const
  const sink = openConfiguredElasticsearch(config, {
    base: dir,
    dir,
    environment: {},
    hide: () => {},
    log: { info: () => {}, warn: said, error: said },
    now: () => Date.now() * 1000,
    random: Math.random,
  })
  const batch = sink.batch?.events ?? 5_000
  const documents = events.length
  const cpu = process.cpuUsage()
  const started = performance.now()
  // What is sent is let go: the heap of a sender does not hold what it has sent an hour ago.
  while (events.length > 0) await sink.deliver(events.splice(0, batch))
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const counts = Object.fromEntries(sink.counts?.() ?? [])
  await sink.close()
  return { documents, seconds, cpuSeconds: (user + system) / 1e6, counts }
}

/** Printing alone, without sending: how much of the above it is. */
function write(events: readonly Event[], path: string): Sent {
  const writer = createEventWriter()
  const file = openSync(path, 'w')
  const block = Buffer.allocUnsafe(BLOCK_BYTES)
  const cpu = process.cpuUsage()
  const started = performance.now()
  let at = 0
  for (const event of events) {
    let end = writer.write(event, block, at)
    if (end < 0) {
      writeSync(file, block, 0, at)
      end = writer.write(event, block, 0)
    }
    if (end < 0) throw new Error(`a document of more than ${BLOCK_BYTES} bytes`)
    at = end
  }
  writeSync(file, block, 0, at)
  closeSync(file)
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { documents: events.length, seconds, cpuSeconds: (user + system) / 1e6, counts: {} }
}

const [, , capture = '', mode = '', target = '', namespace = '', dir = ''] = process.argv
const events = await firewallEvents(capture)
const sent = mode === 'send' ? await send(events, target, namespace, dir) : write(events, target)
process.stdout.write(`${JSON.stringify(sent)}\n`)
