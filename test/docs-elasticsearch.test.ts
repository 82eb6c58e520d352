/**
 * Goal: docs/elasticsearch.md and the pipeline files of that deployment say what the code does. Method: names, settings and commands in them
 * are held against the lists they come from; the program is asked about its options.
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { configPage } from '../scripts/config-page.ts'
import { parsePipeline } from '../src/config.ts'
import { artefactsFor } from '../src/elasticsearch/artefacts.ts'
import { roles } from '../src/elasticsearch/roles.ts'
import { abilitiesOf, ELASTICSEARCH_MIN, OPENSEARCH_MIN } from '../src/elasticsearch/server.ts'
import { STREAMS } from '../src/elasticsearch/streams.ts'
import { createTallies } from '../src/sinks/elasticsearch/tallies.ts'

const ROOT = join(import.meta.dirname, '..')
const MAIN = join(ROOT, 'src/main.ts')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const pipelineOf = (name: string) => parsePipeline(read(`pipelines/${name}.yaml`), `${name}.yaml`)
const PAGE = read('docs/elasticsearch.md')

/** First cells of the table rows below a heading, up to the next heading; several names in one cell are several. */
function namesBelow(heading: string): string[] {
  const [, rest = ''] = PAGE.split(`\n## ${heading}\n`)
  const rows = (rest.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('| `'))
  return rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))
}

/** Lines of code blocks that call the program, without comments; also those in the heads of the pipeline files. */
function commandLines(): string[] {
  const blocks = [...PAGE.matchAll(/^```\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text)
  const heads = ['gateway-to', 'replay-to'].map((name) =>
    read(`pipelines/${name}-elasticsearch.yaml`).replace(/^# {3}/gm, ''),
  )
  return [...blocks, ...heads]
    .flatMap((text) => text.split('\n'))
    .filter((line) => line.startsWith('peertrail '))
    .map((line) => line.replace(/\s+#.*/, ''))
}

function helpOf(words: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...words, '--help'], (_, out, err) => resolve(`${out}${err}`))
  })
}

describe('docs/elasticsearch.md', () => {
  test('has every stream, role and key, and no others', () => {
    expect(namesBelow('Streams').filter((name) => name.endsWith('-<namespace>'))).toEqual(
      STREAMS.map(({ type, dataset }) => `${type}-${dataset}-<namespace>`),
    )
    expect(namesBelow('Roles')).toEqual(roles().map(({ name }) => name))
    const keys = [...configPage().matchAll(/^\| `sinks\.elasticsearch\.([\w.]+)`/gm)].map(([, key = '']) => key)
    expect(namesBelow('Settings').sort()).toEqual(keys.filter((key) => key !== 'dead_letters').sort())
  })

  test('has every outcome that status counts', () => {
    const { counts } = createTallies({ info: () => {}, warn: () => {}, error: () => {} }, () => 0)
    expect(namesBelow('What happens when')).toEqual([...counts.keys()])
  })

  test('names the oldest releases that are taken', () => {
    expect(PAGE).toContain(`Elasticsearch ${ELASTICSEARCH_MIN.join('.')} and 9.x`)
    expect(PAGE).toContain(`OpenSearch ${OPENSEARCH_MIN.join('.')} and 3.x`)
  })

  test('names every template and pipeline that is installed, or one of its kind', () => {
    const can = abilitiesOf('elasticsearch', '9.5.3')
    const names = artefactsFor({ engine: 'elasticsearch', can, metrics: 'time-series', processors: null }).map(
      ({ name }) => name,
    )
    const perStream = STREAMS.flatMap(({ type, dataset }) => [`${type}-${dataset}`, `${type}-${dataset}@mappings`])
    expect(names.filter((name) => !perStream.includes(name) && !PAGE.includes(`\`${name}\``))).toEqual([])
    expect(names).toEqual(expect.arrayContaining(perStream))
  })

  test('links to headings and files that are there', () => {
    const slugs = [...PAGE.matchAll(/^## (.*)$/gm)].map(([, title = '']) => title.toLowerCase().replaceAll(' ', '-'))
    for (const [, slug] of PAGE.matchAll(/\]\(#([^)]+)\)/g)) expect(slugs).toContain(slug)
    for (const [, path = ''] of PAGE.matchAll(/\]\(([\w./-]+)\)/g))
      expect(() => read(join('docs', path)), path).not.toThrow()
  })
})

describe('its commands', () => {
  const lines = [...new Set(commandLines())]
  const commands = Map.groupBy(
    lines,
    (line) => /^peertrail ([a-z]+(?: (?:elasticsearch|list|retry)\b)?)/.exec(line)?.[1] ?? '',
  )

  test('are shown', () => {
    expect([...commands.keys()].sort()).toEqual(
      expect.arrayContaining([
        'deadletters list',
        'deadletters retry',
        'install elasticsearch',
        'replay',
        'search',
        'who',
      ]),
    )
  })

  for (const [command, shown] of commands)
    test(`peertrail ${command} has the options it is shown with`, async () => {
      const help = await helpOf(command.split(' '))
      expect(help).toContain(`peertrail ${command}`)
      const options = shown.flatMap((line) => line.match(/ --[a-z-]+/g) ?? [])
      for (const option of options) expect(help, shown.join('\n')).toContain(`${option} `)
    })
})

describe('the pipelines of this deployment', () => {
  test('gateway-to-elasticsearch reads what single-host reads, and sends it to a cluster alone, with a key and TLS', () => {
    const gateway = pipelineOf('gateway-to-elasticsearch')
    expect(gateway.sources).toEqual(pipelineOf('single-host').sources)
    expect([gateway.store, gateway.ndjson, gateway.command]).toEqual([null, '', null])
    expect(gateway.elasticsearch).toMatchObject({
      apiKey: { from: 'env', name: 'PEERTRAIL_ELASTICSEARCH_API_KEY' },
      namespace: 'default',
      metrics: 'time-series',
      deadLetterBytes: 1024 ** 3,
    })
    expect(gateway.elasticsearch?.url).toMatch(/^https:/)
    expect(gateway.elasticsearch?.caFile).not.toBe('')
  })

  test('its state lies where the systemd unit may write', () => {
    const [, folders = ''] = /^StateDirectory=(.*)$/m.exec(read('deploy/systemd/peertrail.service')) ?? []
    const { state } = pipelineOf('gateway-to-elasticsearch')
    expect(folders.split(' ').map((name) => `/var/lib/${name}`)).toContain(state.dir)
  })

  test('replay-to-elasticsearch has no sources, and a metrics stream that takes old points', () => {
    const { sources, elasticsearch } = pipelineOf('replay-to-elasticsearch')
    expect([sources, elasticsearch?.metrics]).toEqual([[], 'standard'])
  })
})
