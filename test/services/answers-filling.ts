/** The same replay in a store and in a cluster; and the same documents a second time, behind a rollover. */
import type { Client } from '@elastic/elasticsearch'
import { readInput, replayInto } from '../../src/commands/replay.ts'
import { createEventWriter } from '../../src/correlate/event-printer.ts'
import { STREAMS, streamName, streamOf } from '../../src/elasticsearch/streams.ts'
import type { Event } from '../../src/event.ts'

/** A document as it goes out. */
export type Filling = { readonly stream: string; readonly id: string; readonly json: string }

const BULK = 2_000

/** Replays a capture into a store, and gives its documents for streams of the namespace. */
export async function replayed(capture: string, store: string, namespace: string): Promise<Filling[]> {
  const fillings: Filling[] = []
  const writer = createEventWriter()
  const add = (event: Event) => {
    const json = writer.toBytes(event).toString('latin1').trimEnd()
    const kind = streamOf(event.dataset)
    if (kind === undefined) throw new Error(`${event.dataset} has no stream`)
    const { id } = /"id":"(?<id>[0-9a-v]{20,})"/.exec(json)?.groups ?? {}
    fillings.push({ stream: streamName(kind, namespace), id: String(event.own['event.id'] ?? id), json })
  }
  const terminal = { out() {}, err() {}, color: false, isInteractive: false }
  await replayInto(await readInput(capture, ''), { add, addLedger: add, drain: async () => {} }, store, terminal)
  return fillings
}

/** Sends each once; returns how many were new. Throws for one that is refused. */
export async function send(client: Client, fillings: readonly Filling[]): Promise<number> {
  let created = 0
  for (let i = 0; i < fillings.length; i += BULK) {
    const lines = fillings
      .slice(i, i + BULK)
      .map(({ stream, id, json }) => `{"create":{"_index":"${stream}","_id":"${id}"}}\n${json}\n`)
    const answer = await client.bulk({ operations: lines })
    for (const { create } of answer.items) {
      const { status = 0, error } = create ?? {}
      if (status !== 201 && status !== 409) throw new Error(`a document was refused: ${JSON.stringify(error)}`)
      if (status === 201) created++
    }
  }
  await client.indices.refresh({ index: [...new Set(fillings.map(({ stream }) => stream))].join(',') })
  return created
}

/** A new backing index for every stream of the namespace that is there. */
export async function rollOver(client: Client, namespace: string): Promise<void> {
  for (const kind of STREAMS) {
    const alias = streamName(kind, namespace)
    await client.indices.rollover({ alias }).catch((error: unknown) => {
      if (!String(error).includes('does not exist')) throw error
    })
  }
}
