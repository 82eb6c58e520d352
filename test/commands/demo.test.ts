/** Goal: what `npm start` shows is one screen, true of the shipped capture, harmless to anybody's own store. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runDemo } from '../../src/commands/demo.ts'
import { createHashedIds } from '../../src/event-id.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { openStoreWriter } from '../../src/store/writer.ts'
import { SECOND } from '../../src/time.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

const WIDTH = 100
/** A small terminal window. */
const SCREEN_LINES = 45

describe('demo', () => {
  let directory = ''
  let store = ''
  let printed = ''

  const run = async (color = false) => {
    const terminal = createMemoryTerminal(color)
    expect(await runDemo({ store }, { npm_lifecycle_event: 'start' }, terminal)).toBe(0)
    return terminal.printed()
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'peertrail-demo-'))
    store = join(directory, 'demo')
    printed = await run()
  })
  afterAll(() => rm(directory, { recursive: true, force: true }))

  test('fits on a screen, plain where nobody sees colours', () => {
    const lines = printed.trimEnd().split('\n')
    expect(lines.length).toBeLessThanOrEqual(SCREEN_LINES)
    const isCommand = (line: string) => line.includes('npm start --') || line.includes(store)
    expect(lines.filter((line) => !isCommand(line) && Array.from(line).length > WIDTH)).toEqual([])
    expect(lines.filter((line) => /[\u0000-\u001f\u007f]/.test(line) || line !== line.trimEnd())).toEqual([])
  })

  test('tells who was revoked, who held the address when, and what was not seen', () => {
    expect(printed).toMatch(/Revoked\s+cedar .*eVzV4u2w….*between 15:12:28\.172/)
    expect(printed).toMatch(/before\s+exact\s+was held by cedar/)
    expect(printed).toMatch(/during\s+ambiguous/)
    expect(printed).toMatch(/between\s+unknown/)
    expect(printed).toMatch(/after\s+exact\s+was held by alder/)
    expect(printed).toMatch(/gw1 conntrack\s+nobody listened/)
    expect(printed).toMatch(/7 lines pretended to be written by the kernel/)
  })

  test('tells a login behind NAT: the peer, the account, the watched files it touched; and who was refused', () => {
    expect(printed).toMatch(/Logged in app1 saw a login from 172\.26\.52\.1:53219, an address of the gateway\./)
    expect(printed.replace(/\s+/g, ' ')).toContain(
      'Before NAT it was 10.8.0.28:39257: hazel (ThinkPad T14, Release Manager 6), at 15:09:31.308. Account ops, login session 349, 5 commands.',
    )
    expect(printed).toMatch(/cat \/etc\/shadow +read shadow: EACCES/)
    expect(printed).toMatch(/cp \/srv\/ledger\/q3-close\.csv.* +read q3-close\.csv, created copy-s000006\.csv/)
    expect(printed).toContain('db1 refused 5 logins of fir.')
  })

  test('gives commands that can be pasted', () => {
    const commands = printed.split('\n').filter((line) => line.includes('npm start --'))
    expect(commands.map((line) => line.replace(/^Try/, '').trim().split(' ')[3])).toEqual([
      'who',
      'search',
      'timeline',
      'findings',
      'report',
    ])
    for (const line of commands) expect(line).toContain(`--store ${store}`)
  })

  test('says the same again, and adds nothing', async () => {
    const before = await openStoreReader(store)
    const head = before.head()
    before.close()
    expect(await run()).toBe(printed)
    const after = await openStoreReader(store)
    expect(after.head()).toEqual(head)
    after.close()
  })

  test('is the same text in colours', async () => {
    const colored = await run(true)
    expect(colored).toContain('\u001b[')
    expect(colored.replace(/\u001b\[[\d;]*m/g, '')).toBe(printed)
  })

  test("is not mixed with somebody's own records", async () => {
    const own = join(directory, 'own')
    const writer = await openStoreWriter(own)
    const idOf = createHashedIds()
    const at = 1_760_000_000 * SECOND
    writer.add({
      dataset: 'wireguard.coverage',
      own: { '@timestamp': at, 'event.id': idOf(at, 'x'), 'event.action': 'source-heartbeat', 'host.name': 'edge' },
      facets: [],
    })
    const { head } = await writer.close()
    await expect(runDemo({ store: own }, {}, createMemoryTerminal())).rejects.toMatchObject({ code: 'usage' })
    const reader = await openStoreReader(own)
    expect(reader.head()).toEqual(head)
    reader.close()
  })
})
