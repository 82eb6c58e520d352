/** `report reveal` as a person runs it: who is meant, with the right secret alone, and recorded. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type RevealArguments, runReveal } from '../../src/commands/report-reveal.ts'
import { sealMapping } from '../../src/reports/privacy/pseudonym-mapping.ts'
import { createPseudonyms } from '../../src/reports/privacy/pseudonyms.ts'
import { madePeople, OTHER_SECRET, SECRET } from '../reports/privacy/made-people.ts'
import { NOW } from './asking.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

let dir = ''
let ivy = ''
let hostile = ''

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'peertrail-reveal-'))
  const pseudonyms = createPseudonyms(SECRET, madePeople({ peer: ['ivy', 'x\u001b[2Jy'], person: ['Ann Lee'] }))
  ivy = pseudonyms.text('ivy')
  hostile = pseudonyms.text('x\u001b[2Jy')
  writeFileSync(join(dir, 'pseudonyms.json'), sealMapping(SECRET, pseudonyms.used()))
  for (const [name, secret] of [
    ['right.key', SECRET],
    ['other.key', OTHER_SECRET],
  ] as const)
    writeFileSync(join(dir, name), `${secret.toString('base64')}\n`, { mode: 0o600 })
})

afterEach(() => rmSync(dir, { recursive: true }))

async function reveal(more: Partial<RevealArguments> = {}) {
  const terminal = createMemoryTerminal()
  const args = { path: dir, pseudonyms: [], key: join(dir, 'right.key'), isJson: false, ...more }
  const exit = await runReveal(args, { terminal, environment: { XDG_STATE_HOME: join(dir, 'state') }, now: NOW })
  return { exit, printed: terminal.printed(), said: terminal.said() }
}

const refused = (more: Partial<RevealArguments>) => reveal(more).catch((error: unknown) => error)

describe('who is meant', () => {
  test('all of a report, fit for a terminal', async () => {
    const { exit, printed } = await reveal()
    expect(exit).toBe(0)
    expect(printed.split('\n').sort()).toEqual(['', `${hostile}  x\\x1b[2Jy`, `${ivy}  ivy`].sort())
  })

  test('one of them, from the file itself, as JSON', async () => {
    const { printed } = await reveal({ path: join(dir, 'pseudonyms.json'), pseudonyms: [ivy], isJson: true })
    expect(JSON.parse(printed)).toEqual({ pseudonyms: [{ pseudonym: ivy, kind: 'peer', texts: ['ivy'] }], missing: [] })
  })

  test('one that the report does not have', async () => {
    const { exit, printed, said } = await reveal({ pseudonyms: ['person-00000000'] })
    expect([exit, printed, said]).toEqual([1, '', '"person-00000000" is not in this report\n'])
  })

  test('who asked is recorded, and not where the secret lies', async () => {
    await reveal({ pseudonyms: [ivy] })
    const folder = join(dir, 'state', 'peertrail', 'access-log')
    const text = readdirSync(folder)
      .filter((name) => name.endsWith('.ndjson'))
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('')
    expect(text).toContain('report-revealed')
    expect(text).toContain(ivy)
    expect(text).not.toContain('right.key')
  })
})

describe('refused', () => {
  test('another secret', async () => {
    expect(await refused({ key: join(dir, 'other.key') })).toMatchObject({
      code: 'bad-secret',
      message: expect.stringContaining('was made with another secret'),
    })
  })

  test('a secret that others may read', async () => {
    chmodSync(join(dir, 'right.key'), 0o644)
    expect(await refused({})).toMatchObject({ code: 'bad-secret' })
  })

  test('a mapping that was changed', async () => {
    const file = join(dir, 'pseudonyms.json')
    const text = readFileSync(file, 'utf8')
    const { data } = JSON.parse(text)
    writeFileSync(file, text.replace(data, Buffer.from(data, 'base64').fill(0, 0, 1).toString('base64')))
    expect(await refused({})).toMatchObject({
      code: 'cannot-read',
      message: expect.stringContaining('was changed since'),
    })
  })

  test('a folder without one, and a file that is something else', async () => {
    expect(await refused({ path: tmpdir() })).toMatchObject({ code: 'cannot-read' })
    expect(await refused({ path: join(dir, 'right.key') })).toMatchObject({ code: 'usage' })
    expect(await refused({ path: join(dir, 'nothing') })).toMatchObject({ code: 'cannot-read' })
  })
})
