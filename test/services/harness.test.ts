/** The parts of the services' runner that decide what counts as proved, and Docker as an executable that writes down what it is asked. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errors } from '@elastic/elasticsearch'
import { afterAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { AppError } from '../../src/errors.ts'
import { composeBroker, isBrokerComposeThere } from './broker-compose.ts'
import { checkReport } from './check-report.ts'
import { composeEngine, isComposeThere } from './engine-compose.ts'
import { createOverheard } from './overheard.ts'
import { cameBack, flatSource } from './stored-documents.ts'
import { SUITES } from './suites.ts'

const dir = mkdtempSync(join(tmpdir(), 'peertrail-harness-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

describe('a report of checks', () => {
  test('counts and tells what holds and what does not', () => {
    const lines: string[] = []
    const report = checkReport((line) => void lines.push(line))
    report.equal('same', { a: [1, 2] }, { a: [1, 2] })
    report.equal('order matters', [1, 2], [2, 1])
    report.equal('only what differs is shown', { a: 1, b: 2, c: 3 }, { a: 1, b: 4, d: 3 })
    report.ensure('so', true, 'never shown')
    report.ensure('not so', false, 'why')
    report.proved('seen', '3 documents')
    expect([report.checks, report.failures]).toEqual([6, 3])
    expect(lines).toEqual([
      '  ✓ same',
      '  ✗ order matters',
      "      expected: { '0': 2, '1': 1 }",
      "      found:    { '0': 1, '1': 2 }",
      '  ✗ only what differs is shown',
      '      expected: { b: 4, d: 3 }',
      '      found:    { b: 2, c: 3 }',
      '  ✓ so',
      '  ✗ not so',
      "      found: 'why'",
      '  ✓ seen (3 documents)',
    ])
  })
})

describe('what was overheard', () => {
  test('holds a secret in every shape in which it travels', () => {
    const encoded = Buffer.from('keyid:the-key-itself').toString('base64')
    const shapes = [
      'pass word/9',
      'pass%20word%2F9',
      `Basic ${Buffer.from('elastic:pass word/9').toString('base64')}`,
      encoded,
      'the-key-itself',
    ]
    for (const shape of shapes) {
      const overheard = createOverheard()
      overheard.secret('pass word/9')
      overheard.secret(encoded)
      overheard.heard('nothing here', `in the middle of ${shape} a line`)
      expect(overheard.found(), shape).toHaveLength(1)
      expect(overheard.found()[0]).toContain('in the middle of')
      expect(overheard.found()[0]).not.toContain(shape)
    }
  })

  test('is also what an error hides', () => {
    const overheard = createOverheard()
    overheard.secret('hidden-secret')
    const cause = Object.defineProperty(new errors.ConnectionError('no'), 'request', {
      value: { deep: { headers: { authorization: 'hidden-secret' } } },
      enumerable: false,
    })
    expect(overheard.error(new AppError('refused', 'what', { advice: 'do that', cause }))).toBe('refused: what do that')
    expect(overheard.found()).toHaveLength(1)
  })
})

describe('a document that came back', () => {
  test('is compared by dotted names, without what the server adds', () => {
    const source = {
      b: { c: [1], d: null },
      a: 'x',
      data_stream: { type: 'logs' },
      event: { ingested: 'now', id: '1' },
    }
    expect(flatSource(source)).toEqual({ a: 'x', 'b.c': [1], 'b.d': null, 'event.id': '1' })
  })

  test('may only differ in what synthetic sources are known to change', () => {
    const long = 'x'.repeat(9_000)
    expect(cameBack('process.args', ['a', 'b', 'a'], ['a', 'b', 'a'])).toBe(true)
    expect(cameBack('process.args', ['a', 'b', 'a'], ['a', 'a', 'b'])).toBe(false)
    expect(cameBack('process.args', ['a'], 'a')).toBe(false)
    expect(cameBack('process.args', [long, 'b'], ['b', long])).toBe(true)
    expect(cameBack('process.args', [long, 'b'], ['b'])).toBe(false)
    expect(cameBack('event.start', '2026-11-23T04:45:24.273010Z', '2026-11-23T04:45:24.27301Z')).toBe(true)
    expect(cameBack('event.start', '2026-11-23T04:45:24.273010Z', '2026-11-23T04:45:24.273Z')).toBe(false)
    expect(cameBack('event.start', '2026-11-23T04:45:24.273Z', '2026-11-23T04:45:24.273Z')).toBe(true)
    expect(cameBack('source.port', 1, '1')).toBe(false)
    expect(cameBack('event.reason', 'there', undefined)).toBe(false)
  })
})

test('every suite of this folder runs, under a name of its own', () => {
  const exported = readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith('.ts') && name !== 'suite.ts')
    .flatMap((name) => [...read(name).matchAll(/^export const ([A-Z\d_]+)(?:: Suite = | = \w*[sS]uite\()/gm)])
    .map(([, name = '']) => name)
  const listed = [...(/= \[([^\]]*)\]/.exec(read('suites.ts'))?.[1] ?? '').matchAll(/[A-Z\d_]+/g)].map(([name]) => name)
  expect(listed.toSorted()).toEqual(exported.toSorted())
  expect(new Set(SUITES.map(({ name }) => name)).size).toBe(listed.length)
})

function read(name: string): string {
  return readFileSync(join(import.meta.dirname, name), 'utf8')
}

test('the engine of docker compose is a project of its own, on a port of its own, and goes with its volume', async () => {
  const { log, restore } = fakeDocker('engine')
  try {
    expect(isComposeThere({ kind: 'elasticsearch-8' })).toBe(false)
    expect(isComposeThere({ kind: 'elasticsearch-9', security: true })).toBe(false)
    expect(isComposeThere({ kind: 'elasticsearch-9' })).toBe(true)
    const engine = await composeEngine({
      kind: 'elasticsearch-9',
      settings: { 'indexing_pressure.memory.limit': '64kb' },
    })
    const port = Number(new URL(engine.url).port)
    await engine.kill()
    await engine.restart({ 'thread_pool.write.size': '1' })
    engine.pause()
    engine.resume()
    await engine.stop()
    await engine.close()
    const asked = readFileSync(log, 'utf8').trimEnd().split('\n')
    const [project, ...others] = new Set(asked.slice(1).map((line) => line.split(' ')[2]))
    expect(project).toMatch(/^peertrail-test-[0-9a-f]{8}$/)
    expect(others).toEqual([])
    expect(asked.map((line) => line.replace(/^compose -p \S+ -f \S+docker-compose.yml -f \S+more.yml /, ''))).toEqual([
      'info',
      'up --detach --wait --no-deps elasticsearch',
      'kill --signal SIGKILL elasticsearch',
      'stop elasticsearch',
      'up --detach --wait --no-deps elasticsearch',
      'pause elasticsearch',
      'unpause elasticsearch',
      'stop elasticsearch',
      'down --volumes --timeout 0',
    ])
    const told = readFileSync(`${log}.more`, 'utf8').split(/^(?=services:)/m)
    const asWords = (text: string | undefined) =>
      parse(text ?? '', { customTags: [{ tag: '!override', collection: 'seq' }] })
    const ports = [`127.0.0.1:${port}:9200`]
    expect(asWords(told[0])).toEqual({
      services: { elasticsearch: { ports, environment: { 'indexing_pressure.memory.limit': '64kb' } } },
    })
    expect(asWords(told[3])).toEqual({
      services: {
        elasticsearch: {
          ports,
          environment: { 'indexing_pressure.memory.limit': '64kb', 'thread_pool.write.size': '1' },
        },
      },
    })
  } finally {
    restore()
  }
})

test('the broker of docker compose tells its clients the port it is reached at', async () => {
  const { log, restore } = fakeDocker('broker')
  try {
    expect(isBrokerComposeThere({ proxies: 1 })).toBe(false)
    expect(isBrokerComposeThere({ settings: { 'message.max.bytes': '1' } })).toBe(false)
    expect(isBrokerComposeThere({})).toBe(true)
    const broker = await composeBroker()
    await broker.close()
    const port = broker.address.replace('127.0.0.1:', '')
    const [told = ''] = readFileSync(`${log}.more`, 'utf8').split(/^(?=services:)/m)
    expect(parse(told, { customTags: [{ tag: '!override', collection: 'seq' }] })).toEqual({
      services: {
        kafka: {
          ports: [`127.0.0.1:${port}:9092`],
          environment: { KAFKA_ADVERTISED_LISTENERS: `HOST://127.0.0.1:${port},INNER://kafka:19092` },
        },
      },
    })
    expect(broker.prefix()).not.toBe(broker.prefix())
  } finally {
    restore()
  }
})

/** Docker as an executable that writes down what it is asked, until `restore`. */
function fakeDocker(name: string): { readonly log: string; readonly restore: () => void } {
  const folder = join(dir, name)
  mkdirSync(folder)
  const program = join(folder, 'docker')
  const log = join(folder, 'docker.log')
  // What it is told in the second file is gone when the test looks.
  writeFileSync(
    program,
    `#!/bin/sh\nprintf '%s\\n' "$*" >> '${log}'\n[ "$1" = compose ] && cat "$7" >> '${log}.more'\nexit 0\n`,
  )
  chmodSync(program, 0o755)
  const path = process.env['PATH'] ?? ''
  process.env['PATH'] = `${folder}:${path}`
  return {
    log,
    restore: () => {
      process.env['PATH'] = path
    },
  }
}
