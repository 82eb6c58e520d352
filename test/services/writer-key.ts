/** A gateway from nothing, as the documentation tells it: install, a key, the pipeline lines that were printed, and the key's end. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { connect } from '../../src/elasticsearch/connection.ts'
import type { Engine } from './engine-contract.ts'
import { createGatewayDaemon, type GatewayDaemon } from './gateway-daemon.ts'
import type { Overheard } from './overheard.ts'
import { type PeertrailEnd, runPeertrail } from './peertrail.ts'
import { storedDocuments } from './stored-documents.ts'
import type { SuiteContext } from './suite.ts'
import { waitFor } from './wait-for.ts'

/** Packets before and after the key is taken away. */
const [BEFORE, AFTER] = [200, 300]
const STREAM = 'logs-wireguard.firewall-default'
const PATIENCE_MS = 60_000

const keySchema = z.object({ key: z.object({ id: z.string(), encoded: z.string(), pipeline: z.string() }) })
type Key = z.infer<typeof keySchema>['key']

export async function checkWriterKey(context: SuiteContext, engine: Engine, overheard: Overheard): Promise<void> {
  const { dir, equal, ensure } = context
  const { connection } = engine
  const admin = connect(connection)
  const [first, second] = [await makeKey(context, engine, overheard), await makeKey(context, engine, overheard)]
  const daemon = createGatewayDaemon(join(dir, 'gateway'), first.pipeline)
  const there = async () => (await storedDocuments(admin, STREAM)).length
  try {
    daemon.start({ PEERTRAIL_ELASTICSEARCH_API_KEY: first.encoded })
    daemon.log(BEFORE)
    await waitFor(
      `${BEFORE} documents by the new key\n${tailOf(daemon)}`,
      async () => (await there()) === BEFORE,
      PATIENCE_MS,
    )
    context.proved(
      `a gateway with the printed pipeline lines and the key of install sends over TLS`,
      `${BEFORE} documents`,
    )

    await admin.transport.request({ method: 'DELETE', path: '/_security/api_key', body: { ids: [first.id] } })
    daemon.log(AFTER)
    const refusal = await waitFor(
      () => `the daemon says that its key is refused\n${tailOf(daemon)}`,
      () =>
        daemon
          .said()
          .split('\n')
          .find((line) => /refuse/.test(line) && /401/.test(line)),
      PATIENCE_MS,
    )
    ensure('an API key invalidated while running: the daemon says so and goes on', daemon.isRunning(), refusal)
    equal('… and nothing more came in', await there(), BEFORE)
    await daemon.stop()

    daemon.start({ PEERTRAIL_ELASTICSEARCH_API_KEY: second.encoded })
    await waitFor(
      () => `all documents by the next key\n${tailOf(daemon)}`,
      async () => (await there()) >= BEFORE + AFTER,
      PATIENCE_MS,
    )
    await daemon.stop()
    const documents = await storedDocuments(admin, STREAM)
    equal(
      'with the next key everything comes in that was read meanwhile, once',
      { documents: documents.length, ids: new Set(documents.map(({ id }) => id)).size },
      { documents: BEFORE + AFTER, ids: BEFORE + AFTER },
    )
  } finally {
    await daemon.close()
    // Its log, its state: cursors, spool, journals.
    for (const path of filesBelow(join(dir, 'gateway'))) overheard.heard(readFileSync(path, 'latin1'))
    await admin.close()
  }
}

/** By the command, as administrator. */
async function makeKey({ dir, equal }: SuiteContext, engine: Engine, overheard: Overheard): Promise<Key> {
  const { url, connection } = engine
  if (connection.auth.kind !== 'basic') throw new Error('the engine has no password')
  const password = join(dir, 'password')
  writeFileSync(password, `${connection.auth.password}\n`, { mode: 0o600 })
  const account = ['--user', connection.auth.username, '--password', `file:${password}`]
  const trust = ['--ca-file', connection.caFile]
  const words = ['install', 'elasticsearch', '--url', url, ...trust, ...account, '--create-key', 'gw1', '--json']
  const end = await runPeertrail(words)
  if (end.status !== 0) throw new Error(textOf(end))
  const { key } = keySchema.parse(JSON.parse(end.stdout))
  overheard.secret(key.encoded)
  const parts = end.stdout.split(key.encoded)
  equal('install --create-key prints the key once', parts.length, 2)
  // The one place where it belongs is taken out.
  overheard.heard(end.stderr, ...parts)
  return key
}

function textOf({ status, stdout, stderr }: PeertrailEnd): string {
  return `exit ${status}\n${stdout}\n${stderr}`
}

function tailOf(daemon: GatewayDaemon): string {
  return daemon.said().trimEnd().split('\n').slice(-8).join('\n')
}

function filesBelow(dir: string): readonly string[] {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
}
