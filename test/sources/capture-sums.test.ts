import { createHash } from 'node:crypto'
import { appendFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { findCapture } from '../../src/sources/capture.ts'
import { checkSums, type SumsCheck } from '../../src/sources/capture-sums.ts'

const made: string[] = []

afterEach(async () => {
  for (const directory of made.splice(0)) await rm(directory, { recursive: true })
})

const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** A capture of these files, with the sums of all of them, before `change`. */
async function capture(files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'peertrail-sums-'))
  made.push(directory)
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(directory, dirname(name)), { recursive: true })
    await writeFile(join(directory, name), text)
  }
  const sums = Object.entries(files).map(([name, text]) => `${sha256(text)}  ${name}\n`)
  await writeFile(join(directory, 'SHA256SUMS'), sums.join(''))
  return directory
}

async function check(directory: string): Promise<SumsCheck> {
  const found = await checkSums(directory, await findCapture(directory))
  if (found === null) throw new Error('no sums')
  return found
}

const FILES = { 'gw/kern.log': 'one\n', 'gw/kern.log.1': 'zero\n', 'gw/wg0.conf': '[Interface]\n', 'pipeline.yaml': '' }

describe('SHA256SUMS', () => {
  test('of an untouched capture: everything is intact, and the list has a hash of its own', async () => {
    const directory = await capture(FILES)
    const text = Object.entries(FILES).map(([name, bytes]) => `${sha256(bytes)}  ${name}\n`)
    expect(await check(directory)).toEqual({
      sha256: sha256(text.join('')),
      listed: 4,
      intact: 4,
      changed: [],
      missing: [],
      unlisted: [],
      malformed: [],
    })
    expect((await findCapture(directory)).ignored).toEqual([])
  })

  test('name what was changed, taken away and put in', async () => {
    const directory = await capture(FILES)
    await appendFile(join(directory, 'gw/kern.log'), 'x')
    await rm(join(directory, 'gw/kern.log.1'))
    await writeFile(join(directory, 'gw/audit.log'), '')
    await writeFile(join(directory, 'gw/conntrack.stderr'), '')
    // Not read by a replay, and people's own.
    await writeFile(join(directory, 'gw/sshd.log'), '')
    await writeFile(join(directory, 'inventory.yaml'), '')
    expect(await check(directory)).toMatchObject({
      listed: 4,
      intact: 2,
      changed: ['gw/kern.log'],
      missing: ['gw/kern.log.1'],
      unlisted: ['gw/audit.log', 'gw/conntrack.stderr'],
    })
  })

  test('do not lead outside: links count as missing, other paths as unreadable lines', async () => {
    const directory = await capture(FILES)
    const outside = await capture({ 'secret.log': 'secret\n', 'x/kern.log': '' })
    await symlink(join(outside, 'secret.log'), join(directory, 'gw/link.log'))
    await symlink(outside, join(directory, 'away'))
    const digest = sha256('secret\n')
    const lines = [
      `${digest}  gw/link.log`,
      `${digest}  away/secret.log`,
      `${digest}  gw`,
      `${digest}  ../${outside.split('/').at(-1)}/secret.log`,
      `${digest}  ${outside}/secret.log`,
      `\\${digest}  gw/a\\nb`,
      `${digest} gw/kern.log`,
      'no sum at all',
    ]
    await appendFile(join(directory, 'SHA256SUMS'), lines.map((line) => `${line}\n`).join(''))
    expect(await check(directory)).toMatchObject({
      listed: 7,
      intact: 4,
      missing: ['away/secret.log', 'gw', 'gw/link.log'],
      malformed: [8, 9, 10, 11, 12],
    })
  })

  test('take the other forms of sha256sum, and doubt a file that is listed with two sums', async () => {
    const directory = await capture(FILES)
    const forms = [
      `${sha256('one\n').toUpperCase()} *./gw/kern.log\r`,
      `${sha256('zero\n')}  ./gw/kern.log.1`,
      `${sha256('')}  gw/wg0.conf`,
      `${sha256('[Interface]\n')}  gw/wg0.conf`,
    ]
    await writeFile(join(directory, 'SHA256SUMS'), forms.join('\n'))
    expect(await check(directory)).toMatchObject({ listed: 3, intact: 2, changed: ['gw/wg0.conf'], malformed: [] })
  })

  test('that are missing or no plain file are no sums', async () => {
    const directory = await capture(FILES)
    await rm(join(directory, 'SHA256SUMS'))
    expect(await checkSums(directory, await findCapture(directory))).toBe(null)
    await mkdir(join(directory, 'SHA256SUMS'))
    expect(await checkSums(directory, await findCapture(directory))).toBe(null)
  })

  test('of any bytes never throw and never count a file twice; one beyond all bounds is refused', async () => {
    const directory = await capture(FILES)
    const piece = fc.constantFrom(
      sha256('one\n'),
      '  ',
      ' *',
      'gw/kern.log',
      '../',
      './',
      '\n',
      '\r\n',
      '\0',
      '\\',
      'é',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(piece, fc.string()), { maxLength: 20 }), async (pieces) => {
        await writeFile(join(directory, 'SHA256SUMS'), pieces.join(''))
        const { listed, intact, changed, missing } = await check(directory)
        expect(listed).toBe(intact + changed.length + missing.length)
      }),
      { numRuns: 60 },
    )
    await writeFile(join(directory, 'SHA256SUMS'), Buffer.alloc(4 * 1024 * 1024 + 1, 10))
    await expect(check(directory)).rejects.toMatchObject({ code: 'cannot-read' })
  })
})
