/** `inventory diff` on files as they lie on a disk: what is compared with what, at which time, and how it is told. */
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type InventoryDiffArgs, runInventoryDiff } from '../../src/commands/inventory-diff.ts'
import { parseInstant } from '../../src/quantities.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

const fixtures = `${import.meta.dirname}/../fixtures/inventory-diff`
const DEMO = `${import.meta.dirname}/../../pipelines/demo`
const EVERYTHING = `${fixtures}/everything`
const NOW = parseInstant('2026-11-22T16:00:00Z') ?? 0
const WIDTH = 100

const none: InventoryDiffArgs = { paths: [], inventory: '', gateway: '', at: null, isJson: false, isCsv: false }
let directory = ''

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'peertrail-'))
})

afterEach(async () => {
  await rm(directory, { recursive: true })
})

async function diff(args: Partial<InventoryDiffArgs>, color = false) {
  const terminal = createMemoryTerminal(color)
  const exit = await runInventoryDiff({ ...none, ...args }, NOW, terminal)
  return { exit, printed: terminal.printed(), said: terminal.said() }
}

/** The JSON answer; what a gateway's snapshot was taken for, and one line a difference. */
async function told(args: Partial<InventoryDiffArgs>) {
  const { exit, printed, said } = await diff({ ...args, isJson: true })
  const { at, gateways, differences } = JSON.parse(printed)
  return {
    exit,
    said,
    at,
    gateways: gateways.map((each: { name: string; snapshot: string | null }) => `${each.name} ${each.snapshot}`),
    differences: differences.map((each: { kind: string; peer: string }) => `${each.kind} ${each.peer}`.trim()),
  }
}

describe('for people', () => {
  test.each([
    ['demo', DEMO],
    ['everything', EVERYTHING],
  ])('%s', async (name, path) => {
    const { exit, printed, said } = await diff({ paths: [path] })
    expect({ exit, said }).toEqual({ exit: 1, said: '' })
    await expect(printed).toMatchFileSnapshot(`${fixtures}/${name}/expected.txt`)
    for (const line of printed.split('\n')) expect(Array.from(line).length, line).toBeLessThanOrEqual(WIDTH)
    expect(printed).not.toMatch(/[^\n\P{Cc}]|\p{Cf}/u)
  })

  test('colours change nothing else', async () => {
    const [plain, colored] = [await diff({ paths: [EVERYTHING] }), await diff({ paths: [EVERYTHING] }, true)]
    expect(colored.printed).toContain('\u001b[31munknown-peer\u001b[39m')
    expect(stripVTControlCharacters(colored.printed)).toBe(plain.printed)
  })

  test('names too long for a column are cut, of very many differences some are shown', async () => {
    const host = 'g'.repeat(200)
    const rows = Array.from({ length: 150 }, (_, i) => peerRow(keyOf(i), '10.8.0.2/32')).join('')
    await writeFile(join(directory, 'dump'), `# 2026-11-22T15:00:00Z ${host}\n${interfaceRow}${rows}`)
    await writeFile(join(directory, 'i.yaml'), 'version: 1\n')
    const { printed } = await diff({ paths: [join(directory, 'dump')], inventory: join(directory, 'i.yaml') })
    for (const line of printed.split('\n')) expect(Array.from(line).length, line).toBeLessThanOrEqual(WIDTH)
    expect(printed).toContain('  … and 50 more: --json and --csv have all\n')
    expect(printed.match(/^ {2}g+… {2}Key /gm)).toHaveLength(100)
  })

  test('nothing to say is said, and is a success', async () => {
    await writeFile(join(directory, 'dump'), `# 2026-11-22T15:00:00Z gw1\n${interfaceRow}`)
    await writeFile(join(directory, 'i.yaml'), 'version: 1\ngateways: [{ name: gw1, interfaces: [wg0] }]\n')
    const { exit, printed } = await diff({ paths: [join(directory, 'dump')], inventory: join(directory, 'i.yaml') })
    expect(exit).toBe(0)
    expect(printed).toMatch(
      /^no differences between what runs and what is documented\ninventory [0-9a-f]{16}, as of 2026-11-22 15:00:00 UTC\n/,
    )
  })
})

describe('for programs', () => {
  test('JSON is one object of printable ASCII', async () => {
    const { exit, printed } = await diff({ paths: [EVERYTHING], isJson: true })
    expect(exit).toBe(1)
    expect(printed).toMatch(/^[\x20-\x7e]+\n$/)
    const { at, gateways, differences } = JSON.parse(printed)
    expect(at).toBe('2026-11-22T15:00:01.000Z')
    expect(gateways).toEqual([
      {
        name: 'gw1',
        at: '2026-11-22T15:00:00.250Z',
        observed: true,
        snapshot: '2026-11-22T15:00:00.250Z',
        interfaces: 1,
        peers: 10,
      },
      {
        name: 'gw2',
        at: '2026-11-22T15:00:01.000Z',
        observed: true,
        snapshot: '2026-11-22T15:00:01.000Z',
        interfaces: 2,
        peers: 2,
      },
      { name: 'gw3', at: '2026-11-22T15:00:01.000Z', observed: false, snapshot: null, interfaces: 0, peers: 0 },
    ])
    expect(differences).toHaveLength(21)
    expect(differences.find((each: { peer: string }) => each.peer === 'known')).toMatchObject({
      kind: 'owner-left',
      lastHandshake: '2026-11-22T11:06:42.000Z',
      exception: {
        reason: 'handed over next week',
        approvedBy: 'carol@example.com',
        until: '2026-12-31T00:00:00.000Z',
      },
    })
  })

  test('CSV has a row a difference, and no formula', async () => {
    const { exit, printed } = await diff({ paths: [EVERYTHING], isCsv: true })
    expect(exit).toBe(1)
    const lines = printed.trimEnd().split('\n')
    expect(lines).toHaveLength(22)
    expect(lines[0]).toMatch(/^kind,gateway,interface,peer,public_key,/)
    expect(printed).toContain(",'=\\u202ehostile 'name' ")
    expect(printed).not.toMatch(/(?:^|,)[=+@-]/m)
  })

  test('no secret of a dump comes out', async () => {
    const secret = `${'+'.repeat(42)}8=`
    expect(await readFile(`${EVERYTHING}/gw1/wg.snapshots`, 'utf8')).toContain(secret)
    for (const args of [{}, { isJson: true }, { isCsv: true }]) {
      expect((await diff({ paths: [EVERYTHING], ...args })).printed).not.toContain(secret)
    }
  })

  test('both at once make no sense', async () => {
    await expect(diff({ paths: [DEMO], isJson: true, isCsv: true })).rejects.toMatchObject({ code: 'usage' })
  })
})

describe('the demo', () => {
  test('differs where it was made to differ, and nowhere else', async () => {
    const { exit, at, differences } = await told({ paths: [DEMO] })
    expect(exit).toBe(1)
    expect(at).toBe('2026-11-22T15:13:10.676Z')
    expect(differences).toEqual([
      'unknown-peer',
      'peer-expired rowan',
      'prefix-undocumented elm',
      'prefix-undocumented juniper',
      'no-owner spruce',
      'key-not-running quince',
    ])
  })

  test('--at goes back, and decides about dates', async () => {
    const before = await told({ paths: [DEMO], at: '15:11:20', gateway: 'gw1' })
    expect(before.gateways).toEqual(['gw1 2026-11-22T15:11:19.397Z'])
    expect(before.differences).toEqual((await told({ paths: [DEMO], gateway: 'gw1' })).differences)
    // The same rows by the dates of 15:12:40, when cedar and the old key of pine were over.
    await mkdir(join(directory, 'gw1'))
    const text = await readFile(`${DEMO}/gw1/wg.snapshots`, 'latin1')
    await writeFile(join(directory, 'gw1/wg.snapshots'), text.slice(0, text.indexOf('# 2026-11-22T15:11:20')), 'latin1')
    await copyFile(`${DEMO}/inventory.yaml`, join(directory, 'inventory.yaml'))
    const stale = await told({ paths: [directory], at: '15:12:40', gateway: 'gw1' })
    expect(stale.gateways).toEqual(before.gateways)
    expect(stale.differences).toEqual([
      'unknown-peer',
      'key-outside-dates cedar',
      'key-outside-dates pine',
      'peer-expired rowan',
      'prefix-undocumented elm',
      'prefix-undocumented juniper',
      'key-not-running alder',
      'key-not-running pine',
      'key-not-running quince',
    ])
  })

  test('a time before all of it is refused, with the oldest there is', async () => {
    await expect(diff({ paths: [DEMO], at: '-7d' })).rejects.toMatchObject({
      code: 'usage',
      message: 'no snapshot at or before 2026-11-15 16:00:00 UTC',
      advice: 'The oldest one is of 2026-11-22 15:09:26.964 UTC.',
    })
    await expect(diff({ paths: [DEMO], at: 'noon' })).rejects.toMatchObject({ code: 'usage' })
  })

  test('--gateway leaves the others out, and knows who is meant', async () => {
    const { gateways, differences } = await told({ paths: [DEMO], gateway: 'gw2' })
    expect(gateways).toEqual(['gw2 2026-11-22T15:13:10.676Z'])
    expect(differences).toEqual(['no-owner spruce'])
    await expect(diff({ paths: [DEMO], gateway: 'gw22' })).rejects.toMatchObject({
      code: 'usage',
      message: 'gateway "gw22" neither runs nor is documented; did you mean "gw2"?',
    })
  })
})

describe('files', () => {
  const inventory = `${DEMO}/inventory.yaml`

  test('a snapshot file names its gateway; the others are not there', async () => {
    const { gateways, differences } = await told({ paths: [`${DEMO}/gw2/wg.snapshots`], inventory })
    expect(gateways).toEqual(['gw1 null', 'gw2 2026-11-22T15:13:10.676Z'])
    expect(differences).toEqual(['no-owner spruce', 'no-snapshot'])
  })

  test('a dump without a date is taken for now, and that is said', async () => {
    const path = join(directory, 'dump')
    const text = await readFile(`${DEMO}/gw2/wg.snapshots`, 'latin1')
    await writeFile(path, text.slice(text.lastIndexOf('#')).replace(/^.*\n/, ''), 'latin1')
    await expect(diff({ paths: [path], inventory })).rejects.toMatchObject({
      code: 'usage',
      advice: 'Name it with --gateway.',
    })
    const now = await told({ paths: [path], inventory, gateway: 'gw2' })
    expect(now.at).toBe('2026-11-22T16:00:00.000Z')
    expect(now.said).toBe('gw2: the dump has no date and is taken for what runs now, 2026-11-22 16:00:00 UTC\n')
    expect(now.differences).toEqual(['no-owner spruce'])
    const later = await told({ paths: [path], inventory, gateway: 'gw2', at: '2029-01-01' })
    expect(later.said).toBe('gw2: the dump has no date and is taken for what ran at 2029-01-01 00:00:00 UTC\n')
    expect(later.differences).toContain('peer-expired maple')
  })

  test('of a gateway given twice the newest counts', async () => {
    const older = join(directory, 'older')
    const text = await readFile(`${DEMO}/gw1/wg.snapshots`, 'latin1')
    await writeFile(older, text.slice(0, text.indexOf('# 2026-11-22T15:11:20')), 'latin1')
    const { said, gateways } = await told({ paths: [DEMO, older], gateway: 'gw1' })
    expect(gateways).toEqual(['gw1 2026-11-22T15:13:10.670Z'])
    expect(said).toBe('gw1: given more than once; the newest snapshot is compared\n')
  })

  test('rotated and packed files are one history', async () => {
    await cp(DEMO, directory, { recursive: true })
    const file = join(directory, 'gw1/wg.snapshots')
    const text = await readFile(file, 'latin1')
    // Cut in the middle of a dump: its rows are in two files.
    const cut = text.indexOf('\n', text.indexOf('# 2026-11-22T15:11:20') + 300) + 1
    await writeFile(`${file}.1.gz`, gzipSync(Buffer.from(text.slice(0, cut), 'latin1')))
    await writeFile(file, text.slice(cut), 'latin1')
    const whole = await told({ paths: [DEMO], at: '15:10:30', gateway: 'gw1' })
    expect(whole.gateways).toEqual(['gw1 2026-11-22T15:10:29.797Z'])
    expect(await told({ paths: [directory], at: '15:10:30', gateway: 'gw1' })).toMatchObject({
      gateways: whole.gateways,
      differences: whole.differences,
    })
    expect((await told({ paths: [directory], gateway: 'gw1' })).gateways).toEqual(['gw1 2026-11-22T15:13:10.670Z'])
    // The dump that was cut is not taken for one with fewer peers.
    const at = /# (\S+)[^#]*$/.exec(text.slice(0, cut))?.[1] ?? ''
    const torn = await told({ paths: [directory], at, gateway: 'gw1' })
    expect(torn.gateways).not.toEqual([`gw1 ${new Date(at).toISOString()}`])
    expect(torn.differences).toEqual(whole.differences)
  })

  test('rows that cannot be read make a snapshot prove nothing', async () => {
    const path = join(directory, 'dump')
    const good = `# 2026-11-22T15:00:00Z gw2\n${interfaceRow}`
    await writeFile(path, `${good}# 2026-11-22T15:00:01Z gw2\n${interfaceRow}broken\n`)
    const { said, gateways } = await told({ paths: [path], inventory, gateway: 'gw2' })
    expect(gateways).toEqual(['gw2 2026-11-22T15:00:00.000Z'])
    expect(said).toContain('gw2: left out because of rows that cannot be read: 1 newer snapshot\n')
    await writeFile(
      path,
      `${good}# 2026-11-22T15:00:01Z gw2\n${interfaceRow}broken\n# 2026-11-22T15:00:02Z gw2\n${interfaceRow}`,
    )
    expect((await told({ paths: [path], inventory, gateway: 'gw2' })).said).not.toContain('left out')
    await writeFile(path, `${good}broken\n`)
    await expect(diff({ paths: [path], inventory })).rejects.toMatchObject({ code: 'cannot-read' })
  })

  test('a clock that was set back makes nothing newer', async () => {
    const path = join(directory, 'dump')
    const rows = (at: string, ...peers: string[]) => `# 2026-11-22T${at}Z gw2\n${interfaceRow}${peers.join('')}`
    const old = rows('14:30:00', peerRow(keyOf(1), '10.8.0.2/32'))
    await writeFile(path, rows('14:00:00') + rows('15:00:00') + old)
    const { gateways } = await told({ paths: [path], inventory, gateway: 'gw2' })
    expect(gateways).toEqual(['gw2 2026-11-22T15:00:00.000Z'])
    const before = await told({ paths: [path], inventory, gateway: 'gw2', at: '14:45' })
    expect(before.gateways).toEqual(['gw2 2026-11-22T14:30:00.000Z'])
    expect(before.differences).toContain('unknown-peer')
  })

  test('a gateway whose interfaces are all down was looked at', async () => {
    const path = join(directory, 'dump')
    await writeFile(path, '# 2026-11-22T15:00:00Z gw2\n')
    const { differences } = await told({ paths: [path], inventory, gateway: 'gw2' })
    expect(differences).toEqual(['interface-not-running'])
  })

  test('of which the first is younger than the time asked for are told', async () => {
    const [old, young] = [join(directory, 'old'), join(directory, 'young')]
    await writeFile(old, `# 2026-11-22T14:00:00Z gw1\n${interfaceRow}`)
    await writeFile(young, `# 2026-11-22T15:00:00Z gw2\n${interfaceRow}`)
    const { said, differences } = await told({ paths: [old, young], inventory, at: '14:30' })
    expect(said).toBe('gw2: no snapshot at or before 2026-11-22 14:30:00 UTC\n')
    expect(differences).toContain('no-snapshot')
  })

  test('what is missing is named', async () => {
    await expect(diff({ store: join(directory, 'x') })).rejects.toMatchObject({ code: 'no-store' })
    await expect(diff({ paths: [`${DEMO}/gw2/wg.snapshots`] })).rejects.toMatchObject({
      code: 'usage',
      message: 'no inventory is named',
    })
    await expect(diff({ paths: [DEMO, EVERYTHING] })).rejects.toMatchObject({ code: 'usage' })
    await expect(diff({ paths: [DEMO], inventory: join(directory, 'x') })).rejects.toMatchObject({
      code: 'cannot-read',
    })
    await expect(diff({ paths: [join(directory, 'x')] })).rejects.toMatchObject({ code: 'cannot-read' })
    await expect(diff({ paths: [directory] })).rejects.toMatchObject({ code: 'not-a-capture' })
    await writeFile(join(directory, 'i.yaml'), 'version: 2\n')
    await expect(diff({ paths: [DEMO], inventory: join(directory, 'i.yaml') })).rejects.toMatchObject({
      code: 'bad-inventory',
    })
  })
})

const interfaceRow = ['wg0', '(hidden)', `${'i'.repeat(42)}A=`, '51820', 'off'].join('\t').concat('\n')

function peerRow(publicKey: string, prefixes: string): string {
  return ['wg0', publicKey, '(none)', '(none)', prefixes, '0', '0', '0', 'off'].join('\t').concat('\n')
}

function keyOf(number: number): string {
  return Buffer.from(String(number).padStart(32, 'x')).toString('base64')
}
