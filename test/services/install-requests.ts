/** Requests of the install suites, with what a cluster answered to each. */
import type { Client } from '@elastic/elasticsearch'
import { statusOf } from '../../src/elasticsearch/failure.ts'
import { STREAMS, streamName } from '../../src/elasticsearch/streams.ts'

/** One document in every stream. */
export async function fill(client: Client, namespace: string): Promise<void> {
  for (const stream of STREAMS) {
    const { body } = await bulk(client, streamName(stream, namespace), {})
    const [item] = itemsOf(body)
    if (item?.status !== 201 || item.failure_store === 'used')
      throw new Error(`${stream.dataset}: ${JSON.stringify(body)}`)
  }
}

/** One document by _bulk. */
export function bulk(
  client: Client,
  stream: string,
  content: { readonly wireguard?: object },
  at = new Date().toISOString(),
) {
  const wireguard = { interface: { name: 'wg0' }, peer: { public_key: 'key' }, ...content.wireguard }
  return ask(client, 'POST', `/${stream}/_bulk`, [
    { create: {} },
    { '@timestamp': at, host: { name: 'gw1' }, wireguard },
  ])
}

/** Whether a document with this in a field that no release of ours has is indexed, and not put aside. */
export async function isTaken(client: Client, stream: string, probe: unknown): Promise<boolean> {
  const { body } = await bulk(client, stream, { wireguard: { probe } })
  const [item] = itemsOf(body)
  return item?.status === 201 && item.failure_store !== 'used'
}

/** `body` of a bulk: its lines. */
export async function ask(client: Client, method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: object) {
  const lines = Array.isArray(body)
    ? { bulkBody: body.map((each) => JSON.stringify(each)) }
    : body === undefined
      ? {}
      : { body }
  try {
    const answer = await client.transport.request({ method, path, ...lines }, { meta: true })
    return { status: answer.statusCode, body: answer.body }
  } catch (error) {
    const status = statusOf(error)
    if (status === 0) throw error
    return { status, body: null }
  }
}

/** The outcomes of a _bulk's answer, in order. */
export function itemsOf(body: unknown): Item[] {
  // Elasticsearch's answer to _bulk, which names each action.
  const { items } = (body ?? { items: [] }) as { items: { [action: string]: Item }[] }
  return items.flatMap((item) => Object.values(item))
}

type Item = { readonly status: number; readonly _index: string; readonly failure_store?: string }
