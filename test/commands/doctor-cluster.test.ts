/** What doctor says of the cluster a pipeline ships to; a real server on loopback answers as engines do. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { clusterFacts, judgeCluster } from '../../src/commands/doctor-cluster.ts'

let dir: string
let server: Server
/** Status of everything but the root; templates named here are there. */
let templates: ReadonlySet<string> | number = new Set()
let rootStatus = 200
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'peertrail-doctor-'))
  server = createServer((request, response) => {
    const name = /^\/_index_template\/(.+)$/.exec(request.url ?? '')?.[1] ?? ''
    const status =
      name === '' ? rootStatus : typeof templates === 'number' ? templates : templates.has(name) ? 200 : 404
    response.writeHead(status, { 'content-type': 'application/json' })
    const root = { cluster_name: 'c', cluster_uuid: 'u', version: { number: '9.5.3' } }
    response.end(JSON.stringify(name === '' && status === 200 ? root : {}))
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
})
afterEach(() => {
  server.close()
  rmSync(dir, { recursive: true })
})

function pipeline(more = ''): string {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const path = join(dir, 'pipeline.yaml')
  writeFileSync(path, `sinks:\n  elasticsearch: { url: "http://127.0.0.1:${port}"${more} }\n`)
  return path
}

async function judged(path: string, environment = {}) {
  const facts = await clusterFacts(path, environment)
  return facts === null ? null : judgeCluster(facts)
}

const ids = (judgement: Awaited<ReturnType<typeof judged>>) => judgement?.findings.map(({ id }) => id)

test('nothing of a pipeline without a cluster, or of a broken one', async () => {
  const path = join(dir, 'pipeline.yaml')
  writeFileSync(path, 'sinks: { store: { dir: x } }\n')
  expect(await judged(path)).toBeNull()
  writeFileSync(path, 'sinks: [')
  expect(await judged(path)).toBeNull()
})

test('templates that are missing are counted, with the command that installs them', async () => {
  templates = new Set(['logs-wireguard.flow'])
  rootStatus = 200
  const judgement = await judged(pipeline())
  expect(ids(judgement)).toEqual(['cluster-not-installed'])
  expect(judgement?.findings[0]?.mend[0]).toContain('peertrail install elasticsearch --pipeline')
  expect(judgement?.wells).toEqual(['elasticsearch 9.5.3 answers'])
})

test('a key that may not look is no fault', async () => {
  templates = 403
  const judgement = await judged(pipeline())
  expect(ids(judgement)).toEqual([])
  expect(judgement?.wells).toEqual(['elasticsearch 9.5.3 answers', 'whether it is set up, this key may not see'])
})

test('a refused key, a secret that is not set and a server that is gone are told', async () => {
  templates = 200
  rootStatus = 401
  const refused = await judged(pipeline(`, api_key: "\${env:KEY}"`), { KEY: 'c2VjcmV0' })
  expect(ids(refused)).toEqual(['cluster-refuses'])
  expect(JSON.stringify(refused)).not.toContain('c2VjcmV0')
  expect(ids(await judged(pipeline(`, api_key: "\${env:ABSENT}"`)))).toEqual(['cluster-refuses'])
  rootStatus = 200
  const path = pipeline()
  await new Promise((resolve) => server.close(resolve))
  expect((await judged(path))?.findings[0]?.what).toMatch(/cannot be reached/)
})
