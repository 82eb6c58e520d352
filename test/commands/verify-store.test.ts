/** Goal: a store is checked against the reports that were made of it, so that an end that was cut off shows; a pack needs no store. */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { accessLine } from '../../src/commands/access-entry.ts'
import { appendAccess } from '../../src/commands/access-folder.ts'
import { writeTarGz } from '../../src/commands/pack-archive.ts'
import { runVerify, type VerifyArguments } from '../../src/commands/verify.ts'
import type { SourceIntegrity } from '../../src/reports/report-question.ts'
import { layoutOf } from '../../src/store/layout.ts'
import { readManifest } from '../../src/store/manifest.ts'
import { DAY } from '../../src/time.ts'
import { madeEvent, START } from '../store/made-events.ts'
import { verified, withPlace, writeAll } from '../store/store-run.ts'
import { makeReport } from './made-report.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

/** Three days, a segment each. */
async function makeStore(dir: string): Promise<void> {
  await writeAll(
    dir,
    Array.from({ length: 60 }, (_, n) => madeEvent(n, START + Math.floor(n / 20) * DAY + n)),
  )
}

async function sourceOf(dir: string): Promise<SourceIntegrity> {
  const { head, segments, rows, hot, problems } = await verified(dir)
  return {
    kind: 'chain',
    count: head.count,
    head: head.hash,
    segments,
    rows,
    unsealedFiles: hot.files,
    problems,
    anchors: [],
  }
}

/** Entries of the chain, as a pack carries them. */
function chainOf(dir: string): string {
  const manifest = readManifest(layoutOf(dir))
  const chain = manifest?.everything().chain ?? []
  manifest?.close()
  return chain.map(({ entry }) => `${JSON.stringify(entry)}\n`).join('')
}

async function verify(args: Partial<VerifyArguments>, environment: Record<string, string> = {}) {
  const run = async (isJson: boolean) => {
    const terminal = createMemoryTerminal()
    const exit = await runVerify({ store: '', pipeline: '', anchors: [], isJson, ...args }, environment, terminal)
    return { exit, printed: terminal.printed() }
  }
  const { exit, printed } = await run(false)
  // biome-ignore lint/suspicious/noExplicitAny: the command's own answer, read only here
  return { exit, text: printed, json: JSON.parse((await run(true)).printed) as any }
}

/** The newest segment as if it had never been: its file, its place in the list, its entry in the chain. */
function cutNewest(dir: string): string {
  const database = new DatabaseSync(join(dir, 'manifest.sqlite'))
  const row = database.prepare('SELECT number, file FROM segments ORDER BY number DESC LIMIT 1').get()
  database.exec(`DELETE FROM segments WHERE number = ${Number(row?.['number'])}`)
  database.exec('DELETE FROM chain WHERE number = (SELECT max(number) FROM chain)')
  database.close()
  const file = String(row?.['file'])
  rmSync(join(dir, file))
  return file
}

describe('a store and a report of it', () => {
  test('are both whole', async () => {
    await withPlace(async (dir) => {
      await makeStore(dir)
      const report = join(dir, '..', 'report')
      await makeReport(report, { head: { source: await sourceOf(dir) } })
      const { exit, text, json } = await verify({ path: report, store: dir })
      expect(exit).toBe(0)
      expect(text).toContain('anchor    entry 3 is the one the report names')
      expect(json.store).toMatchObject({ dir, problems: [] })
      // A store that grew since still holds it; it is found without being named.
      await writeAll(dir, [madeEvent(100, START + 9 * DAY)])
      const found = await verify({ path: report }, { PEERTRAIL_STORE: dir })
      expect([found.exit, found.json.store.head.count]).toEqual([0, 4])
    })
  })

  test('show that the newest segment was cut off, which the store alone does not', async () => {
    await withPlace(async (dir) => {
      await makeStore(dir)
      const report = join(dir, '..', 'report')
      const source = await sourceOf(dir)
      await makeReport(report, { head: { source } })
      cutNewest(dir)
      expect((await verify({ store: dir })).exit).toBe(0)
      const cut = ['the anchor names entry 3, the chain ends at 2: it was cut off']
      const told = await verify({ path: report, store: dir })
      expect([told.exit, told.json.problems, told.json.store.problems]).toEqual([1, [], cut])
      const anchor = source.kind === 'chain' ? `${source.count}:${source.head}` : ''
      expect((await verify({ store: dir, anchors: [anchor] })).json.problems).toEqual(cut)
      // Not named, it may be another store: it is not judged, and that is said.
      const unnamed = await verify({ path: report }, { PEERTRAIL_STORE: dir })
      expect([unnamed.exit, unnamed.json.store]).toEqual([0, null])
      expect(unnamed.text).toContain("does not hold the head of this report's chain")
    })
  })

  test('show a segment that is gone, or one byte of it', async () => {
    await withPlace(async (dir) => {
      await makeStore(dir)
      const report = join(dir, '..', 'report')
      await makeReport(report, { head: { source: await sourceOf(dir) } })
      const manifest = readManifest(layoutOf(dir))
      const file = manifest?.contents().segments[1]?.file ?? ''
      manifest?.close()
      const whole = readFileSync(join(dir, file))
      const bytes = Buffer.from(whole)
      bytes[500] = (bytes[500] ?? 0) ^ 1
      writeFileSync(join(dir, file), bytes)
      const { exit, json } = await verify({ path: report, store: dir })
      expect([exit, json.store.problems]).toEqual([1, [expect.stringMatching(`^${file} was changed: 20 rows`)]])
      rmSync(join(dir, file))
      expect((await verify({ path: report, store: dir })).json.store.problems).toEqual([
        expect.stringMatching(`^${file} is gone: 20 rows`),
      ])
    })
  })

  test('are told when there is no store, and a store is checked by its path', async () => {
    await withPlace(async (dir) => {
      await makeStore(dir)
      const report = join(dir, '..', 'report')
      await makeReport(report, { head: { source: await sourceOf(dir) } })
      const { exit, text } = await verify({ path: report }, { PEERTRAIL_STORE: join(dir, 'none') })
      expect(exit).toBe(0)
      expect(text).toContain('store     none is here')
      expect((await verify({ path: dir })).text).toMatch(/^store .*: whole\n/)
      await expect(verify({ path: dir, publicKey: 'x' })).rejects.toMatchObject({ code: 'usage' })
      await expect(verify({ path: report, store: join(dir, 'none') })).rejects.toMatchObject({ code: 'no-store' })
    })
  })
})

describe('a pack with a chain', () => {
  test('is checked without the store, down to each entry', async () => {
    await withPlace(async (dir) => {
      await makeStore(dir)
      const report = join(dir, '..', 'report')
      const source = await sourceOf(dir)
      const chain = chainOf(dir)
      const pack = join(dir, '..', 'case.tar.gz')
      const check = async (text: string) => {
        const { manifest } = await makeReport(report, {
          head: { source },
          // Large enough for several pieces of each stream.
          more: { 'chain.ndjson': text, 'documents.ndjson': '{"a":1}\n'.repeat(300_000) },
        })
        const own = [...manifest.files.map(({ name }) => name), 'manifest.json', 'SHA256SUMS']
        rmSync(pack, { force: true })
        await writeTarGz(
          own.map((name) => ({ name, path: join(report, name) })),
          pack,
          { top: 'case', at: START },
        )
        rmSync(report, { recursive: true })
        return verify({ path: pack }, { PEERTRAIL_STORE: join(dir, 'none') })
      }
      const whole = await check(chain)
      expect([whole.exit, whole.json.problems, whole.json.is_chain_whole]).toEqual([0, [], true])
      expect(whole.text).toContain('chain     its entries lead to the head')
      // Each of these is a pack whose files fit its manifest.
      const [first = '', second = '', third = ''] = chain.split('\n')
      const named = async (lines: readonly string[]) =>
        (await check(lines.map((line) => `${line}\n`).join(''))).json.problems
      expect(await named([first, third])).toEqual([
        expect.objectContaining({ file: 'chain.ndjson', what: expect.stringContaining('line 2 holds entry 3') }),
      ])
      expect(await named([first, second])).toEqual([
        expect.objectContaining({
          what: 'does not lead to the head that the manifest names',
          found: expect.stringMatching(/^2:/),
        }),
      ])
      expect(await named([first, second.replace('"rows":20', '"rows":21'), third])).toHaveLength(1)
      expect(await named(['x', second, third])).toEqual([
        expect.objectContaining({ what: 'line 1 is no entry of a chain' }),
      ])
    })
  })
})

test('the access log beside a store is part of its check', async () => {
  await withPlace(async (dir) => {
    await makeStore(dir)
    const folder = join(dir, 'access-log')
    const user = { name: 'alice', uid: 1000, loginUid: null, sudoUser: '', host: 'gw1' }
    const record = {
      action: 'who',
      command: ['who'],
      at: START,
      period: null,
      query: '',
      documents: null,
      report: null,
      exit: 0,
    } as const
    for (let i = 0; i < 3; i++) appendAccess(folder, (before) => accessLine(record, user, 'store x', before))
    const whole = await verify({ store: dir })
    expect(whole.exit).toBe(0)
    expect(whole.text).toContain('access    3 lines of who asked what')
    const file = join(folder, 'access-00000001.ndjson')
    copyFileSync(file, join(dir, '..', 'copy'))
    writeFileSync(file, readFileSync(file, 'utf8').replace('alice', 'mallory'))
    const changed = await verify({ store: dir })
    expect([changed.exit, changed.json.problems]).toEqual([
      1,
      [expect.stringContaining('line 2 of the access log (access-00000001.ndjson) does not fit the one before')],
    ])
  })
})
