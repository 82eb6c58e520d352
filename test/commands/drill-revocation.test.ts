/** `drill revocation`: its stopwatch alone, and as a process over programs that stand for wg and conntrack. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, describe, expect, test } from 'vitest'
import { createDrill, type DrillEvent, type Look, PROOF_LOOKS } from '../../src/commands/drill-stages.ts'
import { SECOND } from '../../src/time.ts'
import { micros } from './made-store.ts'

const look = (second: number, more: Partial<Look>): Look => ({
  began: second * SECOND,
  ended: second * SECOND + 1,
  running: ['wg0'],
  entries: 0,
  stored: [],
  ...more,
})
const kinds = (events: readonly DrillEvent[]) =>
  events.map((each) => (each.kind === 'reached' ? each.stage : each.kind))

describe('the stopwatch', () => {
  test('armed, removed between two looks, entries, configuration, proved after some looks in a row', () => {
    const drill = createDrill()
    const gone = { running: [], entries: 3, stored: ['/etc/wireguard/wg0.conf'] }
    const told = [
      look(1, { entries: 3 }),
      look(2, { entries: 3 }),
      look(3, gone),
      look(4, gone),
      look(5, { ...gone, stored: [] }),
      look(6, { ...gone, entries: 0, stored: [] }),
    ].map((each) => kinds(drill.take(each)))
    expect(told).toEqual([['armed'], [], ['removed', 'left'], [], ['stored-gone', 'left'], ['entries-gone', 'proved']])
    expect(drill.reached.get('removed')).toEqual({ stage: 'removed', from: 2 * SECOND, to: 3 * SECOND + 1 })
    expect(drill.isOver).toBe(true)
  })

  test('it takes several looks in a row, and a blind one begins them anew', () => {
    const drill = createDrill()
    drill.take(look(0, {}))
    for (let second = 1; second < PROOF_LOOKS; second++) drill.take(look(second, { running: [] }))
    expect(kinds(drill.take(look(9, { running: { problem: 'no answer' } })))).toEqual(['blind'])
    expect(kinds(drill.take(look(10, { running: { problem: 'no answer' } })))).toEqual([])
    for (let second = 1; second < PROOF_LOOKS; second++)
      expect(kinds(drill.take(look(10 + second, { running: [] })))).toEqual([])
    expect(kinds(drill.take(look(20, { running: [] })))).toEqual(['proved'])
  })

  test('a key that comes back begins the proof anew; the last removal counts', () => {
    const drill = createDrill()
    drill.take(look(0, {}))
    expect(kinds(drill.take(look(1, { running: [] })))).toContain('removed')
    expect(kinds(drill.take(look(2, {})))).toEqual(['came-back'])
    expect(drill.reached.has('removed')).toBe(false)
    drill.take(look(3, { running: [] }))
    expect(drill.reached.get('removed')).toMatchObject({ from: 2 * SECOND })
  })

  test('what cannot be looked at is said and holds up nothing; a key that never ran is never removed', () => {
    const drill = createDrill()
    const blind = { entries: { problem: 'conntrack is not installed' }, stored: { problem: 'permission denied' } }
    drill.take(look(0, blind))
    for (let second = 1; second <= PROOF_LOOKS; second++) drill.take(look(second, { ...blind, running: [] }))
    expect(drill.isOver).toBe(true)
    expect(drill.unseen).toEqual([
      'connection entries: conntrack is not installed',
      'stored configuration: permission denied',
    ])
    const never = createDrill()
    for (let second = 0; second < 9; second++) expect(never.take(look(second, { running: [] }))).toEqual([])
  })
})

const KEY = `${'K'.repeat(42)}E=`
const SECRET = `${'s'.repeat(42)}E=`
const places: string[] = []

afterEach(() => {
  for (const place of places.splice(0)) rmSync(place, { recursive: true })
})

/** A machine of files: /etc/wireguard, and programs that print what stands in a file. */
function createMachine() {
  const root = mkdtempSync(join(tmpdir(), 'peertrail-drill-'))
  places.push(root)
  mkdirSync(join(root, 'etc/wireguard'), { recursive: true })
  mkdirSync(join(root, 'bin'))
  /** In one step: whoever reads meanwhile sees the old or the new. */
  const put = (name: string, text: string) => {
    writeFileSync(join(root, 'new'), text)
    renameSync(join(root, 'new'), join(root, name))
  }
  const program = (name: string, text: string) => {
    writeFileSync(join(root, 'new'), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
    renameSync(join(root, 'new'), join(root, 'bin', name))
  }
  program('wg', `exec cat ${root}/dump`)
  program('conntrack', `exec cat ${root}/entries`)
  const dump = (holds: boolean) =>
    put(
      'dump',
      `wg0\t${SECRET}\t${'P'.repeat(42)}E=\t51820\toff\n${holds ? `wg0\t${KEY}\t${SECRET}\t198.51.100.7:4000\t10.8.0.7/32\t1795345602\t420\t364\toff\n` : ''}`,
    )
  const entries = (count: number) =>
    put('entries', 'tcp 6 431999 ESTABLISHED src=10.8.0.7 dst=10.20.0.10 sport=1 dport=2\n'.repeat(count))
  const conf = (holds: boolean) =>
    put(
      'etc/wireguard/wg0.conf',
      `[Interface]\nPrivateKey = ${SECRET}\n${holds ? `[Peer]\nPublicKey = ${KEY}\nAllowedIPs = 10.8.0.7/32\n` : ''}`,
    )
  dump(true)
  entries(2)
  conf(true)
  return { root, dump, entries, conf, program }
}

type Ended = { readonly exit: number; readonly printed: string; readonly said: string }

/** Runs a drill; `next` is told every line it says, and does what a person would. */
function drill(
  root: string,
  peer: string,
  options: readonly string[],
  next: (line: string, end: () => void) => void,
): Promise<Ended> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'drill-child.ts'), root, peer, ...options], {
    env: { ...process.env, PATH: `${join(root, 'bin')}${delimiter}${process.env['PATH']}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [printed, said] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
  })
  createInterface({ input: child.stderr }).on('line', (line) => {
    said += `${line}\n`
    next(line, () => child.kill('SIGINT'))
  })
  return new Promise((done, fail) => {
    child.on('error', fail)
    child.on('close', (exit) => done({ exit: exit ?? -1, printed, said }))
  })
}

describe('as a process', () => {
  test('from the key that runs to the proof, each step as soon as the one before was told', async () => {
    const machine = createMachine()
    const { exit, printed, said } = await drill(
      machine.root,
      KEY.slice(0, 8),
      ['json=yes', 'compromisedAt=-10m'],
      (line) => {
        if (line.includes('armed')) machine.dump(false)
        else if (line.includes('conntrack -D -s 10.8.0.7')) machine.entries(0)
        else if (line.includes('entries gone')) machine.conf(false)
      },
    )
    expect(exit).toBe(0)
    const record = JSON.parse(printed)
    expect([record.isProved, record.end, record.publicKey, record.host]).toEqual([true, 'proved', KEY, 'gw-staging'])
    expect(record.stages.map(({ stage }: { stage: string }) => stage)).toEqual([
      'armed',
      'removed',
      'entries-gone',
      'stored-gone',
      'proved',
    ])
    for (const { after, by } of record.stages) expect(micros(after)).toBeLessThanOrEqual(micros(by))
    expect(record.durations.detectMs).toBeGreaterThanOrEqual(600_000)
    expect(record.durations.prove.mostMs).toBeGreaterThan(0)
    expect(`${printed}${said}`).not.toContain(SECRET)
  })

  test('as text: the verdict, three durations, and how it is proved for all gateways', async () => {
    const machine = createMachine()
    machine.entries(0)
    machine.conf(false)
    const { exit, printed } = await drill(machine.root, '10.8.0.7', [], (line) => {
      if (line.includes('armed')) machine.dump(false)
    })
    expect(exit).toBe(0)
    expect(printed).toMatch(/PROVED\nTunnel access with this key ended at .* ± .* on gw-staging/)
    for (const label of ['detect', 'remove', 'prove']) expect(printed).toMatch(new RegExp(`^${label} `, 'm'))
    expect(printed).toContain(`peertrail report revocation --peer ${KEY}`)
  })

  test('stopped before the key went: not proved, exit 1', async () => {
    const machine = createMachine()
    const { exit, printed } = await drill(machine.root, KEY, [], (line, end) => {
      if (line.includes('armed')) end()
    })
    expect(exit).toBe(1)
    expect(printed).toContain('Not proved, because the key still runs; the drill was stopped.')
  })

  test('stopped while entries stand, and out of time: not proved, and why', async () => {
    const machine = createMachine()
    machine.conf(false)
    const stopped = await drill(machine.root, KEY, [], (line, end) => {
      if (line.includes('armed')) machine.dump(false)
      else if (line.includes('still there')) end()
    })
    expect(stopped.exit).toBe(1)
    expect(stopped.printed.replaceAll('\n', ' ')).toContain(
      'Not proved, because connection entries stand; the drill was',
    )
    machine.dump(true)
    const late = await drill(machine.root, KEY, ['timeout=0s'], () => {})
    expect([late.exit, late.printed.includes('the key still runs; the time was over')]).toEqual([1, true])
  })

  test('an interface that went down is no removal, and neither is one that wg could not ask', async () => {
    const machine = createMachine()
    machine.entries(0)
    machine.conf(false)
    const other = `wg1\\t${SECRET}\\t${'P'.repeat(42)}E=\\t51821\\toff`
    for (const [program, why] of [
      [`printf '${other}\\n'`, 'wg0 is not there: an interface that went down brings its keys back'],
      [
        `echo "Unable to access interface wg0: No such device" >&2; printf '${other}\\n'`,
        'Unable to access interface wg0',
      ],
    ] as const) {
      machine.program('wg', `exec cat ${machine.root}/dump`)
      const { exit, printed, said } = await drill(machine.root, KEY, [], (line, end) => {
        if (line.includes('armed')) machine.program('wg', program)
        else if (line.includes('blind') || line.includes('removed')) end()
      })
      expect([exit, said.includes('  removed ')]).toEqual([1, false])
      expect(printed.replaceAll('\n', ' ')).toContain(`Not proved, because what runs is not known: ${why}`)
    }
  })

  test('nobody of that name runs; wg may not tell', async () => {
    const machine = createMachine()
    const none = await drill(machine.root, 'nobody', [], () => {})
    expect([none.exit, none.said]).toEqual([9, '"nobody" fits no running peer of this machine\n'])
    machine.program('wg', 'echo "Unable to access interface: Operation not permitted" >&2; exit 1')
    const refused = await drill(machine.root, KEY, [], () => {})
    expect(refused.exit).toBe(9)
    expect(refused.said).toContain('wg show all dump: ')
  })
})
