/** What a pipeline file means on a machine: files, commands and journals, by every type and form of source. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parsePipeline } from '../../src/config.ts'
import { AppError } from '../../src/errors.ts'
import { type Plan, planSources } from '../../src/live/plan.ts'
import { loadSettings } from '../../src/live/settings.ts'
import { MINUTE, SECOND } from '../../src/time.ts'
import { openWorkshop, type Workshop } from './collectors/workshop.ts'

function planOf(sources: string): Plan {
  const config = parsePipeline(`sources:\n${sources.trim().replace(/^ */gm, '  ')}\n`, 'pipeline.yaml')
  return planSources(config, { machine: 'here', base: '/etc/peertrail', journals: '/state/journals' })
}

const filesOf = (plan: Plan) =>
  plan.files.map(({ host, entry, path, isJournal }) => [host, entry.kind, path, isJournal])

describe('a file that is followed', () => {
  test.each([
    ['{ type: nftables, path: /var/log/kern.log }', 'nftables'],
    ['{ type: nftables, path: /var/log/ulogd.json }', 'ulogd'],
    ['{ type: nftables, path: /var/log/packets.log, format: ulogd }', 'ulogd'],
    ['{ type: nftables, path: /var/log/journal.json }', 'journal'],
    ['{ type: nftables, path: /var/log/export, format: journal }', 'journal'],
    ['{ type: nftables, path: /var/log/odd.json, format: syslog }', 'nftables'],
    ['{ type: auditd, path: /var/log/audit/audit.log }', 'audit'],
    ['{ type: auditd, path: /var/log/journal.json }', 'journal-audit'],
    ['{ type: auditd, path: /var/log/export, format: journal }', 'journal-audit'],
    ['{ type: conntrack, path: /var/log/conntrack.log }', 'conntrack'],
    ['{ type: conntrack, path: /var/log/conntrack.snapshots }', 'conntrack-dump'],
    ['{ type: wireguard, path: /var/log/wg.snapshots }', 'wireguard'],
    ['{ type: nftables-ruleset, path: /var/log/ruleset.snapshots }', 'ruleset-dump'],
  ])('%s is %s', (source, kind) => {
    const plan = planOf(`- ${source}`)
    const path = /path: ([^ ,}]+)/.exec(source)?.[1]
    expect(filesOf(plan)).toEqual([['here', kind, path, false]])
    expect([plan.commands, plan.rulesets, plan.hostfacts]).toEqual([[], [], []])
  })

  test('of another machine, below the directory of the pipeline file, and once however often it is named', () => {
    const plan = planOf(`
      - { type: auditd, host: db1, path: logs/audit.log }
      - { type: auditd, host: db1, path: ./logs/../logs/audit.log }
      - { type: auditd, host: db2, path: logs/audit.log }`)
    expect(filesOf(plan)).toEqual([
      ['db1', 'audit', '/etc/peertrail/logs/audit.log', false],
      ['db2', 'audit', '/etc/peertrail/logs/audit.log', false],
    ])
    expect(new Set(plan.files.map(({ label }) => label)).size).toBe(2)
  })

  test('a ruleset of no date is none: it holds from the beginning', () => {
    const plan = planOf('- { type: nftables-ruleset, host: gw1, path: ruleset.json }')
    expect(plan.files).toEqual([])
    expect(plan.rulesets).toEqual([{ host: 'gw1', path: '/etc/peertrail/ruleset.json' }])
  })
})

describe('a command', () => {
  test('conntrack: events, and dumps of the same program in the same namespace', () => {
    const plan = planOf(`
      - { type: conntrack, command: [ip, netns, exec, gw, conntrack, -E, -o, "extended,id,timestamp"], dump: { every: 45s } }
      - { type: conntrack, host: gw2, command: [/usr/sbin/conntrack, --event] }`)
    expect(
      plan.commands.map(({ host, kind, command, every, path }) => [host, kind, command.join(' '), every, path]),
    ).toEqual([
      [
        'here',
        'conntrack',
        'ip netns exec gw conntrack -E -o extended,id,timestamp',
        0,
        '/state/journals/here/conntrack.log',
      ],
      [
        'here',
        'conntrack-dump',
        'ip netns exec gw conntrack -L -o extended,id',
        45 * SECOND,
        '/state/journals/here/conntrack.snapshots',
      ],
      ['gw2', 'conntrack', '/usr/sbin/conntrack --event', 0, '/state/journals/gw2/conntrack.log'],
      [
        'gw2',
        'conntrack-dump',
        '/usr/sbin/conntrack -L -o extended,id',
        30 * SECOND,
        '/state/journals/gw2/conntrack.snapshots',
      ],
    ])
    expect(filesOf(plan)).toEqual([
      ['here', 'conntrack', '/state/journals/here/conntrack.log', true],
      ['here', 'conntrack-dump', '/state/journals/here/conntrack.snapshots', true],
      ['gw2', 'conntrack', '/state/journals/gw2/conntrack.log', true],
      ['gw2', 'conntrack-dump', '/state/journals/gw2/conntrack.snapshots', true],
    ])
  })

  test('polls have their periods', () => {
    const plan = planOf(`
      - { type: wireguard, command: [wg, show, all, dump] }
      - { type: nftables-ruleset, command: [nft, -j, -a, list, ruleset], every: 60s }
      - { type: wireguard, host: gw2, command: [wg, show, all, dump], every: 5s }
      - { type: nftables-ruleset, host: gw2, command: [nft, -j, -a, list, ruleset] }
      - { type: hostfacts }
      - { type: hostfacts, host: gw2, every: 10m }`)
    expect(plan.commands.map(({ host, kind, every }) => [host, kind, every])).toEqual([
      ['here', 'wireguard', SECOND],
      ['here', 'ruleset', MINUTE],
      ['gw2', 'wireguard', 5 * SECOND],
      ['gw2', 'ruleset', 10 * SECOND],
    ])
    expect(plan.hostfacts.map(({ host, every }) => [host, every])).toEqual([
      ['here', 60 * MINUTE],
      ['gw2', 10 * MINUTE],
    ])
    expect(plan.files.every(({ isJournal }) => isJournal)).toBe(true)
  })

  test('journald, shared by two sources of a machine, runs once and is read by both', () => {
    const plan = planOf(`
      - { type: nftables, command: [journalctl, -o, json, -f] }
      - { type: auditd, command: [journalctl, -o, json, -f] }
      - { type: auditd, host: db1, command: [journalctl, -o, json, -f] }`)
    expect(plan.commands.map(({ host, kind, path }) => [host, kind, path])).toEqual([
      ['here', 'journald', '/state/journals/here/journal.json'],
      ['db1', 'journald', '/state/journals/db1/journal.json'],
    ])
    expect(filesOf(plan)).toEqual([
      ['here', 'journal', '/state/journals/here/journal.json', true],
      ['here', 'journal-audit', '/state/journals/here/journal.json', true],
      ['db1', 'journal-audit', '/state/journals/db1/journal.json', true],
    ])
    expect(new Set(plan.files.map(({ label }) => label)).size).toBe(3)
  })
})

describe('settings', () => {
  let shop: Workshop
  beforeEach(() => {
    shop = openWorkshop()
  })
  afterEach(() => shop.remove())

  const LOG = '- { type: nftables, host: gw1, path: kern.log }'
  const load = (text: string, state = '') => {
    shop.write('pipeline.yaml', text)
    return loadSettings(shop.path('pipeline.yaml'), 'here', state)
  }
  async function problemOf(text: string): Promise<AppError> {
    try {
      await load(text)
    } catch (error) {
      if (error instanceof AppError) return error
      throw error
    }
    throw new Error('nothing was thrown')
  }

  test('are read as a whole: options, rulesets, losses beside the log, the inventory', async () => {
    const ruleset = readFileSync(new URL('../../pipelines/demo/gw1/ruleset.json', import.meta.url), 'utf8')
    shop.write('ruleset.json', ruleset)
    shop.write('conntrack.stderr', 'conntrack: lost\n')
    shop.write(
      'inventory.yaml',
      readFileSync(new URL('../../pipelines/demo/inventory.yaml', import.meta.url), 'latin1'),
    )
    const settings = await load(`
hosts: { gw1: { timezone: Asia/Kolkata } }
sources:
  - { type: nftables-ruleset, host: gw1, path: ruleset.json }
  - { type: nftables-ruleset, host: gw1, command: [nft] }
  ${LOG}
  - { type: conntrack, host: gw1, path: conntrack.log }
  - { type: conntrack, host: gw2, command: [conntrack, -E] }
inventory: inventory.yaml
sinks: { store: { dir: data/ } }
`)
    expect(settings.stateDir).toBe(shop.path('data-state'))
    expect(settings.inventoryText).toContain('gw1')
    expect(
      settings.hosts.map(({ name, options, sources, rulesets, conntrackStderr }) => [
        name,
        options.timezone,
        sources,
        rulesets.length,
        conntrackStderr,
      ]),
    ).toEqual([
      ['gw1', 'Asia/Kolkata', ['nftables', 'conntrack'], 1, 'conntrack: lost\n'],
      ['gw2', '', ['conntrack'], 0, ''],
    ])
  })

  test('the state lies where --state says, else where the pipeline says, else beside the store or the pipeline', async () => {
    const dirOf = async (text: string, state = '') => (await load(`sources:\n  ${LOG}\n${text}`, state)).stateDir
    expect(await dirOf('sinks: { ndjson: { path: out } }')).toBe(shop.path('peertrail-state'))
    expect(await dirOf('sinks: { store: { dir: data } }')).toBe(shop.path('data-state'))
    expect(await dirOf('sinks: { store: { dir: data } }\nstate: { dir: mine }')).toBe(shop.path('mine'))
    expect(await dirOf('sinks: { ndjson: { path: out } }\nstate: { dir: mine }', shop.path('other'))).toBe(
      shop.path('other'),
    )
  })

  test('nothing to read is an error', async () => {
    const error = await problemOf('name: empty\n')
    expect(error.code).toBe('bad-pipeline')
    expect(error.message).toContain('names no source')
  })

  test('a fault names its file and place', async () => {
    const error = await problemOf(`sources:\n  ${LOG}\n  - { type: wireguard, path: wg, every: 1s }\n`)
    expect(error.code).toBe('bad-pipeline')
    expect(error.problems.map(({ file, line }) => [file, line])).toEqual([['pipeline.yaml', 3]])
  })

  test('so does one of the inventory, and what cannot be read', async () => {
    shop.write('inventory.yaml', 'peers:\n  - name: x\n    kind: planet\n')
    const error = await problemOf(`sources:\n  ${LOG}\ninventory: inventory.yaml\nsinks: { ndjson: { path: out } }\n`)
    expect(error.code).toBe('bad-inventory')
    expect(error.problems[0]).toMatchObject({ file: 'inventory.yaml' })
    expect(error.problems.some(({ line }) => line === 3)).toBe(true)
    const missing = await problemOf(`sources:\n  ${LOG}\ninventory: none.yaml\nsinks: { ndjson: { path: out } }\n`)
    expect([missing.code, missing.message]).toEqual(['cannot-read', `cannot read ${shop.path('none.yaml')}`])
  })

  test('a ruleset that is none names its path', async () => {
    shop.write('ruleset.json', '{"nftables": 5}')
    const error = await problemOf(
      'sources:\n  - { type: nftables-ruleset, path: ruleset.json }\nsinks: { ndjson: { path: out } }\n',
    )
    expect(error.code).toBe('bad-pipeline')
    expect(error.message).toContain(shop.path('ruleset.json'))
  })
})

test('two commands of one machine cannot share a journal', () => {
  const config = parsePipeline(
    `sources:
  - { type: nftables, command: [journalctl, -o, json, -f, _TRANSPORT=kernel] }
  - { type: auditd, command: [journalctl, -o, json, -f, _TRANSPORT=audit] }
`,
    'pipeline.yaml',
  )
  expect(planSources(config, { machine: 'gw1', base: '/etc', journals: '/var/lib/x' }).problems).toEqual([
    'gw1 has two commands for one journal (journald): journalctl -o json -f _TRANSPORT=kernel, journalctl -o json -f _TRANSPORT=audit',
  ])
})

test('a pipeline whose documents would go nowhere is refused', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'peertrail-plan-'))
  const path = join(directory, 'pipeline.yaml')
  const load = (sinks: string) => {
    writeFileSync(path, `sources: [{ type: nftables, path: kern.log }]\n${sinks}\n`)
    return loadSettings(path, 'gw1', '')
  }
  await expect(load('')).rejects.toThrow('names no sink')
  await expect(load("sinks: { elasticsearch: { url: 'https://localhost:9200' } }")).resolves.toMatchObject({
    machine: 'gw1',
  })
  await expect(load('sinks: { ndjson: { path: out.ndjson } }')).resolves.toMatchObject({ machine: 'gw1' })
  rmSync(directory, { recursive: true })
})
