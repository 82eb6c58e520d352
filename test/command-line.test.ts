/** Goal: the program itself, as a newcomer runs it: real processes, real exit codes, a store in a directory of its own. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DEMO } from './replay-capture.ts'

const MAIN = join(import.meta.dirname, '..', 'src', 'main.ts')
const COMMANDS = ['demo', 'replay', 'search', 'who', 'timeline', 'peers', 'inventory', 'check', 'verify']

type Ran = { readonly exit: number; readonly out: string; readonly err: string }

describe('peertrail', () => {
  let directory = ''
  let store = ''

  const run = (...args: string[]): Promise<Ran> =>
    new Promise((resolve) => {
      const { PEERTRAIL_STORE: _, ...environment } = process.env
      execFile(
        process.execPath,
        [MAIN, ...args],
        { cwd: directory, env: { ...environment, NO_COLOR: '1' } },
        (error, out, err) => resolve({ exit: typeof error?.code === 'number' ? error.code : 0, out, err }),
      )
    })

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'peertrail-command-line-'))
    store = join(directory, 'store')
  })
  afterAll(() => rm(directory, { recursive: true, force: true }))

  test('shows the demo without a command, and finds its store without being told', async () => {
    const demo = await run()
    expect(demo).toMatchObject({ exit: 0, err: '' })
    expect(demo.out).toContain('Revoked')
    const command = demo.out.split('\n').find((line) => line.includes('peertrail timeline')) ?? ''
    const timeline = await run(...command.trim().replace('peertrail ', '').split(' '))
    expect(timeline.exit).toBe(0)
    expect(timeline.out).toContain('$ cat /etc/shadow')
    expect(timeline.err).toContain('./peertrail-data')
  })

  test('adds nothing the second time', async () => {
    const first = await run('replay', DEMO, '--store', store)
    expect(first).toMatchObject({ exit: 0, err: '' })
    expect(first.out).toMatch(/Store .*: \d[\d,]* rows added, 0 there already/)
    const second = await run('replay', DEMO, '--store', store)
    expect(second.out).toMatch(/Store .*: 0 rows added, \d[\d,]* there already/)
    expect((await run('verify', '--store', store)).exit).toBe(0)
  })

  test('answers who held the reused address: before, during, after', async () => {
    const ask = (time: string) => run('who', '10.8.0.7', '--at', `2026-11-22T${time}Z`, '--store', store)
    const [before, during, after] = await Promise.all([ask('15:12:20'), ask('15:12:28.7'), ask('15:12:40')])
    expect(before.out).toMatch(/^10\.8\.0\.7 was held by cedar .* exact\n/)
    expect(before.exit).toBe(0)
    expect(during.out).toMatch(/^10\.8\.0\.7 may have been cedar .*ambiguous/)
    expect(during.exit).toBe(1)
    expect(after.out).toMatch(/^10\.8\.0\.7 was held by alder .* exact\n/)
    expect(after.exit).toBe(0)
  })

  test('says where a query is wrong and what was meant', async () => {
    const { exit, err } = await run('search', 'source.prot : 22', '--store', store)
    expect(exit).toBe(2)
    expect(err).toContain('did you mean source.port?')
    expect(err).toMatch(/source\.prot : 22\n\s+\^/)
  })

  test.each([
    [['nonsense'], 2],
    [['who'], 2],
    [['search', '--limit', 'many'], 2],
    [['search', '--store', 'nowhere'], 3],
    [['who', '10.8.0.7', '--store', 'nowhere'], 3],
    [['verify', '--store', 'nowhere'], 3],
    [['replay', 'nowhere'], 2],
    [['check', 'nowhere.yaml'], 2],
  ])('%j ends with %i and says what to do', async (args, exit) => {
    const ran = await run(...args)
    expect(ran.exit).toBe(exit)
    expect(ran.err + ran.out).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m)
    expect((ran.err + ran.out).trim()).not.toBe('')
  })

  test('every command has help with an example', async () => {
    for (const command of COMMANDS.filter((name) => name !== 'inventory')) {
      const { exit, out } = await run(command, '--help')
      expect(exit).toBe(0)
      expect(out).toContain(`Example:\n  peertrail ${command}`)
    }
    for (const command of ['init', 'diff'])
      expect((await run('inventory', command, '--help')).out).toContain('Example:')
  })
})
