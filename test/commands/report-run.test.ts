/** Goal: every kind of report leaves as whole, checkable files; the same question gives the same bytes. Method: the commands as a person types them, over the demo's store. */
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readManifestText } from '../../src/reports/evidence/manifest.ts'
import { type Asked, asked } from '../services/answers-asked.ts'
import { NOW } from './asking.ts'
import { type StoredDemo, storeDemo } from './stored-demo.ts'

let demo: StoredDemo
let scratch: string
beforeAll(async () => {
  demo = await storeDemo()
  scratch = await mkdtemp(join(tmpdir(), 'peertrail-reports-'))
})
afterAll(async () => {
  await demo.remove()
  rmSync(scratch, { recursive: true, force: true })
})

const report = (...words: readonly string[]): Promise<Asked> => asked(['report', ...words, '--store', demo.dir], NOW)
const verify = (path: string): Promise<Asked> => asked(['verify', path, '--store', demo.dir], NOW)

/** Names and bytes of all files below a folder. */
function contents(dir: string): Record<string, string> {
  const names = readdirSync(dir, { recursive: true }).map(String).sort()
  const files = names.filter((name) => statSync(join(dir, name)).isFile())
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(dir, name), 'latin1')]))
}

const KINDS: readonly (readonly [string, ...string[]])[] = [
  ['access'],
  ['incident', '--peer', 'cedar'],
  ['review'],
  ['requirements'],
  ['coverage'],
  ['revocation', '--peer', 'cedar'],
  ['exposure', '--all'],
]

describe.each(KINDS.map((words) => ({ words, kind: words[0] })))('report $kind', ({ words }) => {
  test('into a folder: whole, checkable, and the same bytes again', async () => {
    const first = join(scratch, `${words[0]}-1`)
    const second = join(scratch, `${words[0]}-2`)
    const formats = ['--format', 'html,json,csv,ndjson']
    const made = await report(...words, '--out', first, ...formats)
    const again = await report(...words, '--out', second, ...formats)
    expect([made.status, again.status]).toEqual([made.status, made.status])
    expect(made.status).toBeLessThanOrEqual(1)
    expect(contents(second)).toEqual(contents(first))
    const checked = await verify(first)
    expect(checked.status, checked.stdout).toBe(0)
    const { manifest } = readManifestText(readFileSync(join(first, 'manifest.json'), 'utf8'))
    for (const { name, rows } of manifest?.files ?? []) {
      const text = readFileSync(join(first, name), 'utf8')
      if (name.endsWith('.ndjson')) expect(text.split('\n')).toHaveLength((rows ?? 0) + 1)
    }
  })

  test('printed: the answer first, and the command that gives it again', async () => {
    const { stdout } = await report(...words)
    expect(stdout).not.toMatch(/[^\P{Cc}\n]/u)
  })
})

test.each([['coverage'], ['revocation', '--peer', 'cedar']])('one object with --json: %s', async (...words) => {
  const { stdout } = await report(...words, '--json')
  expect(stdout.split('\n')).toHaveLength(2)
  expect(() => JSON.parse(stdout)).not.toThrow()
})

test('the command that stands in a report gives the same report', async () => {
  const [first, second] = [join(scratch, 'again-1'), join(scratch, 'again-2')]
  await report('access', '--last', '36500d', '--resource', 'db1-sql', '--out', first)
  const { manifest } = readManifestText(readFileSync(join(first, 'manifest.json'), 'utf8'))
  const command = String(manifest?.report.command)
  expect(command).toMatch(/^peertrail report access --resource db1-sql --since \S+ --until \S+ --report-time \S+$/)
  await asked([...command.split(' ').slice(1), '--store', demo.dir, '--out', second], NOW + 1e9)
  expect(contents(second)).toEqual(contents(first))
})

describe('what stands in a report asks the same again', () => {
  const idOf = (stdout: string): [string, string] => {
    const { report: said } = JSON.parse(stdout) as { report: { id: string; command: string } } // printed by the command
    return [said.id, said.command]
  }
  const inventory = 'pipelines/demo/inventory.yaml'

  test.each([
    [
      ['review', '--inventory', inventory],
      ['--inventory', inventory],
    ],
    [
      ['requirements', '--inventory', inventory],
      ['--inventory', inventory],
    ],
    [['review', '--every-clause'], ['--every-clause']],
    [
      ['revocation', '--peer', 'cedar', '--compromised-at', '-50m', '--report-time', '2026-11-22T15:30'],
      ['--compromised-at', '2026-11-22T15:10:00.000Z'],
    ],
    [
      ['exposure', '--all', '--since', '-2h', '--report-time', '2026-11-22T15:30'],
      ['--since', '2026-11-22T14:00:00.000Z'],
    ],
  ] as const)('%j', async (words, stands) => {
    const [id, command] = idOf((await report(...words, '--json')).stdout)
    expect(command).toContain(stands.join(' '))
    const again = await asked([...command.split(' ').slice(1), '--json', '--store', demo.dir], NOW + 1e9)
    expect(idOf(again.stdout)).toEqual([id, command])
  })

  test('another inventory is another report', async () => {
    const [own] = idOf((await report('requirements', '--json')).stdout)
    const other = join(scratch, 'other.yaml')
    writeFileSync(other, `${readFileSync(new URL(`../../${inventory}`, import.meta.url), 'utf8')}\n# changed\n`)
    const [first] = idOf((await report('requirements', '--json', '--inventory', other)).stdout)
    writeFileSync(other, readFileSync(new URL(`../../${inventory}`, import.meta.url), 'utf8'))
    const [second] = idOf((await report('requirements', '--json', '--inventory', other)).stdout)
    expect(new Set([own, first, second]).size).toBe(3)
  })
})

test('a store that is not what an anchor says ends with 1, and is another report', async () => {
  const words = ['exposure', '--all', '--report-time', '2026-11-22T15:30']
  const whole = await report(...words)
  const broken = await report(...words, '--anchor', `1:${'a'.repeat(64)}`)
  expect([whole.status, broken.status]).toEqual([0, 1])
  expect(broken.stdout).toContain('not as it was sealed')
  expect(broken.stdout).not.toContain('none were given')
  const idOf = ({ stdout }: Asked) => /report id +(\S+)/.exec(stdout)?.[1]
  expect(idOf(broken)).not.toBe(idOf(whole))
})

test.each([['access'], ['incident']])('%s of somebody whom nobody knows is a report that says so', async (kind) => {
  const { status, stdout } = await report(kind, '--peer', 'nobody-like-this')
  expect(status).toBe(1)
  expect(stdout).toContain('nobody-like-this')
  expect(stdout).toContain('How complete the records are')
})

test('a pack is checked without its store', async () => {
  const pack = join(scratch, 'case-1.tar.gz')
  const made = await report('incident', '--peer', 'cedar', '--pack', pack)
  expect(made.status, made.stderr).toBe(1)
  expect(readdirSync(scratch).filter((name) => name.startsWith('.'))).toEqual([])
  const checked = await asked(['verify', pack, '--json'], NOW)
  expect(checked.status, checked.stdout).toBe(0)
})

test('with pseudonyms nobody of the inventory is in any file, and the secret says who they are', async () => {
  const [secret, dir] = [join(scratch, 'secret'), join(scratch, 'hidden')]
  expect((await asked(['keygen', '--pseudonyms', '--out', secret], NOW)).status).toBe(0)
  const made = await report('access', '--out', dir, '--pseudonymise', secret)
  expect(made.stderr).not.toContain('error')
  const text = Object.values(contents(dir)).join('\n') + made.stdout
  const inventory = readFileSync(new URL('../../pipelines/demo/inventory.yaml', import.meta.url), 'utf8')
  const emails = [...inventory.matchAll(/[\w.-]+@example\.(?:com|org)/g)].map(([email]) => email)
  const keys = [...inventory.matchAll(/[\w+/]{43}=/g)].map(([key]) => key)
  expect(emails.length).toBeGreaterThan(5)
  for (const word of [...emails, ...keys]) expect(text.includes(word), word).toBe(false)
  const revealed = await asked(['report', 'reveal', dir, '--key', secret], NOW)
  expect(
    emails.some((email) => revealed.stdout.includes(email)),
    revealed.stderr,
  ).toBe(true)
})

test('with pseudonyms the command does not name whom it asked about either, known or not', async () => {
  const secret = join(scratch, 'secret-2')
  expect((await asked(['keygen', '--pseudonyms', '--out', secret], NOW)).status).toBe(0)
  for (const [i, peer] of ['Carol Danvers', 'CEDAR'].entries()) {
    const dir = join(scratch, `asked-${i}`)
    const made = await report('incident', '--peer', peer, '--out', dir, '--pseudonymise', secret)
    const text = Object.values(contents(dir)).join('\n') + made.stdout
    expect(text.toLowerCase()).not.toContain(peer.toLowerCase())
    const revealed = await asked(['report', 'reveal', dir, '--key', secret], NOW)
    expect(revealed.stdout).toContain(peer)
  }
})

describe('refused, with what to do instead', () => {
  test.each([
    [['incident'], 'what is the incident about?'],
    [['incident', '--peer', 'cedar', '--resource', 'db1-sql'], 'an incident is about one thing'],
    [['access', '--sign', 'nowhere.key'], '--sign signs the files of a report'],
    [['access', '--out', 'x', '--json'], '--json prints the report'],
    [['access', '--month', '2026-13'], '--month'],
    [['incident', '--peer', 'cedar', '--pack', 'case.zip'], '--pack: expected a file such as'],
    [['access', '--since', '2027-01-01'], 'the records end there'],
  ] as const)('%j', async (words, complaint) => {
    const { status, stderr } = await report(...words)
    expect(status).toBe(2)
    expect(stderr).toContain(complaint)
  })

  test('a folder with other things in it is left as it is', async () => {
    const { status, stderr } = await report('coverage', '--out', join(demo.dir, 'segments'))
    expect([status, stderr.includes('holds no report of ours')]).toEqual([2, true])
  })
})
