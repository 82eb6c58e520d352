/** `report revocation` over the demo capture, a real lab's, against what really happened, and over copies of it that were tampered with. */
import { readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runReplay } from '../../src/commands/replay.ts'
import type { Fields } from '../../src/fields.ts'
import { SECOND } from '../../src/time.ts'
import { createSnapshots } from '../identity/snapshots.ts'
import { DEMO } from '../replay-capture.ts'
import { ledgerDocuments } from './made-ledger.ts'
import { micros, withStore } from './made-store.ts'
import { createMemoryTerminal } from './memory-terminal.ts'
import { askRevocation, revocationOf } from './revocation-asking.ts'
import { type StoredDemo, storeDemo } from './stored-demo.ts'

const CEDAR = 'eVzV4u2wsQZ+FFYPnScYDp4JnwR4xjBPRBDeSvlKZzE='
const OAK = 'H1iVMM/e9OoNvgiddZwqg/MvWPoElHA0ckZtjuHBKiU='
const PINE = 'qapZ49uIE8rvHH5AugMOP7tP2WH8WhA3sw0Qmua9pn4='

type Truth = { readonly kind: string; readonly t: number; readonly key: string }
const truth: Truth[] = readFileSync(`${import.meta.dirname}/../fixtures/lab-1/truth.jsonl`, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line))
const removedAt = (key: string) =>
  (truth.find((each) => each.kind === 'peer_removed' && each.key === key)?.t ?? Number.NaN) * SECOND
const revokedAt = (truth.find(({ kind }) => kind === 'revoked')?.t ?? Number.NaN) * SECOND

function isInside({ from, to }: { from: string; to: string }, at: number): boolean {
  return micros(from) <= at && at <= micros(to)
}

describe('over the demo', () => {
  let demo: StoredDemo
  beforeAll(async () => {
    demo = await storeDemo()
  })
  afterAll(() => demo.remove())

  test('the peer that was revoked: proved, and when it really was lies within what is stated', async () => {
    const report = await revocationOf(demo.dir, 'cedar')
    expect([report.exit, report.verdict, report.publicKey, report.keyCount]).toEqual([0, 'proved', CEDAR, 1])
    expect(isInside(report.ended, removedAt(CEDAR))).toBe(true)
    expect(isInside(report.ended, revokedAt)).toBe(true)
    expect(micros(report.ended.to) - micros(report.ended.from)).toBeLessThan(2 * SECOND)
    expect(report.text).toMatch(
      /^Tunnel access with this key ended at 2026-11-22 15:12:28\.928 UTC ± 756 ms on gw1, gw2 and had not returned by 2026-11-22 15:13:10\.670 UTC\. Other ways in are outside this proof\.$/,
    )
    expect(
      report.gateways.map((each: { gateway: string; isShownAbsent: boolean }) => [each.gateway, each.isShownAbsent]),
    ).toEqual([
      ['gw1', true],
      ['gw2', true],
    ])
  })

  test('its evidence is in the store, and is what happened', async () => {
    const report = await revocationOf(demo.dir, 'cedar')
    const ids = new Set(demo.documents.map((each) => each['event.id']))
    expect(ids.has(report.gateways[0].removal.document)).toBe(true)
    for (const { id } of report.findings) expect(ids.has(id)).toBe(true)
    const flows = new Set(demo.documents.map((each) => each['wireguard.flow.id']))
    for (const { id } of report.connections.told) expect(flows.has(id)).toBe(true)
    // The lab kept one TCP connection open over the removal, and conntrack was away before.
    const open = report.connections.told.filter(
      (each: { end: string | null; isEndLost: boolean }) => each.end === null && !each.isEndLost,
    )
    expect(open.map((each: { state: string; source: string }) => [each.state, each.source])).toEqual([
      ['ESTABLISHED', '10.8.0.7:45801'],
    ])
    expect(report.durations.prove.state).toBe('connections-open')
    expect(micros(report.last.packet.at)).toBeLessThan(revokedAt)
    expect(report.stored).toBe('not-looked-at')
  })

  test('attempts with the removed key have no number, and none of them is attributed', async () => {
    const { printed } = await askRevocation(demo.dir, 'cedar')
    expect(printed).not.toMatch(/\battempts?\b[^.]*\d/i)
    expect(printed).toContain('none of them is attributed')
  })

  test('durations: what it took from the compromise as stated lies within what is told', async () => {
    const at = '2026-11-22T15:12:20Z'
    const { durations } = await revocationOf(demo.dir, 'cedar', { compromisedAt: at })
    // Nothing about the key came up in those eight seconds; findings that its removal caused detect nothing.
    expect([durations.detect.state, durations.detect.first]).toEqual(['not-measured', null])
    expect([durations.remove.state, durations.remove.since]).toEqual(['measured', 'compromise'])
    const took = (revokedAt - micros(at)) / 1000
    expect(durations.remove.range.leastMs).toBeLessThanOrEqual(took)
    expect(durations.remove.range.mostMs).toBeGreaterThanOrEqual(took)
    expect((await revocationOf(demo.dir, 'cedar')).durations.detect.state).toBe('not-stated')
  })

  test.each([
    ['pine', PINE],
    ['oak', OAK],
  ])('%s: the old key of a rotation is proved up to the gap of gw2, and no further', async (name, key) => {
    const report = await revocationOf(demo.dir, name)
    expect([report.exit, report.verdict, report.publicKey]).toEqual([1, 'not-proved', key])
    expect(report.reasons.map((each: { kind: string; gateway: string }) => [each.kind, each.gateway])).toEqual([
      ['hole', 'gw2'],
    ])
    expect(isInside(report.ended, removedAt(key))).toBe(true)
    expect(report.otherKeys).toHaveLength(1)
    const until = await revocationOf(demo.dir, name, { until: report.provedUntil })
    expect([until.exit, until.verdict]).toEqual([0, 'proved'])
    expect(isInside(until.ended, removedAt(key))).toBe(true)
    expect(micros(until.lookedUntil)).toBeLessThanOrEqual(micros(report.provedUntil))
  })

  test('a peer that was not revoked: not proved, with what is to be done', async () => {
    const report = await revocationOf(demo.dir, 'ivy')
    expect([report.exit, report.verdict, report.ended]).toEqual([1, 'not-proved', null])
    expect(report.reasons.map((each: { kind: string }) => each.kind)).toEqual(['still-running'])
    expect(report.text).toMatch(/^Not proved, because gw1: the key runs on wg0/)
    const commands = report.toDo.map((each: { command: string }) => each.command)
    expect(commands).toContain('wg set wg0 peer e3WudW7mWm/WxncV7j4EVjh3b+UPlxjJA8tX2+OSbVc= remove')
    expect(commands).toContain('conntrack -D -s 10.8.0.28')
  })

  test('before its removal it still ran', async () => {
    const report = await revocationOf(demo.dir, 'cedar', { until: '2026-11-22T15:12:20Z' })
    expect(report.reasons.map((each: { kind: string }) => each.kind)).toEqual(['still-running'])
  })

  test('only removals since a time count', async () => {
    const report = await revocationOf(demo.dir, 'cedar', { since: '2026-11-22T15:13:00Z' })
    expect([report.exit, report.reasons.map((each: { kind: string }) => each.kind)]).toEqual([1, ['not-since']])
  })

  test('a documented key that never ran is known, and nothing is claimed of it', async () => {
    const report = await revocationOf(demo.dir, 'quince')
    expect(report.verdict).toBe('not-proved')
    expect(report.reasons.map((each: { kind: string }) => each.kind)).toContain('never-seen')
  })

  test('stored configurations that are handed over: without the key said, with it not proved', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'peertrail-conf-'))
    const file = join(folder, 'wg0.conf')
    try {
      await writeFile(file, '[Interface]\nListenPort = 51820\n')
      const clean = await revocationOf(demo.dir, 'cedar', { conf: [`gw1=${file}`] })
      expect([clean.verdict, clean.stored]).toEqual(['proved', 'partly'])
      await writeFile(
        file,
        `[Interface]\nListenPort = 51820\n\n# cedar\n[Peer]\nPublicKey = ${CEDAR}\nAllowedIPs = 10.8.0.7/32\n`,
      )
      const held = await revocationOf(demo.dir, 'cedar', { conf: [`gw1=${file}`] })
      expect([held.exit, held.verdict, held.stored]).toEqual([1, 'not-proved', 'present'])
      expect(held.reasons.map((each: { text: string }) => each.text)).toEqual([
        `gw1: ${file} still holds the key (line 5): it returns when wg0 starts again`,
      ])
      await expect(askRevocation(demo.dir, 'cedar', { conf: [`gw9=${file}`] })).rejects.toMatchObject({ code: 'usage' })
      await expect(askRevocation(demo.dir, 'cedar', { conf: [file] })).rejects.toMatchObject({ code: 'usage' })
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('another inventory decides which gateways must be covered', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'peertrail-inventory-'))
    const file = join(folder, 'inventory.yaml')
    try {
      const text = await readFile(join(DEMO, 'inventory.yaml'), 'utf8')
      await writeFile(file, text.replace('gateways:\n', 'gateways:\n- name: gw3\n  interfaces:\n  - wg0\n'))
      const report = await revocationOf(demo.dir, 'cedar', { inventory: file })
      expect(report.reasons.map((each: { text: string }) => each.text)).toEqual([
        'gw3: declared, and no poll of it is recorded: the key may run there',
      ])
      expect(report.toDo[0].command).toBe(`wg set wg0 peer ${CEDAR} remove`)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('several peers that fit, and none', async () => {
    await expect(askRevocation(demo.dir, 'nobody')).rejects.toMatchObject({ code: 'usage' })
    await expect(askRevocation(demo.dir, '')).rejects.toMatchObject({ code: 'usage' })
  })

  test.each([80, 120])(
    'no line is longer than %i characters but commands, and nothing moves a terminal',
    async (columns) => {
      for (const peer of ['cedar', 'pine', 'ivy', 'quince']) {
        const { printed } = await askRevocation(demo.dir, peer, { columns })
        for (const line of printed.split('\n'))
          if (!/^ {6}\S/.test(line)) expect(Array.from(line).length).toBeLessThanOrEqual(columns)
        expect(printed).not.toMatch(/[^\n\P{Cc}]|\p{Cf}/u)
      }
    },
  )
})

type Block = { readonly at: number; readonly lines: string[] }

/** The demo's polls and inventory in a store of their own, after `change` had its way with the polls of each gateway; null = no file. */
async function withPolls(
  change: (gateway: string, blocks: Block[]) => Block[] | null,
  work: (dir: string) => Promise<void>,
): Promise<void> {
  const parent = await mkdtemp(join(tmpdir(), 'peertrail-revoked-'))
  const capture = join(parent, 'capture')
  try {
    await mkdir(capture)
    await cp(join(DEMO, 'inventory.yaml'), join(capture, 'inventory.yaml'))
    for (const gateway of ['gw1', 'gw2']) {
      const text = await readFile(join(DEMO, gateway, 'wg.snapshots'), 'latin1')
      const blocks: Block[] = []
      for (const line of text.trimEnd().split('\n')) {
        if (line.startsWith('# ')) blocks.push({ at: micros(line.split(' ')[1] ?? ''), lines: [line] })
        else blocks.at(-1)?.lines.push(line)
      }
      const changed = change(gateway, blocks)
      if (changed === null) continue
      await mkdir(join(capture, gateway))
      const lines = changed.flatMap((block) => block.lines)
      await writeFile(join(capture, gateway, 'wg.snapshots'), `${lines.join('\n')}\n`, 'latin1')
    }
    const dir = join(parent, 'store')
    await runReplay(
      { directory: capture, ndjson: '', store: dir, pipeline: '', isJson: false },
      createMemoryTerminal(),
      new Writable(),
    )
    await work(dir)
  } finally {
    await rm(parent, { recursive: true })
  }
}

const time = (text: string) => micros(`2026-11-22T${text}Z`)
const without = (from: string, to: string) => (block: Block) => block.at < time(from) || block.at > time(to)
/** The key, shown again as wg shows a peer without AllowedIPs. */
const back = (from: string, to: string) => (block: Block) =>
  block.at < time(from) || block.at > time(to)
    ? block
    : { ...block, lines: [...block.lines, `wg0\t${CEDAR}\t(none)\t(none)\t(none)\t0\t0\t0\toff`] }

describe('over tampered copies', () => {
  test.each([
    ['a gap on the gateway that had it', 'gw1', '15:12:40', '15:12:50', 'hole'],
    ['a gap on the one that never had it', 'gw2', '15:12:40', '15:12:50', 'hole'],
    ['a gap around the removal', 'gw1', '15:12:27', '15:12:33', 'removal-in-hole'],
    ['polls that begin late', 'gw2', '15:00:00', '15:12:40', 'polls-begin-late'],
    ['polls that end early', 'gw2', '15:12:40', '15:20:00', 'polls-end-early'],
  ])('%s: not proved', async (_, where, from, to, kind) => {
    await withPolls(
      (gateway, blocks) => (gateway === where ? blocks.filter(without(from, to)) : blocks),
      async (dir) => {
        const report = await revocationOf(dir, 'cedar')
        expect([report.exit, report.verdict]).toEqual([1, 'not-proved'])
        expect(report.reasons.map((each: { kind: string; gateway: string }) => [each.kind, each.gateway])).toEqual([
          [kind, where],
        ])
        expect(isInside(report.ended, removedAt(CEDAR))).toBe(true)
        if (report.provedUntil !== null) {
          expect((await revocationOf(dir, 'cedar', { until: report.provedUntil })).verdict).toBe('proved')
        }
      },
    )
  })

  test('a declared gateway without any poll: not proved', async () => {
    await withPolls(
      (gateway, blocks) => (gateway === 'gw2' ? null : blocks),
      async (dir) => {
        const report = await revocationOf(dir, 'cedar')
        expect([report.verdict, report.reasons.map((each: { text: string }) => each.text)]).toEqual([
          'not-proved',
          ['gw2: declared, and no poll of it is recorded: the key may run there'],
        ])
      },
    )
  })

  test.each([
    ['gw1', 'and says that it was removed before', /had been removed and came back by 2026-11-22 15:12:50/],
    ['gw2', 'also where it never was', /^gw2: the key runs on wg0, by the poll of [^;]*$/],
  ])('the key comes back on %s: not proved, %s', async (where, _, text) => {
    await withPolls(
      (gateway, blocks) => (gateway === where ? blocks.map(back('15:12:50', '15:20:00')) : blocks),
      async (dir) => {
        const report = await revocationOf(dir, CEDAR)
        expect(report.reasons.map((each: { kind: string }) => each.kind)).toEqual(['still-running'])
        expect(report.reasons[0].text).toMatch(text)
      },
    )
  })

  test('the key came back and went: what is proved is its last end, and the return is told', async () => {
    await withPolls(
      (gateway, blocks) => (gateway === 'gw1' ? blocks.map(back('15:12:40', '15:12:50')) : blocks),
      async (dir) => {
        const report = await revocationOf(dir, CEDAR)
        expect(report.verdict).toBe('proved')
        expect(isInside(report.ended, time('15:12:50'))).toBe(true)
        expect(report.gateways[0].appearances).toHaveLength(2)
        expect((await askRevocation(dir, CEDAR)).printed).toMatch(
          /gw1: removed from wg0 by .* back by 2026-11-22\s+15:12:4/,
        )
      },
    )
  })

  test.each([5, 20])('only every %ith poll: a wider uncertainty, in which the truth lies', async (every) => {
    await withPolls(
      (_, blocks) => blocks.filter((__, i) => i % every === 0),
      async (dir) => {
        const report = await revocationOf(dir, 'cedar')
        expect(isInside(report.ended, removedAt(CEDAR))).toBe(true)
        expect(micros(report.ended.to) - micros(report.ended.from)).toBeGreaterThan(every * 0.9 * SECOND)
      },
    )
  })

  test('the interface went down with the key in it: no removal', async () => {
    await withPolls(
      (gateway, blocks) =>
        gateway === 'gw1'
          ? blocks.map((block) => (block.at > time('15:12:27') ? { ...block, lines: block.lines.slice(0, 1) } : block))
          : blocks,
      async (dir) => {
        const report = await revocationOf(dir, CEDAR)
        expect(report.reasons.map((each: { kind: string }) => each.kind)).toEqual(['interface-down'])
      },
    )
  })
})

test('text from accounts, programs and file names moves no terminal, and ends up as data', async () => {
  const hostile = 'dba\u001b[2J\u202egnp.exe'
  const key = { 'wireguard.peer.public_key': CEDAR, 'wireguard.peer.name': 'cedar', 'wireguard.interface.name': 'wg0' }
  const snapshot = createSnapshots()
  const polls = Array.from({ length: 20 }, (_, i) =>
    snapshot(1_795_360_000 + i, { wg0: i < 5 ? { [CEDAR]: ['10.8.0.7/32'] } : {} }),
  )
  const at = (second: number) => (1_795_360_000 + second) * SECOND
  const of = (second: number, id: string, fields: Fields): Fields => ({
    ...key,
    '@timestamp': at(second),
    'event.id': id,
    'host.name': 'db1',
    'auditd.session': '7',
    ...fields,
  })
  const documents = [
    ...ledgerDocuments('gw1', polls, await readFile(join(DEMO, 'inventory.yaml'), 'utf8')),
    of(1, 'a', { 'event.dataset': 'wireguard.firewall', 'host.name': 'gw1' }),
    of(2, 'b', { 'event.dataset': 'wireguard.session', 'event.action': 'host-login', 'user.name': hostile }),
    of(9, 'c', {
      'event.dataset': 'wireguard.audit',
      'event.action': hostile,
      'process.pid': 5,
      'process.executable': `/tmp/${hostile}`,
      'process.args': [hostile, '$(reboot)'],
    }),
    of(3, 'd', { 'event.dataset': 'wireguard.finding', 'event.kind': 'alert', 'rule.name': hostile }),
  ]
  await withStore(documents, async (dir) => {
    const { printed } = await askRevocation(dir, CEDAR)
    expect(printed).not.toMatch(/[^\n\P{Cc}]|\p{Cf}/u)
    expect(printed).toContain('\\x1b[2J\\u202egnp.exe')
    const report = await revocationOf(dir, CEDAR)
    expect(report.loginSessions.told[0].user).toBe(hostile)
    expect(report.loginSessions.told[0].acts[0].text).toBe(`${hostile} $(reboot)`)
  })
})
