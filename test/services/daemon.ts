/**
 * The whole way: `peertrail run` over logs that grow, into an engine that is not set up yet, is killed under it and rolls over, while
 * the daemon itself is killed too. What lies there at the end is what a replay of the same logs gives, each document once.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { scheduler } from 'node:timers/promises'
import type { Client } from '@elastic/elasticsearch'
import { connect } from '../../src/elasticsearch/connection.ts'
import { comparable, type GrowingDaemon, growingPipeline, LIVE_ONLY, startDaemon } from '../live/growing-daemon.ts'
import { type GrowingLogs, openGrowingLogs } from '../live/growing-logs.ts'
import { DEMO, replayCapture } from '../replay-capture.ts'
import { storedDocuments } from './stored-documents.ts'
import type { Suite } from './suite.ts'
import { putTemplates } from './templates-on.ts'
import { waitFor } from './wait-for.ts'

/** The writer's pace: ten seconds of the capture each. */
const PACE_MS = 120
const FAMILIES = ['firewall', 'flow', 'audit', 'session', 'coverage', 'finding']

export const DAEMON: Suite = {
  name: 'daemon',
  engines: ['elasticsearch-9', 'opensearch'],
  async run({ dir, startEngine, namespace, equal, ensure }) {
    const engine = await startEngine()
    const client = connect(engine.connection)
    const name = namespace()
    const sink = `elasticsearch: { url: "${engine.url}", namespace: ${name}, metrics: standard }`
    writeFileSync(join(dir, 'live.yaml'), growingPipeline(sink))
    const logs = openGrowingLogs(DEMO, dir)
    const share = Math.ceil(logs.steps / 4)

    const first = startDaemon(dir, {})
    await grow(logs, share)
    if (engine.kind !== 'opensearch') {
      const text = await waitFor('what the daemon says of missing templates', () =>
        saidOf(first, /install elasticsearch/),
      )
      ensure('a daemon that starts before the install says what is missing, and waits', text !== '', text)
    }
    await putTemplates(client, engine, 'standard')
    await arrived(client, name, 0, first)
    first.child.kill('SIGKILL')
    await first.ended
    await rollOver(client, name)

    const second = startDaemon(dir, {})
    await grow(logs, share)
    const before = (await storedDocuments(client, `logs-wireguard.*-${name}`)).length
    await engine.kill()
    await grow(logs, share)
    await engine.restart()
    await arrived(client, name, before, second)
    second.child.kill('SIGKILL')
    await second.ended
    await rollOver(client, name)

    while (logs.grow());
    const last = startDaemon(dir, { options: ['--once'] })
    await last.ended
    equal('the last daemon reads everything and ends', last.child.exitCode, 0)

    const stored = await storedDocuments(client, `logs-wireguard.*-${name},metrics-wireguard.*-${name}`)
    const ids = stored.map(({ id }) => id)
    equal('no document is there twice, over two rollovers', ids.length, new Set(ids).size)
    const replayed = new Set(idsOf((await replayCapture(DEMO)).ndjson.split('\n')))
    const lived = new Set(ids)
    const missing = [...replayed].filter((id) => !lived.has(id))
    const others = stored.filter(({ id, source }) => !replayed.has(id) && !LIVE_ONLY.test(compact(source)))
    equal(`all ${replayed.size} documents of a replay are there`, missing, [])
    equal(
      'and no other but what a daemon says of itself',
      others.map(({ source }) => compact(source)),
      [],
    )
    await client.close()
  },
}

async function grow(logs: GrowingLogs, steps: number): Promise<void> {
  for (let i = 0; i < steps; i++) {
    logs.grow()
    await scheduler.wait(PACE_MS)
  }
}

function saidOf(daemon: GrowingDaemon, pattern: RegExp): string | null {
  return (
    daemon
      .said()
      .split('\n')
      .find((line) => pattern.test(line)) ?? null
  )
}

/** More than `before` of them. */
async function arrived(client: Client, namespace: string, before: number, daemon: GrowingDaemon): Promise<void> {
  const streams = `logs-wireguard.*-${namespace}`
  // A server that has just started says for a moment that it cannot search.
  const count = () =>
    storedDocuments(client, streams).then(
      ({ length }) => length,
      () => 0,
    )
  await waitFor(
    () => `more than ${before} documents; the daemon said ${daemon.said()}`,
    async () => (await count()) > before,
    60_000,
  )
}

/** A stream nothing was written to is not there. */
async function rollOver(client: Client, namespace: string): Promise<void> {
  for (const family of FAMILIES) {
    const path = `/logs-wireguard.${family}-${namespace}/_rollover`
    await client.transport.request({ method: 'POST', path }, { ignore: [404, 400] })
  }
}

function idsOf(lines: readonly string[]): string[] {
  return lines.filter((line) => line !== '').map((line) => /"id":"([0-9a-v]{34})"/.exec(comparable(line))?.[1] ?? '')
}

function compact(source: unknown): string {
  return JSON.stringify(source)
}
