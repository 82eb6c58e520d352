/** `report exposure` on the demo: what its rules let keys reach, against what really got through. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ExposureArguments, runReportExposure } from '../../src/commands/report-exposure.ts'
import { AppError } from '../../src/errors.ts'
import { DEMO } from '../replay-capture.ts'
import { NOW } from './asking.ts'
import { createMemoryTerminal } from './memory-terminal.ts'
import { type StoredDemo, storeDemo } from './stored-demo.ts'

const TRUTH = new URL('../fixtures/lab-1/truth.jsonl', import.meta.url).pathname

let demo: StoredDemo
beforeAll(async () => {
  demo = await storeDemo()
})
afterAll(() => demo.remove())

type Asked = { readonly exit: number; readonly printed: string; readonly said: string }

async function report(change: Partial<ExposureArguments>, columns = 100): Promise<Asked> {
  const terminal = createMemoryTerminal()
  const stdout = { isTTY: true, columns, write: () => true, on: () => {}, once: () => {}, off: () => {} }
  const args: ExposureArguments = {
    peer: '',
    isAll: false,
    since: '',
    until: '',
    rules: [],
    capture: DEMO,
    isJson: false,
    store: demo.dir,
    pipeline: '',
    ...change,
  }
  // What widthOf reads of a stream; nothing is written to it.
  const exit = await runReportExposure(args, { environment: {}, terminal, stdout: stdout as never, now: NOW })
  return { exit, printed: terminal.printed(), said: terminal.said() }
}

// biome-ignore lint/suspicious/noExplicitAny: documents of the command's own, read only by tests
async function json(change: Partial<ExposureArguments>): Promise<any> {
  return JSON.parse((await report({ ...change, isJson: true })).printed)
}

/** Lines are broken where the terminal ends. */
function inOneLine(text: string): string {
  return text.replace(/\s+/g, ' ')
}

describe('one peer', () => {
  test('rules, policy and use side by side', async () => {
    const { exit, printed } = await report({ peer: 'elm' })
    expect(exit).toBe(0)
    expect(printed).toContain('the rules let it reach 4 resources, 1 of them granted by no policy')
    expect(printed).toMatch(/^db1-sql +restricted +open +no grant +NOT DOCUMENTED +10\/10/m)
    expect(printed).toMatch(/^app1-ssh +restricted +closed +granted +granted, closed/m)
    expect(printed).toContain('unused       granted, and not connected to in the period: app1-ssh, app1')
    expect(printed).toMatch(/db1 +1 login as ops, .*rights of root 1×/)
    expect(inOneLine(printed)).toContain('records begin 2026-11-22 15:09:26 UTC')
  })

  test.each([60, 80, 120])('no line is longer than %i columns', async (columns) => {
    for (const question of [{ peer: 'juniper' }, { isAll: true }]) {
      const { printed } = await report(question, columns)
      for (const line of printed.split('\n')) expect(Array.from(line).length).toBeLessThanOrEqual(columns)
    }
  })

  test('a key with a default route may send from anywhere', async () => {
    const { printed } = await report({ peer: 'juniper' })
    expect(printed).toContain('it may send from every address that no other peer holds')
    expect((await json({ peer: 'juniper' })).keys[0].any_source).toBe(true)
  })

  test('a key that is gone reaches nothing by this tunnel; what it did is still told', async () => {
    const { exit, printed } = await report({ peer: 'cedar' })
    expect(exit).toBe(0)
    expect(inOneLine(printed)).toContain('the key does not run; it was used with 3 resources')
    const [key] = (await json({ peer: 'cedar' })).keys
    expect([key.running, key.reach]).toEqual([false, null])
  })

  test('without rules reach is not stated, and the file that would tell is named', async () => {
    const { printed } = await report({ peer: 'ivy', capture: '' })
    expect(printed).toContain('NOT KNOWN: reach not stated')
    expect(printed).toContain('--rules GATEWAY=FILE')
    expect(printed).not.toMatch(/^db1-sql.*closed/m)
  })

  test('by a file of rules, and by what a daemon keeps beside its store', async () => {
    const file = join(DEMO, 'gw1', 'ruleset.json')
    expect((await report({ peer: 'ivy', capture: '', rules: [`gw1=${file}`] })).printed).toContain('reach 4 resources')
    const { mkdir } = await import('node:fs/promises')
    const journals = join(`${demo.dir}-state`, 'journals', 'gw1')
    await mkdir(journals, { recursive: true })
    const early = '# 2026-11-22T15:00:00.000Z gw1\n{"nftables": []}\n'
    await writeFile(
      join(journals, 'ruleset.snapshots'),
      `${early}# 2026-11-22T15:10:00.000Z gw1\n${(await readFile(file, 'utf8')).trim()}\n# 2026-11-22T16:00:00.000Z gw1\n{"nftables": []}\n`,
    )
    const { printed } = await report({ peer: 'ivy', capture: '' })
    expect(printed).toContain('gw1/ruleset.snapshots, 2026-11-22 15:10:00 UTC')
    expect(printed).toContain('reach 4 resources')
    await rm(`${demo.dir}-state`, { recursive: true })
  })
})

describe('all peers', () => {
  test('in order of reach, with what no policy grants', async () => {
    const { keys } = await json({ isAll: true })
    expect(keys).toHaveLength(18)
    const orders = keys.map(
      ({ reach_counts: counts }: { reach_counts: { restricted: number; resources: number } }) =>
        counts.restricted * 100 + counts.resources,
    )
    expect(orders).toEqual(orders.toSorted((a: number, b: number) => b - a))
    // The quarantined peer may reach one port only.
    expect(keys.at(-1).name).toBe('dogwood')
  })

  test('every accepted violation of policy in the truth is a reach that is not documented', async () => {
    type Flow = { kind: string; expect: string; policy: string | null; key: string; resource: string; gateway: string }
    const lines = (await readFile(TRUTH, 'utf8')).trimEnd().split('\n')
    const violations = lines
      // The lab's own lines: shapes as its README says.
      .map((line) => JSON.parse(line) as Flow)
      .filter((flow) => flow.kind === 'flow' && flow.expect === 'accept' && flow.policy === 'violation')
    const { keys } = await json({ isAll: true })
    const open = new Set<string>()
    for (const key of keys)
      for (const each of key.resources)
        if (each.by_rules === 'yes' && !each.documented) open.add(`${key.public_key} ${each.name}`)
    const running = new Set(keys.map(({ public_key: key }: { public_key: string }) => key))
    const missing = violations.filter(({ key, resource }) => running.has(key) && !open.has(`${key} ${resource}`))
    expect(violations.length).toBeGreaterThan(10)
    expect(missing).toEqual([])
  })

  test('the table says in which order, and what is not known', async () => {
    const { printed } = await report({ isAll: true, capture: '', rules: [`gw2=${join(DEMO, 'gw2', 'ruleset.json')}`] })
    expect(printed).toContain('18 keys, of which the rules are known for 4;')
    expect(printed).toMatch(/alder .*\?/)
    expect(printed).toContain('rules of gw1 are not known')
  })
})

describe('wrong usage', () => {
  test.each([
    ['nobody', {}, 'whose exposure'],
    ['somebody and all', { peer: 'ivy', isAll: true }, 'two questions'],
    ['a stranger', { peer: 'nobody-at-all' }, 'no peer'],
    ['rules without a gateway', { peer: 'ivy', rules: ['ruleset.json'] }, 'expected GATEWAY=FILE'],
    ['rules that are none', { peer: 'ivy', rules: [`gw1=${TRUTH}`] }, 'holds no ruleset'],
    ['no capture', { peer: 'ivy', capture: join(DEMO, 'gw1') }, ''],
    ['an end before the beginning', { peer: 'ivy', since: '2026-11-23' }, 'begins after'],
  ] as const)('%s', async (_, change, words) => {
    await expect(report(change)).rejects.toThrow(AppError)
    await expect(report(change)).rejects.toThrow(words)
  })

  test('a store without polls', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'peertrail-none-'))
    try {
      await expect(report({ peer: 'ivy', store: parent })).rejects.toThrow(AppError)
    } finally {
      await rm(parent, { recursive: true })
    }
  })
})
