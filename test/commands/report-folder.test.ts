/** Goal: a report folder is whole or not there, hashed as it lies there, private, and takes the place of nothing but a report. */
import { execFileSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openReportFolder } from '../../src/commands/report-folder.ts'
import { makeKeyPair, readSigner, writeNewFiles } from '../../src/commands/signing-key.ts'
import { AppError } from '../../src/errors.ts'
import { readManifestText } from '../../src/reports/evidence/manifest.ts'
import { linesOf, startChild } from '../store/store-run.ts'
import { madeHead, makeReport, withFolder } from './made-report.ts'

const NAMES = [
  'SHA256SUMS',
  'access.csv',
  'access.ndjson',
  'inventories/0a1b.yaml',
  'manifest.json',
  'report.html',
  'report.json',
]

function filesIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .sort()
}

test('holds every file with its size, rows and hash, and nothing is left beside it', async () => {
  await withFolder(async (place) => {
    const dir = join(place, 'out', 'report')
    const { manifest, sha256 } = await makeReport(dir)
    expect(filesIn(dir)).toEqual(NAMES)
    expect(readdirSync(join(place, 'out'))).toEqual(['report'])
    for (const { name, bytes, sha256: expected } of manifest.files) {
      const content = readFileSync(join(dir, name))
      expect([content.length, hash('sha256', content)]).toEqual([bytes, expected])
    }
    expect(manifest.files.map(({ name, rows }) => [name, rows])).toEqual([
      ['access.csv', 2],
      ['access.ndjson', 2],
      ['inventories/0a1b.yaml', null],
      ['report.html', null],
      ['report.json', null],
    ])
    expect(hash('sha256', readFileSync(join(dir, 'manifest.json')))).toBe(sha256)
    expect(readManifestText(readFileSync(join(dir, 'manifest.json'), 'utf8')).manifest).toEqual(manifest)
    expect(readFileSync(join(dir, 'access.csv'), 'utf8')).toBe("peer,bytes\n'=cmd(),12\nbob,13\n")
    expect(statSync(dir).mode & 0o777).toBe(0o700)
    for (const name of NAMES) expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600)
  })
})

test('is checked by sha256sum alone', async () => {
  await withFolder(async (place) => {
    const dir = join(place, 'report')
    await makeReport(dir)
    const told = execFileSync('sha256sum', ['--strict', '-c', 'SHA256SUMS'], { cwd: dir, encoding: 'utf8' })
    expect(told.trim().split('\n')).toHaveLength(NAMES.length - 1)
    expect(told).not.toMatch(/FAILED/)
  })
})

test('has the same bytes the second time, signature included', async () => {
  await withFolder(async (place) => {
    const { privateKey } = makeKeyPair()
    writeNewFiles([{ path: join(place, 'key'), text: privateKey, isPrivate: true }])
    const signer = readSigner(join(place, 'key'))
    for (const name of ['a', 'b']) await makeReport(join(place, name), { signer })
    expect(filesIn(join(place, 'a'))).toEqual(filesIn(join(place, 'b')))
    for (const name of filesIn(join(place, 'a')))
      expect(readFileSync(join(place, 'a', name))).toEqual(readFileSync(join(place, 'b', name)))
  })
})

test('takes the place of an earlier report and of an empty folder, and leaves nothing of them', async () => {
  await withFolder(async (place) => {
    const dir = join(place, 'report')
    mkdirSync(dir)
    await makeReport(dir, { more: { 'extra.txt': 'was there\n' } })
    await makeReport(dir)
    expect(filesIn(dir)).toEqual(NAMES)
    expect(readdirSync(place)).toEqual(['report'])
  })
})

test.each([
  ['a file', (dir: string) => writeFileSync(dir, 'mine')],
  ['a link', (dir: string) => symlinkSync('.', dir)],
  ['a folder of something else', (dir: string) => put(dir, 'mine', 'mine')],
  ['a folder that holds a folder', (dir: string) => mkdirSync(join(dir, 'below'), { recursive: true })],
  ['another manifest.json', (dir: string) => put(dir, 'manifest.json', '{"name":"an app","version":1}')],
])('refuses %s, and changes nothing', async (_name, make) => {
  await withFolder((place) => {
    const dir = join(place, 'report')
    make(dir)
    const before = readdirSync(place, { recursive: true })
    expect(codeOf(() => openReportFolder(dir, { forms: [] }))).toBe('usage')
    expect(readdirSync(place, { recursive: true })).toEqual(before)
    return Promise.resolve()
  })
})

test('refuses a report to which somebody added a file, also when that came while it was made', async () => {
  await withFolder(async (place) => {
    const dir = join(place, 'report')
    await makeReport(dir)
    const folder = openReportFolder(dir, { forms: [] })
    await folder.add('report.json', '{}\n')
    writeFileSync(join(dir, 'notes.txt'), 'mine')
    await expect(folder.finish(madeHead(), null)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('notes.txt, which is no part of the report there'),
    })
    await folder.abandon()
    expect(readFileSync(join(dir, 'notes.txt'), 'utf8')).toBe('mine')
    expect(filesIn(dir)).toContain('access.csv')
    expect(readdirSync(place)).toEqual(['report'])
  })
})

test('that is abandoned leaves nothing, and the earlier report as it was', async () => {
  await withFolder(async (place) => {
    const dir = join(place, 'report')
    const { sha256 } = await makeReport(dir)
    const folder = openReportFolder(dir, { forms: ['csv'] })
    const rows = folder.outlet.open('access')
    await rows.write('csv', 'a\n')
    expect(existsSync(join(folder.work, 'access.csv'))).toBe(true)
    await folder.abandon()
    expect(readdirSync(place)).toEqual(['report'])
    expect(hash('sha256', readFileSync(join(dir, 'manifest.json')))).toBe(sha256)
    const never = openReportFolder(join(place, 'never'), { forms: [] })
    await never.abandon()
    await never.abandon()
    expect(readdirSync(place)).toEqual(['report'])
  })
})

test('takes no name twice, none that leads elsewhere, and does not finish with a file that was not ended', async () => {
  await withFolder(async (place) => {
    const folder = openReportFolder(join(place, 'report'), { forms: [] })
    await folder.add('a.txt', 'a')
    for (const name of ['a.txt', '../a.txt', '/a.txt', '.a'])
      await expect(folder.add(name, 'b')).rejects.toThrow('has no place for a file')
    const file = folder.open('b.txt')
    await expect(folder.finish(madeHead(), null)).rejects.toThrow('files were not ended: b.txt')
    await file.write('b')
    await file.end(1)
    writeFileSync(join(folder.work, 'report.pdf'), '%PDF', { mode: 0o644 })
    await folder.adopt('report.pdf')
    const { manifest, dir } = await folder.finish(madeHead(), null)
    expect(manifest.files.map(({ name, bytes, rows }) => [name, bytes, rows])).toEqual([
      ['a.txt', 1, null],
      ['b.txt', 1, 1],
      ['report.pdf', 4, null],
    ])
    expect(statSync(join(dir, 'report.pdf')).mode & 0o777).toBe(0o600)
  })
})

function put(dir: string, name: string, text: string): void {
  mkdirSync(dir)
  writeFileSync(join(dir, name), text)
}

function codeOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof AppError) return error.code
    throw error
  }
  return 'not refused'
}

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('that %s ends leaves nothing', async (signal) => {
  await withFolder(async (place) => {
    const child = startChild(join('..', 'commands', 'report-child.ts'), [join(place, 'report')])
    const ended = new Promise((resolve) => child.once('close', (_code, by) => resolve(by)))
    for await (const line of linesOf(child)) {
      expect(line).toBe('begun')
      expect(readdirSync(place)).toEqual([expect.stringMatching(/^\.report\.partial-/)])
      child.kill(signal)
    }
    expect(await ended).toBe(signal)
    expect(readdirSync(place)).toEqual([])
  })
})

test('that cannot be made says so at once', () => {
  // Linux: nobody makes folders there, and it says that they do not exist.
  const open = () => openReportFolder(join('/proc', 'nobody', 'report'), { forms: [] })
  expect(open).toThrow(/cannot write the report/)
})
