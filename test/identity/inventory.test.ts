/** Inventories: what a good one answers, and what is said about bad ones (fixtures/inventory, fixtures/pipeline). */
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { printProblems } from '../../src/commands/problem-report.ts'
import { parsePipeline } from '../../src/config.ts'
import { AppError } from '../../src/errors.ts'
import { emptyInventory, parseInventory } from '../../src/identity/inventory.ts'
import { inventoryJsonSchema } from '../../src/identity/inventory-schema.ts'
import { parseInstant } from '../../src/quantities.ts'
import { createMemoryTerminal } from '../commands/memory-terminal.ts'

const fixtures = new URL('../fixtures/', import.meta.url)
const kinds = [
  { kind: 'inventory', code: 'bad-inventory', parse: parseInventory },
  { kind: 'pipeline', code: 'bad-pipeline', parse: parsePipeline },
] as const

describe.each(kinds)('a broken $kind', ({ kind, code, parse }) => {
  const folder = new URL(`${kind}/`, fixtures)
  test.each(readdirSync(folder).filter((name) => !name.startsWith('good-')))('%s', async (name) => {
    const text = readFileSync(new URL(`${name}/input.yaml`, folder), 'utf8')
    const terminal = createMemoryTerminal()
    const error = thrownBy(() => parse(text, 'input.yaml'))
    expect(error.code).toBe(code)
    expect(error.problems.length).toBeGreaterThan(0)
    printProblems(terminal, error.problems, text)
    expect(terminal.printed()).not.toMatch(/[^\n\P{Cc}]|\p{Cf}/u)
    await expect(terminal.printed()).toMatchFileSnapshot(
      `${import.meta.dirname}/../fixtures/${kind}/${name}/expected.err`,
    )
  })
})

test('secrets that stand where they do not belong are not repeated', () => {
  for (const name of ['inventory/secret', 'pipeline/secrets']) {
    const said = readFileSync(new URL(`${name}/expected.err`, fixtures), 'utf8')
    expect(said).toContain('not shown')
    for (const secret of ['aMQnWpXzq0Zb', 'VnVhQ2ZHY0JD', 'changeme']) expect(said).not.toContain(secret)
  }
})

test('the problems of a file are counted, not told without end', () => {
  const entries = Array.from({ length: 5000 }, () => '  - { email: x, name: y }').join('\n')
  const { problems } = thrownBy(() => parseInventory(`version: 1\npeople:\n${entries}\n`, 'big.yaml'))
  expect(problems).toHaveLength(101)
  expect(problems.at(-1)?.message).toBe('4900 more problems')
  const owners = Array.from({ length: 5000 }, (_, i) => peerLine(`p${i}`, `owner: u${i}@example.com,`)).join('')
  const unowned = thrownBy(() => parseInventory(`version: 1\n${GATEWAY}peers:\n${owners}`, 'big.yaml')).problems
  expect(unowned).toHaveLength(101)
  expect(unowned.at(-1)?.message).toBe('4900 more problems')
})

test('a file larger than any inventory is refused unread', () => {
  const { problems } = thrownBy(() => parseInventory(`# ${'x'.repeat(8 * 1024 * 1024)}`, 'huge.yaml'))
  expect(problems).toEqual([{ file: 'huge.yaml', line: 0, column: 0, message: 'longer than 8 MiB' }])
})

test('any text is an inventory or a bad one, and likewise a pipeline file', () => {
  const word = fc.constantFrom(
    'version: 1',
    'people:',
    'peers:',
    '- ',
    '{',
    '}',
    '[',
    ']',
    '&a ',
    '*a',
    '<<: ',
    '? ',
    ': ',
    '!!str ',
    '"',
    "'",
    '|\n',
    '  ',
    '\n',
    '\t',
    '\r\n',
    '%YAML 1.1\n',
    '---\n',
    '...\n',
    '__proto__: ',
    '\ufeff',
    '\0',
    'hosts:',
    'sources:',
    '#',
    '~',
    '0x2a',
  )
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(word, { maxLength: 40 }).map((words) => words.join('')),
  )
  fc.assert(
    fc.property(text, (input) => {
      for (const { parse } of kinds) {
        try {
          parse(input, 'input.yaml')
        } catch (error) {
          if (!(error instanceof AppError)) throw error
          expect(error.problems.length).toBeGreaterThan(0)
          for (const { line, column } of error.problems) {
            expect(line).toBeLessThanOrEqual(input.split(/\r\n|\n|\r/).length)
            expect(column).toBeLessThanOrEqual(input.length + 1)
          }
        }
      }
    }),
    { numRuns: 1500 },
  )
})

const GATEWAY = 'gateways: [{ name: gw1, interfaces: [wg0, wg1] }, { name: gw2, interfaces: [wg0] }]\n'
const keyOf = (letter: string) => `${letter.repeat(42)}A=`

function peerLine(name: string, more: string): string {
  return `  - { name: ${name}, kind: device, ${more} gateway: gw1, interface: wg0, keys: [] }\n`
}

function thrownBy(run: () => unknown): AppError {
  try {
    run()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

function at(text: string): number {
  return parseInstant(text) ?? Number.NaN
}

describe('the documented format', () => {
  const text = readFileSync(new URL('inventory/good-documented/input.yaml', fixtures), 'utf8')
  const inventory = parseInventory(text, 'inventory.yaml')
  const laptop = inventory.peers[0]
  if (laptop === undefined) throw new Error('the fixture lost its first peer')

  test('reads every value', async () => {
    const { hash, people, gateways, hosts, peers, resources, policy, exceptions } = inventory
    const entries = { hash, people, gateways, hosts, peers, resources, policy, exceptions }
    await expect(`${JSON.stringify(entries, null, 1)}\n`).toMatchFileSnapshot(
      `${import.meta.dirname}/../fixtures/inventory/good-documented/expected.json`,
    )
  })

  test('a key names its device on its gateway and interface before any other', () => {
    expect(inventory.peerByKey('gw1', 'wg0', keyOf('a'))?.name).toBe('alice-laptop')
    expect(inventory.peerByKey('gw1', 'wg1', keyOf('a'))?.name).toBe('alice-lab')
    expect(inventory.peerByKey('gw2', 'wg0', keyOf('a'))?.name).toBe('alice-branch')
    expect(inventory.peerByKey('gw2', 'wg9', keyOf('a'))?.name).toBe('alice-branch')
    expect(inventory.peerByKey('gw3', 'wg0', keyOf('a'))?.name).toBe('alice-laptop')
    expect(inventory.peerByKey('gw1', 'wg0', keyOf('z'))).toBeNull()
    expect(inventory.peerByKey('gw1', 'wg0', '__proto__')).toBeNull()
  })

  test('owners change at their dates, the first moment belongs to the new one', () => {
    const shared = inventory.peerByKey('gw1', 'wg0', keyOf('c'))
    if (shared === null) throw new Error('the fixture lost its shared device')
    expect(inventory.ownerAt(shared, at('2025-12-31'))).toBeNull()
    expect(inventory.ownerAt(shared, at('2026-01-01'))?.email).toBe('alice@example.com')
    expect(inventory.ownerAt(shared, at('2026-02-28T23:59:59.999999Z'))?.email).toBe('alice@example.com')
    expect(inventory.ownerAt(shared, at('2026-03-01'))?.email).toBe('bob@example.com')
    expect(inventory.ownerAt(shared, at('2030-01-01'))?.name).toBe('Bob Example')
  })

  test('groups are those of the device and of the owner, until she leaves', () => {
    expect(inventory.groupsAt(laptop, at('2026-05-01'))).toEqual(['dba', 'engineering'])
    const shared = inventory.peerByKey('gw1', 'wg0', keyOf('c'))
    if (shared === null) throw new Error('the fixture lost its shared device')
    expect(inventory.groupsAt(shared, at('2026-05-01'))).toEqual(['sales'])
    expect(inventory.groupsAt(shared, at('2026-07-01'))).toEqual([])
  })

  test('candidates are the documented holders on that gateway, longest prefix first', () => {
    const names = (address: string, gateway: string) =>
      inventory.candidatesFor(address, gateway).map((peer) => peer.name)
    expect(names('10.8.0.2', 'gw1')).toEqual(['alice-laptop', 'shared', 'branch'])
    expect(names('10.8.0.77', 'gw1')).toEqual(['branch'])
    expect(names('fd08::2', 'gw1')).toEqual(['alice-laptop'])
    expect(names('10.8.0.2', 'gw2')).toEqual([])
    expect(names('not an address', 'gw1')).toEqual([])
  })

  test('policy lines add up and end', () => {
    expect(inventory.policyFor(['dba'], 'customer-db', at('2025-12-31'))).toBe('violation')
    expect(inventory.policyFor(['dba'], 'customer-db', at('2026-01-01'))).toBe('allowed')
    expect(inventory.policyFor(['sales', 'x'], 'customer-db', at('2026-01-15'))).toBe('allowed')
    expect(inventory.policyFor(['sales', 'x'], 'customer-db', at('2026-02-01'))).toBe('violation')
    expect(inventory.policyFor([], 'customer-db', at('2026-01-15'))).toBe('violation')
    expect(inventory.policyFor(['dba'], 'nothing', at('2026-01-15'))).toBe('violation')
  })
})

test('without an inventory nothing is known', () => {
  const nothing = emptyInventory()
  expect(nothing.hash).toBe('')
  expect(nothing.peerByKey('gw1', 'wg0', keyOf('a'))).toBeNull()
  expect(nothing.candidatesFor('10.8.0.2', 'gw1')).toEqual([])
  expect(nothing.resourceFor('10.8.0.2', 'tcp', 22)).toBeNull()
})

test('the inventory of a lab loads as its administrators wrote it', () => {
  const text = readFileSync(new URL('inventory/good-lab/input.yaml', fixtures), 'utf8')
  const inventory = parseInventory(text, 'inventory.yaml')
  expect(inventory.peers).toHaveLength(19)
  expect(inventory.peers.filter((peer) => peer.owners.length === 0).map((peer) => peer.name)).toEqual(['spruce'])
  expect(inventory.resourceFor('172.30.51.68', 'tcp', 5432)?.name).toBe('db1-sql')
  expect(inventory.resourceFor('172.30.51.68', 'tcp', 1)?.name).toBe('gw1-servers')
  expect(inventory.resourceFor('fda2:2122:ebb2:0:0:0:0:54', 'tcp', 5432)?.name).toBe('db1-sql')
  expect(inventory.resourceFor('fda2:2122:ebb2::54', 'icmp', -1)).toBeNull()
  const ivy = inventory.peerByKey('gw1', 'wg0', 'e3WudW7mWm/WxncV7j4EVjh3b+UPlxjJA8tX2+OSbVc=')
  expect(ivy?.name).toBe('ivy')
})

test('an alias that stays small is read as what it stands for', () => {
  const text = `version: 1\npeople:\n  - { email: a@b, name: A, groups: &all [x, y] }\n  - { email: c@d, name: C, groups: *all }\n`
  expect(parseInventory(text, 'i').people[1]?.groups).toEqual(['x', 'y'])
})

test('the JSON Schema names every section', () => {
  const schema = JSON.stringify(inventoryJsonSchema())
  for (const name of ['people', 'gateways', 'hosts', 'peers', 'resources', 'policy', 'exceptions', 'rotate_every']) {
    expect(schema).toContain(`"${name}"`)
  }
})
