import { execFile } from 'node:child_process'
import { lstat, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Event } from '../../src/event.ts'
import { openNdjson } from '../../src/sinks/ndjson.ts'
import { DEMO } from '../replay-capture.ts'

let directory = ''

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'peertrail-sink-'))
})

afterEach(async () => {
  await rm(directory, { recursive: true })
})

function event(text: string): Event {
  return { dataset: 'wireguard.coverage', own: { 'event.original': text }, facets: [] }
}

function linesOf(text: string): unknown[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).event.original)
}

describe('a file', () => {
  test('appears whole under its name, and the former one stands until then', async () => {
    const path = join(directory, 'e.ndjson')
    await writeFile(path, 'former')
    const sink = openNdjson(path, new Writable())
    sink.add(event('a'))
    expect(await readFile(path, 'utf8')).toBe('former')
    await sink.close()
    expect(linesOf(await readFile(path, 'utf8'))).toEqual(['a'])
    expect(await readdir(directory)).toEqual(['e.ndjson'])
  })

  test('of a run that failed leaves the former one and nothing else', async () => {
    const path = join(directory, 'e.ndjson')
    await writeFile(path, 'former')
    const sink = openNdjson(path, new Writable())
    sink.add(event('a'))
    sink.abandon()
    expect([await readFile(path, 'utf8'), await readdir(directory)]).toEqual(['former', ['e.ndjson']])
  })

  test('that is a link is written through it, not put in its place; a link laid beside it is not written through', async () => {
    await writeFile(join(directory, 'target'), '')
    await writeFile(join(directory, 'victim'), 'untouched')
    await symlink('target', join(directory, 'link'))
    await symlink('victim', join(directory, 'plain.partial'))
    for (const name of ['link', 'plain']) {
      const sink = openNdjson(join(directory, name), new Writable())
      sink.add(event(name))
      await sink.close()
    }
    expect((await lstat(join(directory, 'link'))).isSymbolicLink()).toBe(true)
    expect(linesOf(await readFile(join(directory, 'target'), 'utf8'))).toEqual(['link'])
    expect(linesOf(await readFile(join(directory, 'plain'), 'utf8'))).toEqual(['plain'])
    expect(await readFile(join(directory, 'victim'), 'utf8')).toBe('untouched')
  })

  test('takes documents larger than its block, and many small ones, in order', async () => {
    const texts = Array.from({ length: 40 }, (_, i) =>
      String.fromCharCode(97 + (i % 26)).repeat(i % 7 === 0 ? 1_500_000 : 100_000),
    )
    const path = join(directory, 'e.ndjson')
    const sink = openNdjson(path, new Writable())
    for (const text of texts) sink.add(event(text))
    await sink.close()
    expect(linesOf(await readFile(path, 'utf8'))).toEqual(texts)
  })

  test('in a directory that does not exist is an error that says so', () => {
    expect(() => openNdjson(join(directory, 'nowhere/e.ndjson'), new Writable())).toThrow(/cannot write/)
  })
})

describe('standard output', () => {
  test('gets what was queued when it is drained', async () => {
    const stdout = new PassThrough()
    const sink = openNdjson('-', stdout)
    sink.add(event('a'))
    sink.add(event('b'))
    await sink.close()
    // PassThrough hands out what was written as one Buffer.
    expect(linesOf(String(stdout.read()))).toEqual(['a', 'b'])
  })

  test('whose reader goes away ends the command with words, not with a stack', async () => {
    const main = join(import.meta.dirname, '../../src/main.ts')
    const said = await new Promise<string>((resolve) => {
      execFile(
        'sh',
        [
          '-c',
          '("$0" "$1" replay "$2" --ndjson -; echo "exit $?" >&2) | head -c 1 >/dev/null',
          process.execPath,
          main,
          DEMO,
        ],
        (_error, _out, err) => resolve(err),
      )
    })
    expect(said).not.toContain('    at ')
    expect(said).toMatch(/exit [03]\n$/)
  })
})
