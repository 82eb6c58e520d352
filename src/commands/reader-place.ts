/**
 * What a command asks: a cluster named with --elasticsearch, else the store or cluster that store-place.ts finds. The one asked is
 * said on stderr, so that nobody takes one's answer for another's.
 */
import { resolve } from 'node:path'
import { NAMESPACE, NAMESPACE_EXPECTED } from '../config-schema.ts'
import { configuredConnection } from '../elasticsearch/configured.ts'
import type { Connection } from '../elasticsearch/connection.ts'
import { NAMESPACE_DEFAULT } from '../elasticsearch/streams.ts'
import { AppError } from '../errors.ts'
import { quoted, safeText } from '../safe-text.ts'
import type { EventReader } from '../store/event-reader.ts'
import { openStoreReader, type StoreReader, type ReaderOptions as StoreReading } from '../store/reader.ts'
import { type ConnectionOptions, connectionOf, fingerprintOf } from './connection-arguments.ts'
import { type ClusterSink, type Environment, findSink, type StoreOptions, type StorePlace } from './store-place.ts'
import { paint, type Terminal } from './terminal.ts'

/** '' or absent = not given. */
export type ReaderOptions = StoreOptions &
  Partial<ConnectionOptions> & {
    /** Address of a cluster. */
    readonly elasticsearch?: string
    /** Last part of its streams' names. */
    readonly namespace?: string
  }

/** From the keyboard, from a service manager, from a terminal that is gone. */
const ENDS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export type ClusterPlace = {
  readonly connection: Connection
  readonly namespace: string
  readonly from: string
}

/** Opens what a command is to ask; the caller closes it. `how` is for a store. Throws AppError. */
export async function openFoundReader(
  options: ReaderOptions,
  environment: Environment,
  terminal: Terminal,
  how: StoreReading = {},
): Promise<EventReader> {
  const place = await findReader(options, environment)
  const reader = 'dir' in place ? await openStoreReader(place.dir, how) : await openCluster(place)
  const note = place.from.startsWith('--') ? '' : ` (${safeText(place.from)})`
  terminal.err(`${paint(terminal, 'dim', `${reader.name}${namespaceNote(place)}${note}`)}\n`)
  return reader
}

/** Throws AppError `usage`, `bad-secret`, and those of findSink. */
export async function findReader(options: ReaderOptions, environment: Environment): Promise<StorePlace | ClusterPlace> {
  const { elasticsearch = '', namespace = '' } = options
  if (namespace !== '' && !NAMESPACE.test(namespace)) {
    throw new AppError('usage', `--namespace: ${quoted(namespace)} is none`, {
      advice: NAMESPACE_EXPECTED,
    })
  }
  if (elasticsearch !== '') {
    if (options.store !== '') {
      throw new AppError('usage', '--store and --elasticsearch exclude each other', {
        advice: 'Leave one of them out.',
      })
    }
    const connection = connectionOf(elasticsearch, connectionOptions(options), environment)
    return { connection, namespace: namespace || NAMESPACE_DEFAULT, from: '--elasticsearch' }
  }
  const found = await findSink(options, environment)
  if (!('dir' in found)) return configured(found, options, environment)
  refuseClusterOptions(options, found)
  return found
}

/** Says what could not be read; true when there was something. Only a store has files that can be verified. */
export function reportDamage(reader: EventReader | StoreReader, terminal: Terminal): boolean {
  for (const what of reader.damage)
    terminal.err(
      'segments' in reader
        ? `${paint(terminal, 'red', 'damaged')}  ${safeText(what)} are missing from this answer; see peertrail verify\n`
        : `${paint(terminal, 'red', 'incomplete')}  ${safeText(what)}\n`,
    )
  return reader.damage.length > 0
}

/** Loaded when a cluster is asked at all: its client takes longer to load than most commands take. */
async function openCluster({ connection, namespace }: ClusterPlace): Promise<EventReader> {
  const { openClusterReader } = await import('../store/cluster-reader.ts')
  const reader = await openClusterReader(connection, { namespace })
  // Documents lie in a directory of its own while it is open, and a signal would leave them there.
  const end = (signal: NodeJS.Signals) => {
    reader.close()
    process.kill(process.pid, signal)
  }
  for (const signal of ENDS) process.once(signal, end)
  return {
    ...reader,
    get damage() {
      return reader.damage
    },
    close() {
      for (const signal of ENDS) process.off(signal, end)
      reader.close()
    },
  }
}

/** A pipeline's key may be good for writing only: an account that is named here goes before it. */
function configured(
  { config, base, from }: ClusterSink,
  options: ReaderOptions,
  environment: Environment,
): ClusterPlace {
  const given = connectionOptions(options)
  const namespace = options.namespace || config.namespace
  const caFile = given.caFile || (config.caFile === '' ? '' : resolve(base, config.caFile))
  const fingerprint = given.fingerprint || config.fingerprint
  // A password alone is an account that is not whole, which is said there.
  if (given.apiKey === '' && given.user === '' && given.password === '') {
    const { url, auth } = configuredConnection(config, base, environment)
    return { connection: { url, auth, caFile, fingerprint: fingerprintOf(fingerprint) }, namespace, from }
  }
  return { connection: connectionOf(config.url, { ...given, caFile, fingerprint }, environment), namespace, from }
}

function connectionOptions(options: ReaderOptions): ConnectionOptions {
  const { apiKey = '', user = '', password = '', caFile = '', fingerprint = '' } = options
  return { apiKey, user, password, caFile, fingerprint }
}

/** Nobody should believe that they had a say. */
function refuseClusterOptions(options: ReaderOptions, { dir }: StorePlace): void {
  const { apiKey, user, password, caFile, fingerprint } = connectionOptions(options)
  const given = {
    'api-key': apiKey,
    user,
    password,
    'ca-file': caFile,
    fingerprint,
    namespace: options.namespace ?? '',
  }
  const [option] = Object.entries(given).find(([, value]) => value !== '') ?? []
  if (option === undefined) return
  throw new AppError('usage', `--${option} is for a cluster, and store ${safeText(dir)} is to be read`, {
    advice: 'Name the cluster with --elasticsearch.',
  })
}

function namespaceNote(place: StorePlace | ClusterPlace): string {
  return 'dir' in place || place.namespace === NAMESPACE_DEFAULT ? '' : `, namespace ${place.namespace}`
}
