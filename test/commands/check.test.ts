/** `check` and `inventory init` on files as they lie on a disk. */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { kindOf, runCheck } from '../../src/commands/check.ts'
import { type InventoryInitArgs, runInventoryInit } from '../../src/commands/inventory-init.ts'
import { parseInventory } from '../../src/identity/inventory.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

const fixtures = `${import.meta.dirname}/../fixtures`
let directory = ''

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'peertrail-'))
})

afterEach(async () => {
  await rm(directory, { recursive: true })
})

async function check(...files: string[]) {
  const terminal = createMemoryTerminal()
  const exit = await runCheck(files, terminal)
  return { exit, printed: terminal.printed().replaceAll(directory, 'DIR') }
}

describe('check', () => {
  test('says what good files of a capture hold', async () => {
    await copyFile(`${fixtures}/inventory/good-lab/input.yaml`, join(directory, 'inventory.yaml'))
    await writeFile(join(directory, 'pipeline.yaml'), 'name: capture-1\nhosts:\n  gw2:\n    timezone: UTC\n')
    expect(await check(directory)).toEqual({
      exit: 0,
      printed: [
        'ok DIR/inventory.yaml: inventory a4614d680f4a44d5, 19 peers (1 without owner), 16 people, 2 gateways, 3 hosts, 8 resources, 6 policy lines, 0 exceptions',
        'ok DIR/pipeline.yaml: pipeline capture-1, options for 1 host, 0 sources, no sinks',
        '2 files checked, no problems',
        '',
      ].join('\n'),
    })
  })

  test('shows problems where they are and goes on with the next file', async () => {
    await writeFile(join(directory, 'a.yaml'), 'version: 1\npeople:\n  - { email: a@b, nam: A }\n')
    await writeFile(join(directory, 'b.yaml'), 'sources: []\n')
    await writeFile(join(directory, 'c.yaml'), Buffer.from('version: "\xff"\n', 'latin1'))
    await writeFile(join(directory, 'd.yaml'), 'x: 1\n')
    const { exit, printed } = await check(
      ...'abcde'.split('').map((name) => join(directory, `${name}.yaml`)),
      directory,
    )
    expect(exit).toBe(2)
    expect(printed).toBe(
      [
        'DIR/a.yaml:3:5: people[0].name: missing; expected one line of text, at most 1000 characters',
        '    3 |   - { email: a@b, nam: A }',
        '      |     ^',
        'DIR/a.yaml:3:19: people[0].nam: unknown key; did you mean "name"?',
        '    3 |   - { email: a@b, nam: A }',
        '      |                   ^',
        'ok DIR/b.yaml: pipeline, options for 0 hosts, 0 sources, no sinks',
        'DIR/c.yaml: not UTF-8 text',
        'DIR/d.yaml: neither an inventory (people, gateways, peers, …) nor a pipeline (sources, sinks, …) nor rules (rules: …)',
        'DIR/e.yaml: cannot be read (ENOENT)',
        'DIR: a directory without inventory.yaml and pipeline.yaml: nothing to check',
        '6 files checked, 6 problems',
        '',
      ].join('\n'),
    )
  })

  test('nothing to check is not a success', async () => {
    expect((await check()).exit).toBe(2)
  })

  test('knows a file by what it holds, then by its name', () => {
    expect(kindOf('hosts: []', 'x.yaml')).toBe('inventory')
    expect(kindOf('hosts: {}', 'inventory.yaml')).toBe('pipeline')
    expect(kindOf('inventory: ./inventory.yaml', 'x.yaml')).toBe('pipeline')
    expect(kindOf('{', '/etc/peertrail/Inventory.yaml')).toBe('inventory')
    expect(kindOf('{', '/inventory/x.yaml')).toBeNull()
    expect(kindOf('[]', 'pipeline-edge.yaml')).toBe('pipeline')
  })
})

describe('inventory init', () => {
  const key = (letter: string) => `${letter.repeat(42)}A=`
  const secret = key('s')
  const row = (...columns: string[]) => `${columns.join('\t')}\n`
  const interfaceRow = row('wg0', secret, key('i'), '51820', 'off')
  const peerRow = (publicKey: string, prefixes: string) =>
    row('wg0', publicKey, secret, '(none)', prefixes, '0', '0', '0', 'off')
  const none: InventoryInitArgs = { paths: [], gateway: '', confs: [], output: '' }

  test('drafts from the latest snapshot of every gateway in a capture, with names from its configurations', async () => {
    const terminal = createMemoryTerminal()
    await mkdir(join(directory, 'gw1'))
    await mkdir(join(directory, 'gw2'))
    await mkdir(join(directory, 'db1'))
    const first = `# 2026-11-22T15:09:26Z gw1\n${interfaceRow}${peerRow(key('x'), '10.8.0.9/32')}`
    const second = `# 2026-11-22T15:09:27Z gw1\n${interfaceRow}${peerRow(key('a'), '10.8.0.2/32')}`
    await writeFile(join(directory, 'gw1/wg.snapshots'), first + second)
    await writeFile(join(directory, 'gw2/wg.snapshots.gz'), gzipSync(first))
    await writeFile(
      join(directory, 'gw1/wg0.conf'),
      `[Interface]\nPrivateKey = ${secret}\n[Peer]\n# Name = Alice's "laptop": #1\nPublicKey = ${key('a')}\n`,
    )
    expect(await runInventoryInit({ ...none, paths: [directory] }, terminal)).toBe(0)
    expect(terminal.said()).toBe('2 peers of 2 gateways, 1 named by comments, 2 without owner, 0 left out\n')
    expect(terminal.printed()).not.toContain(secret)
    const inventory = parseInventory(terminal.printed(), 'draft')
    expect(inventory.peers.map(({ gateway, keys }) => [gateway, keys[0]?.publicKey])).toEqual([
      ['gw1', key('a')],
      ['gw2', key('x')],
    ])
    expect(inventory.peers[0]?.name).toContain("Alice's")
  })

  test('takes the bare output of wg, when it is told whose', async () => {
    const dump = join(directory, 'dump')
    await writeFile(dump, (interfaceRow + peerRow(key('a'), '10.8.0.2/32')).trimEnd())
    const output = join(directory, 'inventory.yaml')
    const terminal = createMemoryTerminal()
    await expect(runInventoryInit({ ...none, paths: [dump] }, terminal)).rejects.toMatchObject({ code: 'usage' })
    const args = { ...none, paths: [dump], gateway: 'gw7', output }
    expect(await runInventoryInit(args, terminal)).toBe(0)
    expect(terminal.printed()).toBe('')
    const written = await readFile(output, 'utf8')
    expect(parseInventory(written, 'draft').peers.map(({ gateway }) => gateway)).toEqual(['gw7'])
    await expect(runInventoryInit(args, terminal)).rejects.toMatchObject({ code: 'cannot-write' })
    expect(await readFile(output, 'utf8')).toBe(written)
  })

  test('refuses what holds no peers', async () => {
    const terminal = createMemoryTerminal()
    const run = (path: string) => runInventoryInit({ ...none, paths: [path] }, terminal)
    await expect(run(directory)).rejects.toMatchObject({ code: 'not-a-capture' })
    await expect(run(join(directory, 'missing'))).rejects.toMatchObject({ code: 'cannot-read' })
    await writeFile(join(directory, 'empty'), '')
    await expect(run(join(directory, 'empty'))).rejects.toMatchObject({ code: 'not-a-capture' })
  })
})
