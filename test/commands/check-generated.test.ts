/** `check` on generated files: which are current, stale, missing or none of ours, and `--write`. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runCheck } from '../../src/commands/check.ts'
import { generatedPlace } from '../../src/commands/check-generated.ts'
import { generatedFiles } from '../../src/elasticsearch/generated-files.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

const FLOW = 'mappings/elasticsearch/index-templates/logs-wireguard.flow.json'
const FINAL = 'pipelines/ingest/elasticsearch/logs-wireguard@final.json'
let directory = ''

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'peertrail-'))
})

afterEach(async () => {
  await rm(directory, { recursive: true })
})

async function check(isWrite: boolean, ...files: string[]) {
  const terminal = createMemoryTerminal()
  const exit = await runCheck(
    files.map((file) => join(directory, file)),
    terminal,
    isWrite,
  )
  return { exit, lines: terminal.printed().replaceAll(directory, 'DIR').trimEnd().split('\n') }
}

const countBelow = (folder: string) => [...generatedFiles().keys()].filter((path) => path.startsWith(folder)).length

describe('check of generated files', () => {
  test('--write makes them, and then they are current', async () => {
    const written = await check(true, 'mappings', 'pipelines/ingest')
    expect(written.exit).toBe(0)
    expect(written.lines).toContain(`ok DIR/${FLOW}: written`)
    expect(await readFile(join(directory, FLOW), 'utf8')).toBe(generatedFiles().get(FLOW))
    const [mappings, pipelines] = [countBelow('mappings/'), countBelow('pipelines/')]
    expect(await check(false, 'mappings', 'pipelines/ingest')).toEqual({
      exit: 0,
      lines: [
        `ok DIR/mappings: ${mappings} generated files, as this release makes them`,
        `ok DIR/pipelines/ingest: ${pipelines} generated files, as this release makes them`,
        `${mappings + pipelines} files checked, no problems`,
      ],
    })
  })

  test('tells the stale, the missing and the strange, and writes only the first two', async () => {
    await check(true, 'mappings', 'pipelines/ingest')
    const stale = (generatedFiles().get(FLOW) ?? '').replace('"priority": 250', '"priority": 100')
    const line = stale.split('\n').findIndex((text) => text.includes('"priority"')) + 1
    await writeFile(join(directory, FLOW), stale)
    await rm(join(directory, 'mappings/roles'), { recursive: true })
    await writeFile(join(directory, 'mappings/roles.md'), 'not looked at')
    await writeFile(join(directory, 'mappings/opensearch/mine.json'), '{}')
    const found = await check(false, 'mappings')
    const missing = countBelow('mappings/roles/')
    expect(missing).toBeGreaterThan(0)
    expect(found.exit).toBe(2)
    expect(found.lines).toContain(
      `DIR/${FLOW}:${line}:1: not what this release generates, from here on; \`check --write\` renews it`,
    )
    expect(found.lines).toContain(`${String(line).padStart(5)} |   "priority": 100,`)
    expect(found.lines.filter((each) => each.endsWith('missing; `check --write` makes it'))).toHaveLength(missing)
    expect(found.lines).toContain(
      'DIR/mappings/opensearch/mine.json: no file of this release; delete it, or keep it in another folder',
    )
    expect(found.lines.at(-1)).toBe(`${countBelow('mappings/') + 1} files checked, ${missing + 2} problems`)

    const renewed = await check(true, 'mappings')
    expect(renewed.exit).toBe(2)
    expect(renewed.lines.filter((each) => each.endsWith(': written'))).toHaveLength(missing + 1)
    expect(await readFile(join(directory, 'mappings/opensearch/mine.json'), 'utf8')).toBe('{}')
    expect((await check(false, 'mappings')).lines).toHaveLength(3)
  })

  test('takes one file, also one that is not there', async () => {
    expect(await check(false, FINAL)).toMatchObject({
      exit: 2,
      lines: [`DIR/${FINAL}: missing; \`check --write\` makes it`, '1 file checked, 1 problem'],
    })
    await check(true, FINAL)
    expect((await check(false, FINAL)).lines).toEqual([
      `ok DIR/${FINAL}: 1 generated file, as this release makes it`,
      '1 file checked, no problems',
    ])
    const text = generatedFiles().get(FINAL) ?? ''
    await writeFile(join(directory, FINAL), text.slice(0, -1))
    const last = text.split('\n').length - 1
    expect((await check(false, FINAL)).lines[0]).toContain(`${FINAL}:${last}:1: not what`)
    await writeFile(join(directory, FINAL), `${text}\n`)
    expect((await check(false, FINAL)).lines[0]).toContain(`${FINAL}:${last + 2}:1: not what`)
    await writeFile(join(directory, 'pipelines/ingest/x.json'), text)
    expect((await check(false, 'pipelines/ingest/x.json')).lines[0]).toContain('no file of this release')
  })

  test('a capture in a folder of that name is a capture', async () => {
    await mkdir(join(directory, 'mappings'))
    await writeFile(join(directory, 'mappings/pipeline.yaml'), 'name: one\n')
    expect((await check(false, 'mappings')).lines[0]).toContain('ok DIR/mappings/pipeline.yaml: pipeline one')
  })

  test('--write wants to know which', async () => {
    await writeFile(join(directory, 'pipeline.yaml'), 'name: one\n')
    await expect(check(true, 'pipeline.yaml')).rejects.toMatchObject({ code: 'usage' })
    await expect(check(true)).rejects.toMatchObject({ code: 'usage' })
    expect((await check(true, 'pipeline.yaml', 'pipelines/ingest')).exit).toBe(0)
  })

  test.each<[string, string, string]>([
    ['a file', FLOW, 'mine.json'],
    ['a folder', 'mappings/elasticsearch/index-templates', 'mine'],
  ])('--write follows no link out of the folder: %s', async (_, link, target) => {
    const outside = join(directory, 'outside')
    await mkdir(join(outside, 'mine'), { recursive: true })
    await writeFile(join(outside, 'mine.json'), 'precious')
    await check(true, 'mappings')
    await rm(join(directory, link), { recursive: true })
    await symlink(join(outside, target), join(directory, link))
    await expect(check(true, 'mappings')).rejects.toMatchObject({ code: 'cannot-write' })
    expect(await readFile(join(outside, 'mine.json'), 'utf8')).toBe('precious')
    expect(await readdir(join(outside, 'mine'))).toEqual([])
  })

  test('--write follows a link that is named itself', async () => {
    await mkdir(join(directory, 'real/mappings'), { recursive: true })
    await symlink(join(directory, 'real/mappings'), join(directory, 'mappings'))
    expect((await check(true, 'mappings')).exit).toBe(0)
    expect(await readFile(join(directory, 'real', FLOW), 'utf8')).toBe(generatedFiles().get(FLOW))
  })

  test('a file of somebody’s in such a folder is checked for what it is', async () => {
    await mkdir(join(directory, 'mappings'))
    await writeFile(join(directory, 'mappings/site.yaml'), 'name: one\nsources: 5\n')
    const found = await check(false, 'mappings/site.yaml')
    expect(found.exit).toBe(2)
    expect(found.lines[0]).toMatch(/^DIR\/mappings\/site\.yaml:2:/)
  })

  test('says when it cannot write', async () => {
    await writeFile(join(directory, 'mappings'), '')
    await expect(check(true, 'mappings')).rejects.toMatchObject({ code: 'cannot-write' })
  })

  test('knows their folders wherever they lie', async () => {
    expect(generatedPlace('/opt/mappings/peertrail/mappings/roles')).toEqual({
      argument: '/opt/mappings/peertrail/mappings/roles',
      path: 'mappings/roles',
    })
    expect(generatedPlace('/x/pipelines/ingest')?.path).toBe('pipelines/ingest')
    expect(generatedPlace('/x/pipelines')).toBeNull()
    expect(generatedPlace('/x/ingest')).toBeNull()
    expect(generatedPlace('mappings')?.path).toBe('mappings')
  })

  test('a copy elsewhere is judged the same', async () => {
    await check(true, 'mappings')
    await cp(join(directory, 'mappings'), join(directory, 'copy/mappings'), { recursive: true })
    expect((await check(false, 'copy/mappings/')).exit).toBe(0)
  })
})
