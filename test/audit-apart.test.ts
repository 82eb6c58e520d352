/** What gateways tell does not depend on whether the hosts behind them are audited too: only who took a flow is added. */
import { expect, test } from 'vitest'
import { parseEvent } from '../src/event-json.ts'
import type { FieldName, Fields } from '../src/fields.ts'
import { AUDITED } from './variants/audit.ts'
import { demoCase, remove, replayCase } from './variants/case.ts'

/** What an audited host adds to a document of the gateway. */
const ADDED = (name: string) => name.startsWith('wireguard.host.') || name === 'wireguard.flow.evidence'
const HOST_REASONS = ['host-accepted', 'host-login']

function gatewayDocuments(ndjson: string): Map<string, Fields> {
  const documents = new Map<string, Fields>()
  for (const line of ndjson.trimEnd().split('\n')) {
    const fields = parseEvent(line)
    const dataset = fields['event.dataset'] ?? ''
    if (!['wireguard.firewall', 'wireguard.flow', 'wireguard.finding', 'wireguard.peer'].includes(dataset)) continue
    if (HOST_REASONS.includes(fields['event.reason'] ?? '')) continue
    // What is found on a host needs its log.
    if (dataset === 'wireguard.finding' && AUDITED.some((host) => host === fields['host.name'])) continue
    const kept = Object.entries(fields).filter(([name]) => !ADDED(name))
    // The same entries, fewer of them.
    documents.set(fields['event.id'] ?? '', Object.fromEntries(kept) as Fields)
  }
  return documents
}

test('every packet, flow, finding and counter is told the same with and without audit logs', async () => {
  const audited = await demoCase()
  const plain = await demoCase()
  for (const host of AUDITED) remove(plain, new RegExp(`^${host}/`))
  const [withHosts, without] = [
    gatewayDocuments((await replayCase(audited)).ndjson),
    gatewayDocuments((await replayCase(plain)).ndjson),
  ]
  expect([...withHosts.keys()].sort()).toEqual([...without.keys()].sort())
  const differing = [...without].flatMap(([id, fields]) => {
    const other = withHosts.get(id) ?? {}
    // Both are Fields: their keys are field names.
    return (Object.keys(fields) as FieldName[]).filter(
      (name) => JSON.stringify(fields[name]) !== JSON.stringify(other[name]),
    )
  })
  expect(differing).toEqual([])
  expect(without.size).toBeGreaterThan(1000)
})
