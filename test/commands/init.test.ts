/**
 * Goal: `init` writes a pipeline that this machine can run, proposes what it lacks, and changes nothing more without --apply. Method:
 * made-up machines in a directory that stands for `/`, with programs that write down what they were asked; real nft judges the rules.
 */
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runCheck } from '../../src/commands/check.ts'
import { type Direction, logCoverage } from '../../src/commands/doctor-log-rules.ts'
import { runInit } from '../../src/commands/init.ts'
import { draftLogRules } from '../../src/commands/init-log-rules.ts'
import { draftPipeline } from '../../src/commands/init-pipeline.ts'
import type { MachineFacts } from '../../src/commands/machine-facts.ts'
import { parsePipeline } from '../../src/config.ts'
import { bareGateway, FIXTURES, journalOnly, madeMachine, mixedRules, redHat, withoutRoot } from './made-machine.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

const TEMPLATE = readFileSync(new URL('../../deploy/nftables/wireguard-logging.nft', import.meta.url), 'utf8')

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'peertrail-init-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const MACHINES: Readonly<Record<string, () => MachineFacts>> = {
  'in-order': madeMachine,
  'red-hat': redHat,
  'journal-only': journalOnly,
  bare: bareGateway,
  'mixed-rules': mixedRules,
  'without-root': withoutRoot,
}

/** `facts` with nft and sysctl that write their arguments and succeed, or say `problem` and fail. */
function withPrograms(facts: MachineFacts, problem = ''): MachineFacts {
  const program = (name: string): string => {
    const path = join(root, 'bin', name)
    mkdirSync(dirname(path), { recursive: true })
    const end = problem === '' ? 'exit 0' : `echo '${problem}' >&2; exit 1`
    writeFileSync(path, `#!/bin/sh\necho "${name} $*" >>${join(root, 'asked')}\n${end}\n`)
    chmodSync(path, 0o755)
    return path
  }
  const programs = { ...facts.host.programs, nft: program('nft'), sysctl: program('sysctl') }
  return { ...facts, host: { ...facts.host, programs } }
}

async function init(facts: MachineFacts, options: { output?: string; isApply?: boolean } = {}) {
  const terminal = createMemoryTerminal()
  const { output = '', isApply = false } = options
  const status = await runInit({ output, isApply }, terminal, { root, facts })
  // Checking happens in a directory with a name of chance.
  const asked = existsSync(join(root, 'asked')) ? readFileSync(join(root, 'asked'), 'utf8') : ''
  return {
    status,
    printed: terminal.printed(),
    said: terminal.said(),
    asked: asked
      .replaceAll(root, '')
      .replace(/\S+\/rules\.nft/g, 'DRAFT')
      .split('\n')
      .slice(0, -1),
  }
}

const onDisk = (path: string) => readFileSync(join(root, path), 'utf8')
const below = (path: string) => (existsSync(join(root, path)) ? readdirSync(join(root, path), { recursive: true }) : [])

describe('the pipeline', () => {
  for (const [name, made] of Object.entries(MACHINES)) {
    test(`of a machine ${name} is one that can be read`, async () => {
      const text = draftPipeline(made())
      const config = parsePipeline(text, 'pipeline.yaml')
      expect(config.store?.dir).toBe('/var/lib/peertrail/store')
      expect(config.state.dir).toBe('/var/lib/peertrail/state')
      expect(
        Math.max(
          ...text
            .split('\n')
            .filter((line) => line.startsWith('#'))
            .map((line) => line.length),
        ),
      ).toBeLessThan(121)
      await expect(text).toMatchFileSnapshot(join(FIXTURES, `${name}.pipeline.yaml`))
    })
  }

  test('has the sources of a gateway that has all, and those of a host that has less', () => {
    const types = (facts: MachineFacts) => parsePipeline(draftPipeline(facts), 'x').sources.map(({ type }) => type)
    const all = ['nftables', 'nftables-ruleset', 'conntrack', 'wireguard', 'auditd', 'hostfacts']
    expect(types(madeMachine())).toEqual(all)
    expect(types(bareGateway())).toEqual(['nftables', 'nftables-ruleset', 'wireguard', 'hostfacts'])
    const host = madeMachine({ wireguard: { names: [], peers: {}, ports: {}, configured: [] } })
    expect(types(host)).toEqual(['auditd', 'hostfacts'])
    const group = {
      ...mixedRules(),
      processes: ['auditd', 'rsyslogd', 'ulogd'],
      ulogdFiles: ['/var/log/ulog/a b.json'],
    }
    expect(parsePipeline(draftPipeline(group), 'x').sources).toContainEqual(
      expect.objectContaining({ type: 'nftables', format: 'ulogd', path: '/var/log/ulog/a b.json' }),
    )
  })

  test('knows the zone only where stamps need one, and reads packets from where they are', () => {
    expect(parsePipeline(draftPipeline(madeMachine()), 'x').hosts.size).toBe(0)
    expect(parsePipeline(draftPipeline(bareGateway()), 'x').hosts.get('gw1')?.timezone).toBe('Europe/Berlin')
    expect(parsePipeline(draftPipeline(redHat()), 'x').sources[0]?.command).toContain('_TRANSPORT=kernel')
  })

  test('of a machine whose names are hostile stays what it is', () => {
    const base = madeMachine()
    const facts = {
      ...base,
      host: {
        ...base.host,
        machine: { ...base.host.machine, hostname: 'gw\nsources: []', system: 'x\nsinks: {}\x1b[2J' },
      },
      wireguard: { ...base.wireguard, names: ['wg0', '}#"\'', '*', '&a'], configured: [] },
    }
    const text = draftPipeline(facts)
    expect(text).not.toContain('\x1b')
    expect(parsePipeline(text, 'x').sources).toHaveLength(6)
  })
})

describe('init', () => {
  test('writes the pipeline, proposes the rest and leaves the machine as it was', async () => {
    const { status, printed, asked } = await init(withPrograms(bareGateway()))
    expect(status).toBe(0)
    expect(onDisk('/etc/peertrail/pipeline.yaml')).toBe(draftPipeline(withPrograms(bareGateway())))
    expect(below('etc')).toEqual(expect.arrayContaining(['peertrail', 'peertrail/pipeline.yaml']))
    expect(below('etc')).toHaveLength(2)
    expect(asked).toEqual(['nft -c -f DRAFT'])
    await expect(printed).toMatchFileSnapshot(join(FIXTURES, 'bare.init.txt'))
  })

  test('never overwrites a file, and shows how it differs', async () => {
    const facts = withPrograms(madeMachine())
    await init(facts)
    const again = await init(facts)
    expect(again.printed).toContain('as it is  /etc/peertrail/pipeline.yaml')
    const own = onDisk('/etc/peertrail/pipeline.yaml').replace('every: 1s', 'every: 2s')
    writeFileSync(join(root, 'etc/peertrail/pipeline.yaml'), own)
    const { status, printed } = await init(facts, { isApply: true })
    expect(status).toBe(0)
    expect(printed).toMatch(/^left .*exists and is never overwritten/m)
    expect(printed).toMatch(/^-.*every: 2s/m)
    expect(printed).toMatch(/^\+.*every: 1s/m)
    expect(onDisk('/etc/peertrail/pipeline.yaml')).toBe(own)
  })

  test('prints the pipeline alone on standard output when asked to', async () => {
    const { printed, said } = await init(withPrograms(bareGateway()), { output: '-' })
    expect(parsePipeline(printed, 'x').sources).toHaveLength(4)
    expect(said).toContain('proposed  /etc/peertrail/wireguard-logging.nft')
    expect(below('etc')).toEqual([])
  })

  test('without root says what it could not look at, and applies nothing', async () => {
    const facts = withPrograms(withoutRoot())
    expect((await init(facts, { output: '-' })).said).toContain(
      'Without root neither peers nor rules could be looked at',
    )
    await expect(init(facts, { isApply: true })).rejects.toMatchObject({ code: 'cannot-write' })
    expect(below('etc')).toEqual([])
  })

  test('that cannot write says where and what to do', async () => {
    writeFileSync(join(root, 'etc'), 'a file where a directory should be')
    await expect(init(withPrograms(madeMachine()))).rejects.toMatchObject({
      code: 'cannot-write',
      message: expect.stringContaining('/etc/peertrail/pipeline.yaml'),
      advice: expect.stringContaining('--output'),
    })
  })
})

describe('init --apply', () => {
  test('checks the rules, writes files, loads rules and settings, and says each; a second time it loads again what lacks', async () => {
    const facts = withPrograms(bareGateway())
    const { status, printed, asked } = await init(facts, { isApply: true })
    expect(status).toBe(0)
    expect(asked).toEqual([
      'nft -c -f DRAFT',
      'nft -f /etc/peertrail/wireguard-logging.nft',
      'sysctl -p /etc/sysctl.d/60-peertrail.conf',
    ])
    for (const path of [
      'peertrail/wireguard-logging.nft',
      'sysctl.d/60-peertrail.conf',
      'modules-load.d/peertrail.conf',
    ])
      expect(printed).toContain(`written   /etc/${path}`)
    expect(printed).toMatch(/^loaded .*nft delete table inet peertrail/m)
    expect(onDisk('/etc/peertrail/wireguard-logging.nft')).toContain('define wg = { "wg0", "wg1" }')
    // There are namespaces on this machine.
    expect(onDisk('/etc/sysctl.d/60-peertrail.conf')).toMatch(/^-net\.netfilter\.nf_log_all_netns = 1$/m)
    const again = await init(facts, { isApply: true })
    expect(again.asked.slice(3)).toEqual(asked)
    expect(again.printed).not.toContain('written')
  })

  test('changes nothing about rules that nft does not take, and ends with 1', async () => {
    const { status, printed, asked } = await init(withPrograms(bareGateway(), 'Error: syntax error'), { isApply: true })
    expect(status).toBe(1)
    expect(asked).toEqual(['nft -c -f DRAFT', 'sysctl -p /etc/sysctl.d/60-peertrail.conf'])
    expect(existsSync(join(root, 'etc/peertrail/wireguard-logging.nft'))).toBe(false)
    expect(printed).toMatch(/^failed .*Error: syntax error/ms)
  })

  test('has nothing to do where all is in order', async () => {
    const { status, asked, printed } = await init(withPrograms(madeMachine()), { isApply: true })
    expect(status).toBe(0)
    expect(asked).toEqual([])
    expect(printed).not.toMatch(/missing|proposed/)
  })
})

describe('log rules', () => {
  const lacking = (entries: readonly (readonly [string, readonly Direction[]])[]) =>
    draftLogRules(TEMPLATE, { lacking: new Map(entries) })

  test('have the chains that lack, for the interfaces that lack', () => {
    const output = lacking([['wg0', ['output']]])?.text ?? ''
    expect(output).toContain('chain output {')
    expect(output).not.toMatch(/chain (?:forward|input)|set refused/)
    const all = lacking([['wg0', ['forward-in', 'forward-out', 'input', 'output']]])?.text ?? ''
    expect(all).toMatch(/set refused4[\s\S]*chain forward[\s\S]*chain input[\s\S]*chain output/)
    expect(lacking([])).toBeNull()
    // A name that nft would read as something else is not written into a ruleset.
    expect(lacking([['wg*', ['input']]])).toBeNull()
    expect(
      lacking([
        ['wg*', ['input']],
        ['wg0', ['input']],
      ]),
    ).toMatchObject({ interfaces: ['wg0'], leftOut: ['wg*'] })
  })

  const CASES: readonly (readonly [string, readonly Direction[]])[] = [
    ['all', ['forward-in', 'forward-out', 'input', 'output']],
    ['output', ['output']],
    ['input', ['input']],
    ['forward', ['forward-in', 'forward-out']],
  ]
  for (const [name, directions] of CASES) {
    test(`for ${name} are taken by nft, and then nothing of it lacks`, (context) => {
      const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }
      if (spawnSync('unshare', ['-n', 'nft', 'list', 'tables'], { env }).status !== 0)
        return context.skip('nft is not installed here, or no network namespace can be made')
      const file = join(root, 'rules.nft')
      writeFileSync(
        file,
        lacking([
          ['wg0', directions],
          ['vpn.7', directions],
        ])?.text ?? '',
      )
      const load = `nft -f '${file}' && nft -f '${file}' && nft -j -a list ruleset`
      const { stdout, stderr } = spawnSync('unshare', ['-n', 'sh', '-c', load], { env, encoding: 'utf8' })
      expect(stderr).toBe('')
      const names = ['wg0', 'vpn.7']
      const facts = madeMachine({ ruleset: stdout, wireguard: { ...madeMachine().wireguard, names } })
      const left = logCoverage(facts)?.lacking ?? new Map()
      for (const each of names) expect(left.get(each) ?? []).not.toEqual(expect.arrayContaining([...directions]))
      expect(logCoverage(facts)?.rules.every(({ verdict }) => verdict !== 'unknown')).toBe(true)
    })
  }
})

describe('the pipelines we ship', () => {
  const FOLDER = new URL('../../pipelines', import.meta.url).pathname
  const shipped = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'))

  test('are there and pass check', async () => {
    expect(shipped).toEqual(expect.arrayContaining(['single-host.yaml', 'central-loghost.yaml']))
    const terminal = createMemoryTerminal()
    expect(
      await runCheck(
        shipped.map((name) => join(FOLDER, name)),
        terminal,
      ),
    ).toBe(0)
  })

  test('single-host reads all of one machine, central-loghost runs nothing', () => {
    const read = (name: string) => parsePipeline(readFileSync(join(FOLDER, name), 'utf8'), name)
    const single = read('single-host.yaml')
    expect(new Set(single.sources.map(({ type }) => type)).size).toBe(6)
    expect(single.sources.every(({ host }) => host === '')).toBe(true)
    const central = read('central-loghost.yaml')
    expect(central.sources.every(({ host, path, command }) => host !== '' && path !== '' && command.length === 0)).toBe(
      true,
    )
    for (const host of central.hosts.keys()) expect(central.sources.map((each) => each.host)).toContain(host)
  })
})
