/** Goal: `replay` says loudly when a capture is not what was gathered, and makes its documents all the same. */
import { createHash } from 'node:crypto'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { runReplay } from '../../src/commands/replay.ts'
import { DEMO, replayCapture, withCopy } from '../replay-capture.ts'
import { filesBelow } from '../tidy/tree.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

/** Writes SHA256SUMS of everything in the copy, and gives its hash. */
async function addSums(directory: string): Promise<string> {
  const names = filesBelow('pipelines/demo').map((path) => path.slice('pipelines/demo/'.length))
  const lines = await Promise.all(
    names.map(async (name) => `${hash(await readFile(join(directory, name)))}  ${name}\n`),
  )
  await writeFile(join(directory, 'SHA256SUMS'), lines.join(''))
  return hash(lines.join(''))
}

const hash = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex')

test('a capture that is what was gathered: exit 0, the hash of the list in the summary, the same documents', async () => {
  const plain = await replayCapture(DEMO)
  await withCopy(async (directory) => {
    const sums = await addSums(directory)
    const { exit, printed, ndjson } = await replayCapture(directory)
    expect(exit).toBe(0)
    expect(printed).toContain(`unchanged since gathered; SHA-256 of the list: ${sums}\n`)
    expect(printed).not.toMatch(/not read: .*SHA256SUMS/)
    expect(ndjson).toBe(plain.ndjson)
  })
})

test('one that is not: exit 1, said first and in the JSON, documents are made', async () => {
  await withCopy(async (directory) => {
    await addSums(directory)
    await appendFile(join(directory, 'gw1/kern.log'), 'added\n')
    await writeFile(join(directory, 'gw1/wg9.conf'), '[Interface]\n')
    const { exit, printed, ndjson } = await replayCapture(directory)
    expect(exit).toBe(1)
    expect(printed).toMatch(/^SHA256SUMS: THIS IS NOT WHAT WAS GATHERED: \d+ of \d+ files unchanged/)
    expect(printed).toContain('  changed: gw1/kern.log\n  read, but not in the list: gw1/wg9.conf\n')
    expect(ndjson.length).toBeGreaterThan(1000)
    const terminal = createMemoryTerminal()
    const args = { directory, ndjson: '', store: '', pipeline: '', isJson: true }
    expect(await runReplay(args, terminal, new Writable())).toBe(1)
    expect(JSON.parse(terminal.printed())).toMatchObject({
      sums: { changed: ['gw1/kern.log'], missing: [], unlisted: ['gw1/wg9.conf'], malformed: [] },
    })
  })
})

test('a capture without sums says nothing of them', async () => {
  const { exit, printed } = await replayCapture(DEMO)
  expect(exit).toBe(0)
  expect(printed).not.toContain('SHA256SUMS')
})
