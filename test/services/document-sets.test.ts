/** The judge of the tiers: what it lets pass, and what it does not. And how ids of growing files are found. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { compareSets, documentSet } from './document-sets.ts'
import { createGrowingIds } from './growing-ids.ts'

const dir = mkdtempSync(join(tmpdir(), 'peertrail-sets-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const line = (id: string, more: object = {}) =>
  JSON.stringify({ event: { id, action: 'x' }, host: { name: 'h' }, ...more })

test('the same documents in another order are equal', () => {
  const {
    line: text,
    missing,
    extra,
    different,
  } = compareSets(documentSet([line('b'), line('a'), '']), documentSet([line('a'), line('b')]))
  expect(text).toBe('2 documents, 2 equal, 0 missing, 0 extra')
  expect([missing, extra, different]).toEqual([[], [], []])
})

test('what is missing, more or different is told by what it is', () => {
  const {
    line: text,
    missing,
    extra,
    different,
  } = compareSets(
    documentSet([line('a', { source: { port: 1, ip: '::1' } }), line('c')]),
    documentSet([line('a', { source: { port: 2 } }), line('b')]),
  )
  expect(text).toBe('2 documents, 0 equal, 1 missing, 1 extra, 1 different')
  expect(missing).toEqual(['x h b'])
  expect(extra).toEqual(['x h c'])
  expect(different).toEqual(['x h a: source.port 2 → 1, source.ip absent → ::1'])
})

test('when it was made, and counts of two heartbeats, are left out; of all others they are not', () => {
  const heartbeat = (source: string, events: number, created: string) =>
    JSON.stringify({
      event: { id: source, action: 'source-heartbeat', created },
      wireguard: { coverage: { source, events, out_of_scope: events, seen: 1 } },
    })
  const found = documentSet(['auditd', 'conntrack', 'nftables'].map((source) => heartbeat(source, 1, 'now')))
  const expected = documentSet(['auditd', 'conntrack', 'nftables'].map((source) => heartbeat(source, 2, 'then')))
  const { equal, different } = compareSets(found, expected)
  expect(equal).toBe(2)
  expect(different).toEqual([
    'source-heartbeat nftables: wireguard.coverage.events 2 → 1, wireguard.coverage.out_of_scope 2 → 1',
  ])
})

test('a file that was renamed since is the same file', () => {
  const named = (file: string) => documentSet([line('a', { wireguard: { coverage: { file } } })])
  expect(compareSets(named('kern.log'), named('kern.log.2')).equal).toBe(1)
  expect(compareSets(named('kern.log'), named('conntrack.log')).equal).toBe(0)
})

test('a document that came again has to say the same', () => {
  const { repeated, contradictions, documents } = documentSet([
    line('a', { event: { id: 'a', created: '1' } }),
    line('a', { event: { id: 'a', created: '2' } }),
    line('b'),
    line('b', { host: { name: 'i' } }),
  ])
  expect([documents.size, repeated]).toEqual([2, 2])
  expect(contradictions).toEqual(['x i b: host.name h → i'])
})

test('ids of files that grow, are cut back and do not exist yet', () => {
  const grown = (id: string) => JSON.stringify({ event: { id, dataset: `of ${id}` } })
  const paths = ['one', 'two'].map((name) => join(dir, name))
  const { look } = createGrowingIds(() => paths)
  expect(look().size).toBe(0)
  const [one = '', two = ''] = paths
  writeFileSync(one, `${grown('a')}\n${grown('b')}\n${grown('c').slice(0, 10)}`)
  expect([...look().keys()]).toEqual(['a', 'b'])
  appendFileSync(one, `${grown('c').slice(10)}\n`)
  writeFileSync(two, `${grown('d')}\n`)
  expect([...look().keys()]).toEqual(['a', 'b', 'c', 'd'])
  writeFileSync(one, `${grown('a')}\n`)
  look()
  appendFileSync(one, `${grown('e')}\n`)
  expect([...look().keys()]).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(look().get('d')).toBe('of d')
})
