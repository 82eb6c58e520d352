/** `rules check|run|import|export`, and `check` of rules: exit status, what is printed, and that a store gives what a stream gave. */
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { kindOf, runCheck } from '../../src/commands/check.ts'
import { runReplay } from '../../src/commands/replay.ts'
import { runRulesExport } from '../../src/commands/rules-export.ts'
import { runRulesImport } from '../../src/commands/rules-import.ts'
import { findingsInStore, type RulesRunArguments, runRulesRun } from '../../src/commands/rules-run.ts'
import { readRules } from '../../src/detections/rules/read-rules.ts'
import { parseEvent } from '../../src/event-json.ts'
import type { Fields } from '../../src/fields.ts'
import { emptyInventory } from '../../src/identity/inventory.ts'
import { ALL_TIME } from '../../src/store/event-reader.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { DEMO } from '../replay-capture.ts'
import { createContext, withStore } from './made-store.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

const ROOT = join(import.meta.dirname, '../..')
const SHIPPED = join(ROOT, 'pipelines/rules')
const SIGMA = join(ROOT, 'test/fixtures/sigma')

let directory = ''

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'peertrail-rules-'))
})

afterEach(async () => {
  await rm(directory, { recursive: true })
})

async function written(name: string, text: string): Promise<string> {
  const file = join(directory, name)
  await writeFile(file, text)
  return file
}

async function check(...files: string[]) {
  const terminal = createMemoryTerminal()
  const exit = await runCheck(files, terminal)
  return {
    exit,
    printed: terminal.printed().replaceAll(directory, 'DIR'),
    said: terminal.said().replaceAll(directory, 'DIR'),
  }
}

const RULE = [
  'version: 1',
  'rules:',
  '  - id: ssh-by-others',
  '    title: SSH',
  '    query: >-',
  '      event.dataset : "wireguard.flow" and destination.port : 22',
  '      and not wireguard.peer.groups : dba',
  '    group_by: [wireguard.peer.public_key]',
  '    severity: high',
  '    tests:',
  '      fires:',
  '        - name: somebody else',
  '          repeat: 2',
  '          documents: [{ event: { dataset: wireguard.flow }, destination.port: 22, wireguard.peer: { public_key: K, groups: [ops] } }]',
  '      quiet:',
  '        - name: a DBA',
  '          documents: [{ event: { dataset: wireguard.flow }, destination.port: 22, wireguard.peer: { public_key: K, groups: [dba] } }]',
  '',
].join('\n')

describe('check of rules', () => {
  test('runs their samples', async () => {
    expect(await check(await written('a.yaml', RULE))).toEqual({
      exit: 0,
      printed: 'ok DIR/a.yaml: 1 rule, 2 of 2 samples as promised\n1 file checked, no problems\n',
      said: '',
    })
  })

  test('exits 1 for a sample that failed, and shows it', async () => {
    const file = await written(
      'a.yaml',
      RULE.replace('groups: [ops]', 'groups: [ops, dba]').replace('groups: [dba]', 'groups: []'),
    )
    expect(await check(file)).toEqual({
      exit: 1,
      printed: [
        'DIR/a.yaml:12:17: ssh-by-others: sample "somebody else" must fire, and stayed quiet',
        '   12 |         - name: somebody else',
        '      |                 ^',
        '  expected  a finding',
        '  came      none',
        '  why       1-2  not wireguard.peer.groups : "dba" does not hold: wireguard.peer.groups is ops, dba',
        '  documents 1-2  event.dataset: wireguard.flow, destination.port: 22, wireguard.peer.public_key: K, wireguard.peer.groups: ops, dba',
        'DIR/a.yaml:16:17: ssh-by-others: sample "a DBA" must stay quiet, and fired',
        '   16 |         - name: a DBA',
        '      |                 ^',
        '  expected  no finding',
        '  came      SSH: key K…, 1 document',
        '  why       1  the query holds',
        '  documents 1  event.dataset: wireguard.flow, destination.port: 22, wireguard.peer.public_key: K',
        '1 file checked, 2 samples failed',
        '',
      ].join('\n'),
      said: '',
    })
  })

  test('exits 2 for what is no rule, before any sample', async () => {
    const { exit, printed } = await check(
      await written('a.yaml', RULE.replace('and destination.port', 'and destination.prt')),
    )
    expect(exit).toBe(2)
    expect(printed).toContain(
      'DIR/a.yaml:6:44: rules[0].query: there is no field destination.prt; did you mean destination.port?',
    )
    expect(printed).toContain('1 file checked, 1 problem\n')
  })

  test('puts no control characters of a file on the terminal', async () => {
    const bell = String.fromCharCode(27)
    const file = await written('a.yaml', RULE.replace('groups: [ops]', `groups: [dba, "\\e[31m"]`))
    const { printed } = await check(file)
    expect(printed).not.toContain(bell)
    expect(printed).toContain('\\x1b[31m')
  })

  test('of files without samples says so, and of the shipped ones nothing', async () => {
    const shipped = (await readdir(SHIPPED)).map((name) => join(SHIPPED, name))
    expect(shipped.length).toBeGreaterThanOrEqual(3)
    expect(await check(...shipped)).toMatchObject({ exit: 0, said: '' })
    const file = await written('a.yaml', RULE.slice(0, RULE.indexOf('    tests:')))
    expect(await check(file)).toMatchObject({
      exit: 0,
      said: expect.stringContaining('note DIR/a.yaml:3:9: ssh-by-others: no tests'),
    })
  })

  test('knows rules from a pipeline that names files of them', () => {
    expect(kindOf('rules: [{ id: a }]', 'x.yaml')).toBe('rules')
    expect(kindOf('version: 1\nrules: []', 'x.yaml')).toBe('rules')
    expect(kindOf('rules: [./rules.yaml]', 'x.yaml')).toBe('pipeline')
    expect(kindOf('sources: []\nrules: [./rules.yaml]', 'x.yaml')).toBe('pipeline')
    expect(kindOf('version: 1\nrules:\n  - query: a : "b" and c : "d"\n', 'x.yaml')).toBe('rules')
  })
})

const OVER_DEMO = [
  'version: 1',
  'rules:',
  '  - id: started-flows',
  '    title: Started',
  '    query: \'event.dataset : "wireguard.flow" and event.action : "flow-started"\'',
  '    group_by: [wireguard.peer.public_key]',
  '    suppress: 20s',
  '    severity: low',
  '  - id: many-ports',
  '    title: Many ports',
  '    query: \'event.dataset : ("wireguard.firewall" or "wireguard.flow") and destination.port : *\'',
  '    group_by: [source.ip]',
  '    distinct: { field: destination.port, at_least: 3 }',
  '    window: 30s',
  '    suppress: 1m',
  '    severity: medium',
  '  - id: everything-by-host',
  '    title: Everything',
  // Told a minute or more after what they tell: an interval of coverage with the time of its beginning, audit events of a login that is
  // not decided yet. What comes that late is counted by itself in a stream.
  '    query: \'host.name : * and not event.dataset : ("wireguard.audit" or "wireguard.coverage")\'',
  '    group_by: [host.name]',
  '    threshold: 20',
  '    window: 10s',
  '    suppress: 1m',
  '    severity: medium',
  '',
].join('\n')
const OVER_DEMO_IDS = ['started-flows', 'many-ports', 'everything-by-host']

describe('rules over a store', () => {
  let parent = ''
  let streamed: Fields[] = []

  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'peertrail-rules-'))
    await writeFile(join(parent, 'rules.yaml'), OVER_DEMO)
    await writeFile(join(parent, 'pipeline.yaml'), 'rules: [./rules.yaml]\n')
    const ndjson = join(parent, 'events.ndjson')
    const args = {
      directory: DEMO,
      ndjson,
      store: join(parent, 'store'),
      pipeline: join(parent, 'pipeline.yaml'),
      isJson: false,
    }
    await runReplay(args, createMemoryTerminal(), new Writable())
    streamed = (await readFile(ndjson, 'utf8')).trimEnd().split('\n').map(parseEvent).filter(isOfRule)
  })
  afterAll(() => rm(parent, { recursive: true }))

  function isOfRule(document: Fields): boolean {
    return document['event.kind'] === 'alert' && OVER_DEMO_IDS.includes(document['rule.id'] ?? '')
  }

  test('find what they found in the stream, with the same ids', async () => {
    const reader = await openStoreReader(join(parent, 'store'))
    const found: Fields[] = []
    try {
      const period = { ...ALL_TIME, inventory: emptyInventory() }
      for await (const { findings } of findingsInStore(reader, readRules(OVER_DEMO, 'rules.yaml'), period))
        found.push(...findings)
    } finally {
      reader.close()
    }
    expect(new Set(streamed.map((each) => each['rule.id']))).toEqual(new Set(OVER_DEMO_IDS))
    const byId = (a: Fields, b: Fields) => ((a['event.id'] ?? '') < (b['event.id'] ?? '') ? -1 : 1)
    expect(found.sort(byId)).toEqual(streamed.sort(byId))
  })

  test('are printed in order of time, and something found is exit 1', async () => {
    const made = createContext()
    const exit = await runRulesRun(
      options({ files: [join(parent, 'rules.yaml')], store: join(parent, 'store'), isJson: true }),
      made.context,
    )
    const ids = made
      .out()
      .trimEnd()
      .split('\n')
      .map((line) => parseEvent(line)['event.id'])
    expect(exit).toBe(1)
    expect(new Set(ids)).toEqual(new Set(streamed.map((each) => each['event.id'])))
    expect(made.said()).toContain(`${streamed.length} findings of 3 rules in `)
  })

  test('that find nothing are exit 0, and say what is stored', async () => {
    const file = await written('a.yaml', RULE)
    const made = createContext()
    const exit = await withStore([], (dir) => runRulesRun(options({ files: [file], store: dir }), made.context))
    expect({ exit, out: made.out() }).toEqual({ exit: 0, out: '' })
    expect(made.said()).toContain('holds nothing')
  })

  function options(part: Partial<RulesRunArguments>): RulesRunArguments {
    return {
      files: [],
      since: '',
      until: '',
      last: '',
      inventory: '',
      isJson: false,
      isCsv: false,
      store: '',
      pipeline: '',
      ...part,
    }
  }
})

describe('rules import', () => {
  async function runImport(files: readonly string[], out = '', isSkipping = false) {
    const terminal = createMemoryTerminal()
    const exit = await runRulesImport({ files, out, isSkipping }, terminal)
    return { exit, printed: terminal.printed(), said: terminal.said().replaceAll(directory, 'DIR') }
  }

  const REFUSED =
    'title: x\nlogsource: { category: firewall }\ndetection:\n  a: { dst_port: 22 }\n  condition: a | count() > 5\n'

  test('makes a file that check takes', async () => {
    const out = join(directory, 'rules.yaml')
    const sigma = (await readdir(SIGMA)).sort().map((name) => join(SIGMA, name))
    expect(await runImport(sigma, out)).toMatchObject({
      exit: 0,
      printed: '',
      said: expect.stringContaining('4 rules imported'),
    })
    expect(await check(out)).toMatchObject({ exit: 0, printed: expect.stringContaining('4 rules, no samples') })
    await expect(runImport(sigma, out)).rejects.toMatchObject({ code: 'cannot-write' })
  })

  test('writes nothing when one of them cannot be expressed, and says what', async () => {
    const out = join(directory, 'rules.yaml')
    const files = [join(SIGMA, 'watched-words.yml'), await written('refused.yml', REFUSED)]
    const { exit, printed, said } = await runImport(files, out)
    expect({ exit, printed, isWritten: existsSync(out) }).toEqual({ exit: 2, printed: '', isWritten: false })
    expect(said).toContain(
      'DIR/refused.yml:5:16: detection.condition: cannot be expressed here: the aggregation "| count() > 5"',
    )
    expect(said).toContain('1 file of 2 cannot be imported, nothing was written; --skip takes the other 1 rule')
  })

  test('leaves it out where that is asked for', async () => {
    const files = [await written('refused.yml', REFUSED), join(SIGMA, 'watched-words.yml')]
    const { exit, printed, said } = await runImport(files, '', true)
    expect(exit).toBe(1)
    expect(readRules(printed, 'made.yaml').map(({ id }) => id)).toEqual(['audit-rules-are-taken-away'])
    expect(said).toContain('1 rule imported, 1 refused')
  })
})

test('rules export prints a rule of Kibana a line, over the streams of its datasets', async () => {
  const made = createContext()
  const files = (await readdir(SHIPPED)).sort().map((name) => join(SHIPPED, name))
  expect(await runRulesExport(files, made.context)).toBe(0)
  const rules = made
    .out()
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
  expect(rules).toMatchObject([
    { type: 'threshold', index: ['logs-wireguard.flow-*'], enabled: false },
    { type: 'threshold', index: ['logs-wireguard.session-*'], threshold: { value: 6 } },
    {
      type: 'threshold',
      index: ['logs-wireguard.firewall-*'],
      threshold: { cardinality: [{ field: 'destination.port', value: 4 }] },
    },
  ])
})
