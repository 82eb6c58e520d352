/**
 * Goal: docker-compose.yml and the Dockerfile say what they should, as far as that can be known without Docker: nothing is reachable from
 * another machine, versions are pinned, every file and service that is named exists, and our commands are commands of ours. Method: both
 * files are read, and the program itself is asked about its commands.
 */
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import packageJson from '../package.json' with { type: 'json' }
import { parsePipeline } from '../src/config.ts'

const ROOT = join(import.meta.dirname, '..')
const MAIN = join(ROOT, 'src/main.ts')
/** Where the image has the repository's files, and what the program's files are called there. */
const IMAGE_ROOT = '/opt/peertrail/'
const MOUNTED_PIPELINE = '/var/lib/peertrail/pipeline.yaml'

const condition = z.object({ condition: z.enum(['service_healthy', 'service_completed_successfully']) })
const config = z.strictObject({ source: z.string(), target: z.string() })
const service = z.object({
  image: z.string(),
  build: z.string().optional(),
  init: z.boolean().optional(),
  profiles: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  command: z.array(z.string()).default([]),
  network_mode: z.string().optional(),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), condition).default({}),
  configs: z.array(config).default([]),
  deploy: z.strictObject({ replicas: z.number() }).default({ replicas: 1 }),
  restart: z.literal('on-failure').optional(),
  healthcheck: z
    .object({ test: z.tuple([z.literal('CMD-SHELL'), z.string()]), retries: z.number() })
    .loose()
    .optional(),
  mem_limit: z.string(),
  read_only: z.boolean().optional(),
  tmpfs: z.array(z.string()).optional(),
  cap_drop: z.array(z.string()).optional(),
  security_opt: z.array(z.string()).optional(),
})
/** Strict: a misspelt key would be passed over by Docker with a warning at most. */
const compose = z.strictObject({
  name: z.string(),
  'x-tier': z.unknown(),
  services: z.record(z.string(), service.strict()),
  configs: z.record(z.string(), z.strictObject({ content: z.string() })),
  volumes: z.record(z.string(), z.null()),
})

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const { services, volumes, configs } = compose.parse(parse(read('docker-compose.yml'), { merge: true }))
const dockerfile = read('Dockerfile')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
const ours = Object.entries(services).filter(([, { image }]) => image.startsWith('peertrail:'))
/** What a container without a pipeline file of its own reads (Dockerfile). */
const CONFIGURED_PIPELINE = '/etc/peertrail/pipeline.yaml'
const configured = ours.filter(([, each]) => each.configs.length > 0)

function serviceOf(name: string): z.infer<typeof service> {
  const found = services[name]
  if (found === undefined) throw new Error(`no service ${name}`)
  return found
}

test('the demo and every tier are there; the agent waits until it is asked for', () => {
  const tiers = ['install-kafka', 'correlator', 'detector', 'indexer', 'agent']
  expect(Object.keys(services)).toEqual(['elasticsearch', 'kibana', 'install', 'demo', 'kafka', ...tiers])
  const optional = Object.entries(services).filter(([, { profiles }]) => profiles !== undefined)
  expect(optional.map(([name]) => name)).toEqual(['agent'])
  const twice = Object.entries(services).filter(([, { deploy }]) => deploy.replicas === 2)
  expect(twice.map(([name]) => name)).toEqual(['correlator', 'indexer'])
})

test('every image is pinned or built here', () => {
  for (const [name, { image }] of Object.entries(services)) {
    if (image.startsWith('peertrail:')) continue
    expect(image, name).toMatch(/^[a-z/]+:\d+\.\d+\.\d+$/)
  }
  // Each of them, so that no version of Docker asks a registry for the other's image.
  for (const [name, { build }] of ours) expect(build, name).toBe('.')
  expect(serviceOf('kibana').image.split(':')[1]).toBe(serviceOf('elasticsearch').image.split(':')[1])
})

test('no port is bound beyond this machine, and no two are the same', () => {
  const ports = Object.values(services).flatMap((each) => each.ports)
  for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:(\d+):\1$/)
  expect(new Set(ports).size).toBe(ports.length)
  expect(ports).toHaveLength(3)
  expect(Object.values(services).map((each) => each.network_mode ?? '')).not.toContain('host')
})

test('the file and the manual say that security is off', () => {
  expect(serviceOf('elasticsearch').environment['xpack.security.enabled']).toBe('false')
  expect(read('docker-compose.yml').slice(0, 800)).toContain('NOT for a network')
  expect(read('docs/elasticsearch.md')).toMatch(/security is off/i)
})

test('what depends on something waits for a sign that there is', () => {
  for (const [name, { depends_on: needed }] of Object.entries(services))
    for (const [other, { condition: sign }] of Object.entries(needed)) {
      const { healthcheck, command } = serviceOf(other)
      if (sign === 'service_healthy') expect(healthcheck, `${name} needs ${other}`).toBeDefined()
      else expect(command[0], `${name} needs ${other}`).toBe('install')
    }
  // A check that cannot fail would wait for nothing.
  for (const { healthcheck } of Object.values(services))
    if (healthcheck !== undefined) expect(healthcheck.test[1]).toMatch(/^curl -fsS |^\/opt\/kafka\/bin\//)
})

test('volumes are declared and used, and what is mounted from here exists', () => {
  for (const [name, each] of Object.entries(services)) {
    // Replicas would share a named volume, and with it a state directory.
    if (each.deploy.replicas > 1) expect(each.volumes, name).toEqual([])
  }
  const mounts = Object.values(services).flatMap((each) => each.volumes.map((text) => text.split(':')))
  const named = mounts.flatMap(([from = '']) => (from.startsWith('.') ? [] : [from]))
  expect([...new Set(named)].sort()).toEqual(Object.keys(volumes).sort())
  for (const [from = '', , mode] of mounts.filter(([each = '']) => each.startsWith('.'))) {
    expect(existsSync(join(ROOT, from)), from).toBe(true)
    expect(mode, from).toBe('ro')
  }
})

test('our containers may write to their volume and nowhere else', () => {
  expect(ours).toHaveLength(7)
  for (const [, each] of ours)
    expect(each).toMatchObject({
      init: true,
      read_only: true,
      tmpfs: ['/tmp'],
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    })
})

test('the pipeline files of the tiers are valid, used, and lead to the broker and the cluster', () => {
  const used = configured.flatMap(([, each]) => each.configs.map(({ source }) => source))
  expect([...new Set(used)].sort()).toEqual(Object.keys(configs).sort())
  const inner = /INNER:\/\/(kafka:\d+)/.exec(serviceOf('kafka').environment['KAFKA_ADVERTISED_LISTENERS'] ?? '')?.[1]
  const tiers = { correlator: 'correlate', detector: 'detect', indexer: 'index', agent: '' } as const
  for (const [name, tier] of Object.entries(tiers)) {
    const pipeline = parsePipeline(configs[name]?.content ?? '', name)
    expect(pipeline.kafka, name).toMatchObject({ brokers: [inner], prefix: 'peertrail' })
    expect(pipeline.tier, name).toBe(tier)
    expect(pipeline.state.dir).toBe('/var/lib/peertrail/state')
    const paths = [pipeline.inventory, ...pipeline.sources.map(({ path }) => path)].filter((path) => path !== '')
    for (const path of paths) expect(existsSync(join(ROOT, path.replace(IMAGE_ROOT, ''))), path).toBe(true)
  }
  const { url, metrics } = parsePipeline(configs['indexer']?.content ?? '', 'indexer').elasticsearch ?? {}
  expect([url, metrics]).toEqual(['http://elasticsearch:9200', 'standard'])
})

test('the agent reads what the demo consists of', () => {
  const { sources, hosts } = parsePipeline(configs['agent']?.content ?? '', 'agent')
  const demo = join(ROOT, 'pipelines/demo')
  const files = readdirSync(demo, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\/(?:kern|conntrack|audit)\.log$|\/wg\.snapshots$|\/ruleset\.json$/.test(path))
    .sort()
  expect(sources.map(({ path }) => path.replace(`${IMAGE_ROOT}pipelines/demo/`, '')).sort()).toEqual(files)
  for (const { host, path } of sources) expect(path).toContain(`/demo/${host}/`)
  expect(hosts).toEqual(parsePipeline(read('pipelines/demo/pipeline.yaml'), 'pipeline.yaml').hosts)
})

test('docker compose itself understands the file', ({ skip }) => {
  // The plugin alone is enough: nothing is asked of an engine.
  if (spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' }).status !== 0)
    skip('docker compose is not here; the file was parsed, and this test alone would ask Docker')
  const words = ['compose', '--profile', 'agent', 'config', '--quiet']
  const { status, stdout, stderr } = spawnSync('docker', words, { cwd: ROOT, encoding: 'utf8' })
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' })
})

test('our containers reach the cluster at the address their pipeline file has', () => {
  const { elasticsearch, hosts } = parsePipeline(read('pipelines/replay-to-elasticsearch.yaml'), 'pipeline.yaml')
  expect(elasticsearch).toMatchObject({ url: 'http://127.0.0.1:9200', apiKey: null, username: '', metrics: 'standard' })
  const direct = ours.filter(([name]) => !configured.some(([other]) => other === name))
  expect(direct.map(([name]) => name)).toEqual(['install', 'demo'])
  for (const [, each] of direct) expect(each.network_mode).toBe('service:elasticsearch')
  expect(serviceOf('elasticsearch').ports).toEqual(['127.0.0.1:9200:9200'])
  // It is used instead of the demo's own file, so it has to say the same of the machines.
  expect(hosts).toEqual(parsePipeline(read('pipelines/demo/pipeline.yaml'), 'pipeline.yaml').hosts)
})

for (const [name, { command, volumes: mounts, configs: files }] of ours) {
  test(`the command of ${name} is one of ours, with options it has and files that are there`, async () => {
    const words = command.filter((word) => /^[a-z]+$/.test(word))
    const help = await helpOf(words)
    expect(help).toContain(`peertrail ${words.join(' ')}`)
    const options = command.filter((word) => word.startsWith('--'))
    expect(options).toContain('--pipeline')
    for (const option of options) expect(help).toContain(` ${option} `)
    for (const path of command.filter((word) => word.startsWith('/'))) {
      if (path === CONFIGURED_PIPELINE) expect(files.map(({ target }) => target)).toEqual([path])
      else if (path === MOUNTED_PIPELINE) expect(mounts.some((mount) => mount.endsWith(`:${path}:ro`))).toBe(true)
      else expect(existsSync(join(ROOT, path.replace(IMAGE_ROOT, ''))), path).toBe(true)
    }
  })
}

test('the image has the Node of the tests, no development dependencies, and a user that is not root', () => {
  const bases = dockerfile.filter((line) => line.startsWith('FROM ')).map((line) => line.split(' ')[1])
  const node = `node:${packageJson.devDependencies.node}-bookworm-slim`
  expect(bases).toEqual([node, node])
  expect(dockerfile).toContain('RUN npm run build && npm prune --omit=dev --ignore-scripts')
  const users = dockerfile.filter((line) => line.startsWith('USER '))
  expect(users).toEqual(['USER 10001:10001'])
  expect(dockerfile.indexOf('USER 10001:10001')).toBeLessThan(
    dockerfile.findIndex((line) => line.startsWith('ENTRYPOINT ')),
  )
  expect(packageJson.bin.peertrail).toBe('dist/main.js')
  expect(dockerfile.find((line) => line.startsWith('ENTRYPOINT '))).toContain(`"${IMAGE_ROOT}dist/main.js"`)
  // The package's own flags: the young generation of the heap is chosen for throughput.
  const [, flags = ''] = /^node (.*) src\/main\.ts$/.exec(packageJson.scripts.start) ?? []
  expect(dockerfile.find((line) => line.startsWith('ENTRYPOINT '))).toContain(`"${flags}"`)
})

test('what the Dockerfile copies is there, and let through to it', () => {
  const copied = dockerfile
    .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
    .flatMap((line) => line.split(' ').slice(1, -1))
    .map((path) => path.replace(/^\.\//, ''))
  const passed = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1))
  expect([...new Set(copied)].sort()).toEqual(passed.sort())
  for (const path of copied) expect(existsSync(join(ROOT, path)), path).toBe(true)
  // `demo` and `doctor` look for these beside the program.
  expect(copied).toEqual(expect.arrayContaining(['pipelines', 'deploy']))
})

function helpOf(words: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...words, '--help'], (_, out, err) => resolve(`${out}${err}`))
  })
}
