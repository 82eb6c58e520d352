import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DumpCollector } from '../../../src/live/collectors/dump-collector.ts'
import { type DumpShape, dumpBody } from '../../../src/live/collectors/dump-shape.ts'
import { createPollCollector, type PollOptions } from '../../../src/live/collectors/poll-collector.ts'
import { createConntrackDumpDecoder } from '../../../src/sources/conntrack/dump-decoder.ts'
import { createSnapshotDecoder } from '../../../src/sources/wireguard/decoder.ts'
import { createManualClock, type ManualClock } from './manual-clock.ts'
import { createListLog, fixture, type Logged, lives, openWorkshop, until, type Workshop } from './workshop.ts'

/** 2026-11-22T15:09:20.500Z */
const AT = 1_795_360_160_500_000
const WG_DUMP = readFileSync(fixture('wg-dump.txt'), 'latin1')
/** Private and preshared keys of it. */
const SECRETS = WG_DUMP.split('\n').flatMap((row) => {
  const columns = row.split('\t')
  return [columns[columns.length === 5 ? 1 : 2] ?? ''].filter((key) => key.length === 44)
})

let shop: Workshop
let clock: ManualClock
let collector: DumpCollector
let logged: Logged[]
beforeEach(() => {
  shop = openWorkshop()
  clock = createManualClock(AT)
})
afterEach(async () => {
  await collector.stop()
  shop.remove()
})

function collect(shape: DumpShape, more: Partial<PollOptions> = {}): DumpCollector {
  const list = createListLog()
  logged = list.logged
  collector = createPollCollector(
    {
      label: `gw1 ${shape}`,
      host: 'gw1',
      command: [fixture('dump'), shop.dir],
      path: shop.path('gw1/it.snapshots'),
      bytesMax: 1e6,
      keep: 2,
      everyMs: 1_000,
      shape,
      ...more,
    },
    { now: clock.now, after: clock.after, log: list.log },
  )
  return collector
}

const journal = () => shop.read('gw1/it.snapshots')
const runs = () => shop.read('runs').split('\n').length - 1
const headers = () => [...journal().matchAll(/^# 2026-11-22T15:(\S+)\+00:00 gw1$/gm)].map((match) => match[1])
/** So many runs have begun, and the last one has ended: only the timer of the grid is left. */
const ended = (count: number) => until(() => runs() === count && clock.pending === 1, `the end of run ${count}`)

describe('wg show all dump', () => {
  test('is appended every period with the time it began, and no secret reaches the disk, the log or the status', async () => {
    expect(SECRETS).toHaveLength(2)
    shop.write('stdout', WG_DUMP)
    collect('wireguard').start()
    await ended(1)
    clock.advance(500)
    await ended(2)
    clock.advance(1_000)
    await ended(3)
    expect(headers()).toEqual(['09:20.500', '09:21.000', '09:22.000'])
    expect(journal().split('\t(hidden)\t')).toHaveLength(1 + 3 * 2)
    const all = readdirSync(join(shop.dir, 'gw1'))
      .map((name) => shop.read(`gw1/${name}`))
      .join('')
    for (const key of SECRETS) expect(all.includes(key)).toBe(false)
    const found: unknown[] = []
    const decoder = createSnapshotDecoder({}, (item) => found.push(item.kind === 'snapshot' && item.peers.length))
    for (const text of journal().split('\n').slice(0, -1))
      decoder.push({ text, offset: 0, flaw: '' }, { name: 'x', identity: 'x' })
    decoder.end()
    expect(found).toEqual([2, 2, 2])
    expect(collector.status()).toMatchObject({ state: 'running', lastError: '', restarts: 0, bytes: journal().length })
  })

  test('of another shape than known loses the rows, not the secret', async () => {
    const rows = WG_DUMP.split('\n').slice(0, -1)
    shop.write('stdout', `${rows[0]}\tnew\n${rows[1]?.replace('\t', ' ')}\n${SECRETS.join(' ')}\n${rows[3]}\n`)
    collect('wireguard').start()
    await ended(1)
    expect(journal().split('\n').slice(1)).toEqual([
      '(a row of 6 columns is left out)',
      '(a row of 8 columns is left out)',
      '(a row of 1 columns is left out)',
      'wg1\t(none)\t(none)\t46633\toff',
      '',
    ])
    expect(collector.status().lastError).toMatch(/dump: 3 rows have another number of columns/)
  })

  test('that left out an interface is not taken for a machine without it', async () => {
    shop.write('stdout', WG_DUMP)
    shop.write('stderr', 'Unable to access interface wg7: Protocol not supported\n')
    collect('wireguard').start()
    await ended(1)
    expect(journal().endsWith('\n(the rest of this dump is missing)\n')).toBe(true)
    expect(collector.status().lastError).toMatch(/an interface could not be read: Unable to access interface wg7/)
  })

  test('keeps to itself what a failing wg says, where that may hold a key', async () => {
    shop.write('stdout', WG_DUMP)
    shop.write('stderr', `Key is not the correct length or format: \`${SECRETS[0]?.slice(0, 30)}'\n`)
    shop.write('status', '1')
    collect('wireguard').start()
    await ended(1)
    expect(journal()).toBe('')
    expect(collector.status().lastError).toMatch(/exit status 1: \(what it said may hold a key and is left out\)$/)
    expect(JSON.stringify(logged)).not.toContain(SECRETS[0]?.slice(0, 12))
  })

  test('leaves nothing of a secret in the memory it was read into', () => {
    collect('wireguard')
    const stdout = Buffer.from(WG_DUMP, 'latin1')
    dumpBody('wireguard', stdout, '')
    expect(stdout.every((byte) => byte === 0)).toBe(true)
  })
})

describe('a command that fails', () => {
  test('appends nothing, is said once, and is well again when it is', async () => {
    shop.write('stdout', 'half a ta')
    shop.write('stderr', 'conntrack v1.4.7: Operation failed: \x1b[31mno\n')
    shop.write('status', '1')
    collect('conntrack').start()
    for (let run = 1; run <= 5; run++) {
      await ended(run)
      clock.advance(1_000)
    }
    await ended(6)
    expect(journal()).toBe('')
    expect(collector.status()).toMatchObject({ state: 'waiting', restarts: 6, lastOutputAt: 0, bytes: 0 })
    expect(collector.status().lastError).toMatch(/dump: exit status 1: conntrack v1\.4\.7: .*\\x1b\[31mno$/)
    expect(logged.map(({ level }) => level)).toEqual(['warn'])
    shop.write('status', '0')
    clock.advance(1_000)
    await ended(7)
    expect(collector.status()).toMatchObject({ state: 'running', lastError: '' })
    expect(headers()).toHaveLength(1)
  })

  test('and one that does not exist', async () => {
    collect('conntrack', { command: [shop.path('nothing-here')] }).start()
    await until(() => collector.status().lastError !== '', 'the failure')
    expect(collector.status().lastError).toMatch(/cannot be started: no such program$/)
  })

  test('by not answering is ended after 30 s, and not run twice meanwhile', async () => {
    shop.write('stdout', 'x\n')
    shop.write('hang', '')
    collect('conntrack').start()
    await until(() => runs() === 1, 'the run')
    clock.advance(29_999)
    expect(collector.status().lastError).toBe('')
    clock.advance(1)
    await until(() => collector.status().lastError !== '', 'the end')
    expect(runs()).toBe(1)
    expect(collector.status().lastError).toMatch(/no answer within 30 s$/)
    expect(journal()).toBe('')
  })

  test('by printing without end is ended, and nothing of it kept', async () => {
    collect('conntrack', {
      command: ['/bin/sh', '-c', 'echo $$ >"$0"; exec yes', shop.path('pid')],
      outputBytesMax: 1e6,
    }).start()
    await until(() => collector.status().lastError !== '', 'the end')
    expect(collector.status().lastError).toMatch(/printed more than 1000000 bytes$/)
    expect(journal()).toBe('')
    await until(() => !lives(Number(shop.read('pid'))), 'the end of the program')
  })

  test('does not hold up the stop', async () => {
    shop.write('hang', '')
    collect('conntrack').start()
    await until(() => runs() === 1, 'the run')
    await collector.stop()
    expect(collector.status().state).toBe('stopped')
    expect(clock.pending).toBe(0)
  })

  test('to be written is tried again with the next one', async () => {
    shop.write('stdout', 'x\n')
    shop.write('gw1', 'a file where the directory should be')
    collect('conntrack').start()
    await ended(1)
    expect(collector.status().lastError).toMatch(/cannot write the journal/)
    rmSync(shop.path('gw1'))
    clock.advance(1_000)
    await ended(2)
    expect(headers()).toHaveLength(1)
    expect(collector.status().lastError).toBe('')
  })
})

describe('conntrack -L', () => {
  test('has its own count in the dump, so that the reader knows it is whole', async () => {
    const row =
      'ipv4     2 udp      17 29 src=10.8.0.2 dst=10.20.0.1 sport=5 dport=53 src=10.20.0.1 dst=10.8.0.2 sport=53 dport=5 mark=0 use=1 id=7\n'
    shop.write('stdout', row)
    shop.write('stderr', 'conntrack v1.4.7 (conntrack-tools): 1 flow entries have been shown.\n')
    collect('conntrack').start()
    await ended(1)
    const ends: string[] = []
    const decoder = createConntrackDumpDecoder({ zone: 'UTC' }, (item) => {
      if (item.kind === 'dump' && item.phase === 'end') ends.push(item.completeness)
    })
    for (const text of journal().split('\n').slice(0, -1))
      decoder.push({ text, offset: 0, flaw: '' }, { name: 'x', identity: 'x' })
    decoder.end()
    expect(ends).toEqual(['counted'])
  })

  test('is run at once when it is asked for', async () => {
    mkdirSync(shop.path('gw1'))
    shop.write('stdout', 'x\n')
    collect('conntrack', { everyMs: 60_000 }).start()
    await ended(1)
    clock.advance(7_000)
    collector.runNow()
    await ended(2)
    expect(headers()).toEqual(['09:20.500', '09:27.500'])
  })
})

describe('nft list ruleset', () => {
  const ruleset = (packets: number, verdict = 'accept') =>
    `{"nftables": [{"rule": {"expr": [{"counter": {"packets": ${packets}, "bytes": ${packets * 60}}}, {"${verdict}": null}]}}]}\n`

  test('is appended when it differs by more than counters, with the last one before it, and every ten minutes', async () => {
    let run = 0
    const poll = async (text: string) => {
      shop.write('stdout', text)
      if (run === 0) collector.start()
      else clock.advance(60_000)
      await ended(++run)
    }
    collect('ruleset', { everyMs: 60_000 })
    await poll(ruleset(1))
    await poll(ruleset(2))
    await poll(ruleset(3))
    expect(headers()).toEqual(['09:20.500'])
    await poll(ruleset(4, 'drop'))
    expect(headers()).toEqual(['09:20.500', '11:00.000', '12:00.000'])
    expect(
      journal()
        .split('\n')
        .filter((line) => !line.startsWith('#')),
    ).toEqual([ruleset(1), ruleset(3), ruleset(4, 'drop'), ''].map((text) => text.trim()))
    for (let i = 0; i < 11; i++) await poll(ruleset(5 + i, 'drop'))
    expect(headers()).toEqual(['09:20.500', '11:00.000', '12:00.000', '22:00.000'])
  })
})
