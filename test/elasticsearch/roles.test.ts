/** Goal: least privilege stays so. Method: what each role holds, against what it must never hold; real servers try it in test/services. */
import { describe, expect, test } from 'vitest'
import type { Artefact } from '../../src/elasticsearch/artefact.ts'
import { objectAt, textsOf } from '../../src/elasticsearch/install/json-object.ts'
import { roles, writerDescriptor } from '../../src/elasticsearch/roles.ts'
import { STREAMS, streamPattern } from '../../src/elasticsearch/streams.ts'

const role = (name: string): Artefact => {
  const found = roles().find((each) => each.name === `peertrail_${name}`)
  if (found === undefined) throw new Error(`no role ${name}`)
  return found
}
const grants = (body: unknown) => {
  const { indices } = objectAt(body)
  return (Array.isArray(indices) ? indices : []).map((each) => ({
    names: textsOf(objectAt(each)['names']),
    privileges: textsOf(objectAt(each)['privileges']),
  }))
}
const privileges = (body: unknown) => [
  ...textsOf(objectAt(body)['cluster']),
  ...grants(body).flatMap((each) => each.privileges),
]

describe('every role', () => {
  test.each(roles())('$name', ({ name, body }) => {
    for (const each of privileges(body)) {
      expect(each).not.toMatch(
        /^(?:all|manage|manage_security|grant_api_key|write|index|delete.*|read_failure_store|\*)$/,
      )
      expect(each).not.toMatch(/^indices:(?:\*|admin\/\*|data\/)/)
    }
    const known = new Set([...STREAMS.map(streamPattern), '.alerts-security.alerts-*'])
    for (const each of grants(body).flatMap(({ names }) => names))
      expect(known.has(each), `${name}: ${each}`).toBe(true)
    expect(objectAt(body, 'metadata')['managed_by']).toBe('peertrail')
    expect(body).not.toHaveProperty('run_as')
    expect(body).not.toHaveProperty('applications')
  })
})

test('a gateway adds to our streams and does nothing else', () => {
  expect(writerDescriptor()).toEqual({
    cluster: [],
    indices: [{ names: STREAMS.map(streamPattern), privileges: ['create_doc', 'auto_configure'] }],
  })
  const { body } = role('writer')
  expect(grants(body)).toEqual(grants(writerDescriptor()))
})

test('who installs reads no document, and can pass on what a gateway may', () => {
  const { body } = role('installer')
  expect(privileges(body)).not.toContain('read')
  for (const each of privileges(writerDescriptor())) expect(privileges(body)).toContain(each)
})

test('who reads changes nothing', () => {
  for (const name of ['analyst', 'auditor', 'report'])
    expect(new Set(privileges(role(name).body))).toEqual(new Set(['read', 'view_index_metadata']))
})

test('an auditor sees what was done and whether it is complete, and no raw packet log', () => {
  const names = grants(role('auditor').body).flatMap((each) => each.names)
  for (const dataset of [
    'wireguard.flow',
    'wireguard.session',
    'wireguard.audit',
    'wireguard.finding',
    'wireguard.coverage',
    'peertrail.ledger',
  ])
    expect(names).toContain(`logs-${dataset}-*`)
  expect(names).not.toContain('logs-wireguard.firewall-*')
})
