/**
 * `peertrail findings ack ID --by NAME [--case REF] [--note TEXT]`: records what is done about a finding, as an event beside it. A
 * daemon that writes the store takes it over its socket; without one it is written here; a cluster takes it directly.
 */
import { basename, dirname, resolve } from 'node:path'
import { type Acknowledgement, acknowledgementEvent } from '../acknowledgement.ts'
import { parsePipeline } from '../config.ts'
import { connect } from '../elasticsearch/connection.ts'
import { streamName, streamOf } from '../elasticsearch/streams.ts'
import { AppError } from '../errors.ts'
import type { Event } from '../event.ts'
import { printEvent } from '../event-json.ts'
import type { Fields } from '../fields.ts'
import { stateDirOf } from '../live/state-place.ts'
import { tellAcknowledgement } from '../live/status/status-client.ts'
import { readText } from '../read-text.ts'
import { quoted, safeText } from '../safe-text.ts'
import { openStoreReader } from '../store/reader.ts'
import { openStoreWriter } from '../store/writer.ts'
import { onlyFinding } from './findings-show.ts'
import { type ClusterPlace, findReader, openFoundReader, type ReaderOptions } from './reader-place.ts'
import type { CommandContext } from './search.ts'
import { createTextOutlet } from './text-outlet.ts'

export type AckArguments = ReaderOptions & {
  readonly id: string
  readonly by: string
  readonly case: string
  readonly note: string
  /** State directory of the daemon, '' = by the pipeline, else beside the store. */
  readonly state: string
  readonly isJson: boolean
}

/** Exit 0 when it is recorded. Throws AppError. */
export async function runAckFinding(args: AckArguments, context: CommandContext): Promise<number> {
  const { terminal, environment, stdout, now } = context
  for (const [option, text] of [
    ['--by', args.by],
    ['--case', args.case],
    ['--note', args.note],
  ] as const)
    checkText(option, text)
  const reader = await openFoundReader(args, environment, terminal)
  const { document } = await onlyFinding(reader, args.id).finally(() => reader.close())
  const given = acknowledgementOf(document, args)
  const event = acknowledgementEvent(given, now)
  const place = await findReader(args, environment)
  const how = 'dir' in place ? await recordInStore(place.dir, args, given, event) : await recordInCluster(place, event)
  const summary = document['wireguard.finding.summary'] ?? ''
  const who = `acknowledged by ${safeText(given.by)}${given.case === '' ? '' : `, case ${safeText(given.case)}`}`
  const text = args.isJson ? printEvent(event) : `${who}: ${safeText(summary)}\n${how}`
  await createTextOutlet(stdout).write(`${text}\n`)
  return 0
}

function checkText(option: string, text: string): void {
  if (text.length <= 500 && !/\p{Cc}/u.test(text) && (option !== '--by' || text.trim() !== '')) return
  throw new AppError('usage', `${option}: ${quoted(text)} cannot be recorded`, {
    advice:
      option === '--by'
        ? 'Say who handles the finding: --by NAME.'
        : 'At most 500 characters, without control characters.',
  })
}

function acknowledgementOf(finding: Fields, { by, case: reference, note }: AckArguments): Acknowledgement {
  return {
    finding: finding['event.id'] ?? '',
    case: reference,
    by,
    note,
    rule: finding['rule.id'] ?? '',
    title: (finding['rule.name'] ?? '').slice(0, 500),
    host: finding['host.name'] ?? '',
    peer: finding['wireguard.peer.name'] ?? '',
    publicKey: finding['wireguard.peer.public_key'] ?? '',
  }
}

/** What to say of it. */
async function recordInStore(dir: string, args: AckArguments, given: Acknowledgement, event: Event): Promise<string> {
  // Found before, so there is one; a writer would make it.
  ;(await openStoreReader(dir)).close()
  try {
    const writer = await openStoreWriter(dir, {})
    writer.add(event)
    writer.commit(new Map())
    await writer.abandon()
    return `recorded in ${safeText(dir)}`
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'store-locked') throw error
  }
  return (await tellAcknowledgement(await stateDir(dir, args), given))
    ? `recorded in ${safeText(dir)} by the daemon that writes it`
    : 'the daemon has it, and its store takes nothing at the moment: `peertrail status` says why; look later whether it is there'
}

async function stateDir(store: string, { pipeline, state }: AckArguments): Promise<string> {
  if (state !== '') return state
  if (pipeline === '') return `${resolve(store)}-state`
  return stateDirOf(parsePipeline(await readText(pipeline), basename(pipeline)), dirname(resolve(pipeline)))
}

async function recordInCluster({ connection, namespace }: ClusterPlace, event: Event): Promise<string> {
  const stream = streamOf(event.dataset)
  if (stream === undefined) throw new Error('findings have no stream')
  const client = connect(connection)
  try {
    // Printed by us a moment ago: an object.
    const document = JSON.parse(printEvent(event)) as object
    const id = event.own['event.id'] ?? ''
    await client.create({ index: streamName(stream, namespace), id, document })
    return `recorded in ${streamName(stream, namespace)}`
  } catch (error) {
    throw new AppError(
      'refused',
      `the cluster did not take it: ${safeText(error instanceof Error ? error.message : String(error))}`,
      {
        cause: error,
        advice: 'The key needs the right to write findings: create_doc on logs-wireguard.finding-*.',
      },
    )
  } finally {
    await client.close()
  }
}
