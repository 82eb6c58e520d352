/** The real command on captures it must refuse, or must not touch: broken YAML, links, pipes, files cut in their compression. */
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { type CaptureCase, demoCase, printedRows, replayCase, withCase } from './variants/case.ts'
import { miniature } from './variants/miniature.ts'

const MAIN = new URL('../src/main.ts', import.meta.url).pathname
const run = promisify(execFile)

/** A pipe nobody writes to must not hold the command up. */
const TIMEOUT_MS = 10_000

async function replay(directory: string, file: string): Promise<{ exit: number; out: string; err: string }> {
  try {
    const { stdout, stderr } = await run(process.execPath, [MAIN, 'replay', directory, '--ndjson', file], {
      timeout: TIMEOUT_MS,
    })
    return { exit: 0, out: stdout, err: stderr }
  } catch (error) {
    // What execFile rejects with has the streams and the exit on it.
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { exit: code, out: stdout, err: stderr }
  }
}

function withFile(name: string, text: string): CaptureCase {
  const one = miniature({})
  one.files.set(name, text)
  return one
}

describe('a file that a person wrote is broken', () => {
  test.each([
    [
      'inventory.yaml',
      'version: 1\npeers:\n  - name: x\n    keys: [{ public_key: nonsense }]\n',
      /inventory\.yaml:4:\d+/,
    ],
    ['inventory.yaml', 'version: 1\npeople:\n  - { email: "a\\e[2J", name: "\\e[2J" }\n', /inventory\.yaml:3:\d+/],
    ['inventory.yaml', 'version: [1\n', /inventory\.yaml:\d+:\d+/],
    ['pipeline.yaml', 'name: x\nhosts:\n  gw1: { timezone: Nowhere/Town }\n', /pipeline\.yaml:3:\d+/],
    ['pipeline.yaml', '\0\xff\xfe', /pipeline\.yaml/],
  ])('%s %j: exit 2, the place on stderr, nothing written', async (name, text, place) => {
    await withCase(withFile(name, text), async (capture, lab) => {
      const target = join(lab, 'out')
      await mkdir(target)
      await writeFile(join(target, 'events.ndjson'), 'what was there before\n')
      const { exit, out, err } = await replay(capture, join(target, 'events.ndjson'))
      expect(exit).toBe(2)
      expect(out).toBe('')
      expect(err).toMatch(place)
      expect(err).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
      expect(await readdir(target)).toEqual(['events.ndjson'])
      expect(await readFile(join(target, 'events.ndjson'), 'utf8')).toBe('what was there before\n')
    })
  })
})

test('links are not followed, pipes not opened, and both are named', async () => {
  await withCase(miniature({}), async (capture, lab) => {
    await writeFile(
      join(lab, 'secret'),
      '[1795360212.110000]\t    [NEW] udp 17 30 src=10.8.0.2 dst=192.0.2.99 sport=1 dport=2 [UNREPLIED] src=192.0.2.99 dst=10.8.0.2 sport=2 dport=1\n',
    )
    await symlink(join(lab, 'secret'), join(capture, 'gw1', 'conntrack.log.1'))
    await symlink(join(lab, 'secret'), join(capture, 'gw1', 'wg0.conf'))
    await symlink(lab, join(capture, 'gw9'))
    await run(
      'mkfifo',
      ['kern.log.1', 'ruleset.json', 'conntrack.stderr'].map((name) => join(capture, 'gw1', name)),
    )
    await run('mkfifo', [join(capture, 'notes')])
    const file = join(lab, 'events.ndjson')
    const { exit, out } = await replay(capture, file)
    expect(exit).toBe(0)
    for (const name of ['conntrack.log.1', 'wg0.conf', 'kern.log.1', 'ruleset.json', 'conntrack.stderr'])
      expect(out).toContain(`gw1/${name}`)
    expect(out).toContain('gw9')
    expect(await readFile(file, 'utf8')).not.toContain('192.0.2.99')
  })
})

test.each(['inventory.yaml', 'pipeline.yaml'])('a %s that is a link or a pipe is not read', async (name) => {
  const one = miniature({})
  one.files.delete(name)
  await withCase(one, async (capture, lab) => {
    await run('mkfifo', [join(capture, name)])
    const { exit, out } = await replay(capture, join(lab, 'events.ndjson'))
    expect(exit).toBe(0)
    expect(out).toContain(name)
  })
})

test('a compressed file that ends early: what is there is read, the rest is said to be lost', async () => {
  const one = await demoCase()
  const log = one.files.get('gw1/conntrack.log') ?? ''
  one.files.delete('gw1/conntrack.log')
  const whole = await replayCase(one)
  await withCase(one, async (capture, lab) => {
    const packed = gzipSync(Buffer.from(log, 'latin1'))
    await writeFile(join(capture, 'gw1', 'conntrack.log.gz'), packed.subarray(0, packed.length * 0.6))
    const { exit, out } = await replay(capture, join(lab, 'events.ndjson'))
    expect(exit).toBe(0)
    expect(out).toMatch(/gw1\/conntrack\.log\.gz: .*lost/)
    const row = printedRows(out).find(({ source }) => source === 'gw1 conntrack')
    expect(row?.lines).toBeGreaterThan(500)
    for (const each of printedRows(out)) expect(each.counted, each.source).toBe(each.lines)
    expect((await readFile(join(lab, 'events.ndjson'), 'utf8')).length).toBeGreaterThan(whole.ndjson.length)
  })
})

test('a folder whose name is no UTF-8 is named or read, and stops nothing', async () => {
  await withCase(miniature({}), async (capture, lab) => {
    const folder = Buffer.concat([Buffer.from(`${capture}/gw`), Buffer.from([0xff, 0x80])])
    await mkdir(folder)
    await writeFile(Buffer.concat([folder, Buffer.from('/kern.log')]), 'x\n')
    const { exit, out, err } = await replay(capture, join(lab, 'events.ndjson'))
    expect([exit, err]).toEqual([0, ''])
    expect(out).toContain('gw1')
  })
})
