/** Pipeline files that are right. Wrong ones are fixtures of test/identity/inventory.test.ts. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { defaultHostOptions, emptyPipeline, parsePipeline } from '../src/config.ts'
import { pipelineJsonSchema } from '../src/config-schema.ts'

const text = readFileSync(new URL('fixtures/pipeline/good-documented/input.yaml', import.meta.url), 'utf8')

test('the documented format is read as documented', async () => {
  const pipeline = parsePipeline(text, 'pipeline.yaml')
  const plain = (_key: string, value: unknown) => (value instanceof Map ? [...value] : value)
  await expect(`${JSON.stringify(pipeline, plain, 1)}\n`).toMatchFileSnapshot(
    `${import.meta.dirname}/fixtures/pipeline/good-documented/expected.json`,
  )
})

test('a mark is a number however it is written', () => {
  const { hosts } = parsePipeline(text, 'pipeline.yaml')
  expect(hosts.get('edge1')?.interfaces.get('wg0')).toEqual({ mark: 42, zone: null })
  expect(hosts.get('edge1')?.interfaces.get('wg1')).toEqual({ mark: 43, zone: 7 })
  expect(hosts.get('edge2')?.poll).toBe(2_500_000)
})

test('zones are those of the tz database, or fixed offsets', () => {
  const parse = (zone: string) => parsePipeline(`hosts: { h: { timezone: "${zone}" } }`, 'p').hosts.get('h')?.timezone
  for (const zone of ['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', '+05:30', '-08:00']) {
    expect(parse(zone)).toBe(zone)
  }
  for (const zone of ['', 'Berlin', 'CEST', '+25:00', '../UTC']) expect(() => parse(zone)).toThrow()
})

test('datasets may be kept shorter or longer than the rest', () => {
  const read = (datasets: string) =>
    parsePipeline(`sinks: { store: { dir: /x, retention: { days: 90, datasets: ${datasets} } } }`, 'p').store
  expect(read('{ wireguard.audit: 30, wireguard.finding: 400 }')?.retentionDatasets).toEqual(
    new Map([
      ['wireguard.audit', 30],
      ['wireguard.finding', 400],
    ]),
  )
  for (const wrong of ['{ audit: 30 }', '{ wireguard.audit: 0 }', '{ wireguard.audit: many }', '[wireguard.audit]'])
    expect(() => read(wrong)).toThrow()
})

test('machines nobody configured have no options', () => {
  expect(emptyPipeline().hosts.size).toBe(0)
  expect(defaultHostOptions()).toEqual({
    timezone: '',
    prefixes: [],
    interfaces: new Map(),
    poll: 0,
    booted: null,
    audit: 'sessions',
  })
  expect(parsePipeline('{}', 'p')).toEqual(emptyPipeline())
})

test('the JSON Schema names every section', () => {
  const schema = JSON.stringify(pipelineJsonSchema())
  for (const name of ['timezone', 'prefixes', 'interfaces', 'poll', 'sources', 'dump', 'retention', 'elasticsearch']) {
    expect(schema).toContain(`"${name}"`)
  }
})
