/**
 * Goal: docker-compose.yml and the Dockerfile say what they should, as far as that can be known without Docker: nothing is reachable from
 * another machine, versions are pinned, every file and service that is named exists, and our commands are commands of ours. Method: both
 * files are read, and the program itself is asked about its commands.
 */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
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
  services: z.record(z.string(), service.strict()),
  volumes: z.record(z.string(), z.null()),
})

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const { services, volumes } = compose.parse(parse(read('docker-compose.yml')))
const dockerfile = read('Dockerfile')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
const ours = Object.entries(services).filter(([, { image }]) => image.startsWith('peertrail:'))

function serviceOf(name: string): z.infer<typeof service> {
  const found = services[name]
  if (found === undefined) throw new Error(`no service ${name}`)
  return found
}

test('what the demo consists of is there; Kafka waits until it is asked for', () => {
  expect(Object.keys(services)).toEqual(['elasticsearch', 'kibana', 'install', 'demo', 'kafka'])
  const optional = Object.entries(services).filter(([, { profiles }]) => profiles !== undefined)
  expect(optional.map(([name]) => name)).toEqual(['kafka'])
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
  const mounts = Object.values(services).flatMap((each) => each.volumes.map((text) => text.split(':')))
  const named = mounts.flatMap(([from = '']) => (from.startsWith('.') ? [] : [from]))
  expect([...new Set(named)].sort()).toEqual(Object.keys(volumes).sort())
  for (const [from = '', , mode] of mounts.filter(([each = '']) => each.startsWith('.'))) {
    expect(existsSync(join(ROOT, from)), from).toBe(true)
    expect(mode, from).toBe('ro')
  }
})

test('our containers may write to their volume and nowhere else', () => {
  expect(ours.map(([name]) => name)).toEqual(['install', 'demo'])
  for (const [, each] of ours)
    expect(each).toMatchObject({
      init: true,
      read_only: true,
      tmpfs: ['/tmp'],
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    })
})

test('our containers reach the cluster at the address their pipeline file has', () => {
  const { elasticsearch, hosts } = parsePipeline(read('pipelines/replay-to-elasticsearch.yaml'), 'pipeline.yaml')
  expect(elasticsearch).toMatchObject({ url: 'http://127.0.0.1:9200', apiKey: null, username: '', metrics: 'standard' })
  for (const [, each] of ours) expect(each.network_mode).toBe('service:elasticsearch')
  expect(serviceOf('elasticsearch').ports).toEqual(['127.0.0.1:9200:9200'])
  // It is used instead of the demo's own file, so it has to say the same of the machines.
  expect(hosts).toEqual(parsePipeline(read('pipelines/demo/pipeline.yaml'), 'pipeline.yaml').hosts)
})

for (const [name, { command, volumes: mounts }] of ours) {
  test(`the command of ${name} is one of ours, with options it has and files that are there`, async () => {
    const words = command.filter((word) => /^[a-z]+$/.test(word))
    const help = await helpOf(words)
    expect(help).toContain(`peertrail ${words.join(' ')}`)
    const options = command.filter((word) => word.startsWith('--'))
    expect(options).toContain('--pipeline')
    for (const option of options) expect(help).toContain(` ${option} `)
    for (const path of command.filter((word) => word.startsWith('/'))) {
      if (path === MOUNTED_PIPELINE) expect(mounts.some((mount) => mount.endsWith(`:${path}:ro`))).toBe(true)
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
