/** resourceFor against the rule of the design, written as a search through all resources. */
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { expect, test } from 'vitest'
import { canonicalPrefix } from '../../src/address.ts'
import type { Resource } from '../../src/identity/inventory-entries.ts'
import { createResourceFor } from '../../src/identity/resources.ts'

const octet = fc.integer({ min: 0, max: 3 })
const v4 = fc.tuple(octet, octet).map(([c, d]) => `10.0.${c}.${d}`)
const word = fc.constantFrom('0', '1', '8000', 'ffff')
const v6 = fc.tuple(word, word, word, word).map(([b, d, f, h]) => `fd00:${b}:0:${d}:0:${f}:0:${h}`)
const mapped = v4.map((address) => `::ffff:${address}`)
const address = fc.oneof(v4, v6)
const prefix = fc
  .oneof(
    fc.tuple(v4, fc.constantFrom(32, 31, 30, 24, 8, 1, 0)),
    fc.tuple(v6, fc.constantFrom(128, 127, 97, 96, 65, 64, 33, 32, 16, 1, 0)),
  )
  .map(([text, length]) => canonicalPrefix(`${text}/${length}`) ?? '0.0.0.0/0')
const transport = fc.constantFrom('tcp', 'udp', 'icmp')
const port = fc.integer({ min: 1, max: 3 })
const service = fc.tuple(fc.constantFrom('tcp', 'udp'), port).map(([name, number]) => `${name}/${number}`)
const resources = fc
  .array(fc.record({ addresses: fc.array(prefix, { maxLength: 4 }), ports: fc.array(service, { maxLength: 2 }) }))
  .map((list) => list.map((entry, i): Resource => ({ name: `r${i}`, owner: '', classification: '', ...entry })))

/** Rank of a resource for a question: port before prefix length; -1 = does not match. */
function rank(resource: Resource, ip: string, name: string, number: number): number {
  const isOpen = resource.ports.length === 0
  if (!isOpen && !resource.ports.includes(`${name}/${number}`)) return -1
  const asked = ipaddr.process(ip)
  const lengths = resource.addresses.map((text) => {
    const [network, length] = ipaddr.parseCIDR(text)
    return network.kind() === asked.kind() && asked.match([network, length]) ? length : -1
  })
  const longest = Math.max(-1, ...lengths)
  return longest < 0 ? -1 : longest + (isOpen ? 0 : 1000)
}

test('the most specific resource is found, as by looking at all of them', () => {
  fc.assert(
    fc.property(resources, fc.oneof(address, mapped), transport, port, (list, ip, name, number) => {
      let best: Resource | null = null
      let bestRank = -1
      for (const resource of list) {
        const own = rank(resource, ip, name, number)
        if (own > bestRank) {
          bestRank = own
          best = resource
        }
      }
      expect(createResourceFor(list)(ip, name, number)?.name).toBe(best?.name)
    }),
    { numRuns: 2000 },
  )
})

test('what is no address has no resource', () => {
  const resourceFor = createResourceFor([
    { name: 'all', addresses: ['0.0.0.0/0', '::/0'], ports: [], owner: '', classification: '' },
  ])
  for (const text of ['', 'db', '10.0.0.1/32', '10.0.0', 'fe80::1%eth0', '__proto__']) {
    expect(resourceFor(text, 'tcp', 22)).toBeNull()
  }
  expect(resourceFor('10.0.0.1', 'icmp', -1)?.name).toBe('all')
})
