/**
 * Goal: the files of deploy/ work as they are on the machines they are for. Method: their own programs judge them (nft, systemd-analyze,
 * rsyslogd, logrotate) where they are installed; a test that could not ask says so. What our parsers make of the log rules is checked too.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, expect, type TestContext, test } from 'vitest'
import { parseRuleset } from '../src/sources/nftables/ruleset.ts'
import { filesBelow } from './tidy/tree.ts'

const ROOT = new URL('..', import.meta.url).pathname
const scratch = mkdtempSync(join(tmpdir(), 'peertrail-deploy-'))
const deployed = filesBelow('deploy')

afterAll(() => rmSync(scratch, { recursive: true }))

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

type Answer = { readonly status: number | null; readonly text: string }

/** What a program says; null where it is not installed. Debian keeps several of them in /usr/sbin. */
function ask(program: string, args: readonly string[]): Answer | null {
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', env, cwd: scratch })
  return error === undefined ? { status, text: `${stdout}${stderr}` } : null
}

/** The answer of a program that is needed, or the test is skipped, with the reason. */
function answerOf(context: TestContext, program: string, args: readonly string[]): Answer {
  return ask(program, args) ?? context.skip(`${program} is not installed here`)
}

/** A file of deploy/ with places of this machine in it, in the scratch directory. */
function placed(path: string, ...changes: readonly (readonly [string | RegExp, string])[]): string {
  const target = join(scratch, basename(path))
  const text = changes.reduce((so, [from, to]) => so.replaceAll(from, to), read(path))
  writeFileSync(target, text, { mode: 0o644 })
  return target
}

test('every file says at its beginning where it belongs, on Debian and on Red Hat', () => {
  expect(deployed.length).toBeGreaterThanOrEqual(12)
  for (const path of deployed) {
    if (['deploy/audit.rules', 'deploy/collect.sh'].includes(path)) continue
    const head = read(path).split('\n').slice(0, 16).join('\n')
    expect(head, path).toMatch(/^#/)
    expect(head, path).toContain('Debian 12')
    expect(head, path).toContain('Red Hat')
  }
})

test('each file of deploy/ is told of in the manual', () => {
  const manual = read('docs/operations.md')
  const untold = deployed.filter(
    (path) => !manual.includes(path) && !manual.includes(`${path.split('/', 2).join('/')}/`),
  )
  expect(untold).toEqual([])
})

test('the sysctls are those the manual explains, and nothing else', () => {
  const settings = read('deploy/sysctl/60-peertrail.conf')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  const explained =
    /```\n# \/etc\/sysctl\.d\/60-peertrail\.conf\n([^`]+)```/.exec(read('docs/operations.md'))?.[1] ?? ''
  expect(settings.map((line) => line.replace(/^-/, '')).sort()).toEqual(explained.trim().split('\n').sort())
})

test('nft takes the log rules, any number of times, and our parser knows what each means', (context) => {
  const file = join(ROOT, 'deploy/nftables/wireguard-logging.nft')
  if (ask('nft', ['--version']) === null) return context.skip('nft is not installed here')
  // A network namespace of its own: nothing of this machine's firewall is touched.
  if (ask('unshare', ['-n', 'nft', 'list', 'tables'])?.status !== 0)
    return context.skip('no network namespace can be made here, or its kernel has no nf_tables')
  expect(ask('unshare', ['-n', 'nft', '-c', '-f', file])).toEqual({ status: 0, text: '' })
  const twice = `nft -f '${file}' && nft -f '${file}' && nft -j -a list ruleset`
  const { status, text } = answerOf(context, 'unshare', ['-n', 'sh', '-c', twice])
  expect([status, text.slice(0, 12)]).toEqual([0, '{"nftables":'])
  const ruleset = parseRuleset(text)
  if ('problem' in ruleset) throw new Error(ruleset.problem)
  const verdicts = ruleset.prefixes.map((prefix) => [prefix, ruleset.logRules(prefix).map(({ verdict }) => verdict)])
  expect(Object.fromEntries(verdicts)).toEqual({
    'wg-drop: ': ['dropped'],
    'wg-drop6: ': ['dropped'],
    'wg-accept: ': ['accepted'],
    'to-wg-accept: ': ['accepted'],
    'wg-invalid: ': ['accepted'],
    'wg-in-accept: ': ['accepted'],
    'wg-out-accept: ': ['accepted'],
  })
  expect(ruleset.sampledPrefixes).toEqual([])
  expect(ruleset.loggedInterfaces(['wg0', 'wg-site'])).toEqual(['wg0', 'wg-site'])
})

for (const [name, exposure] of [
  ['peertrail', 25],
  ['peertrail-conntrack', 20],
] as const) {
  test(`systemd takes ${name}.service, and finds it exposed by at most ${exposure} of 100`, (context) => {
    // The program is not installed where the tests run; systemd asks for it.
    const unit = placed(`deploy/systemd/${name}.service`, ['/usr/bin/peertrail run', '/bin/true run'])
    expect(answerOf(context, 'systemd-analyze', ['verify', unit])).toEqual({ status: 0, text: '' })
    const args = ['security', '--offline=true', `--threshold=${exposure}`, '--no-pager', unit]
    const { status, text } = answerOf(context, 'systemd-analyze', args)
    expect(status, text).toBe(0)
  })
}

test('the daemon may look at the kernel and nothing more, and is told apart from its children', () => {
  const unit = read('deploy/systemd/peertrail.service')
  const settings = unit.split('\n').filter((line) => /^[A-Z]\w+=/.test(line))
  for (const wanted of [
    'Type=notify',
    'NotifyAccess=all',
    'WatchdogSec=60',
    'KillMode=mixed',
    'Restart=always',
    'ExecReload=/bin/kill -HUP $MAINPID',
    'User=peertrail',
    'StateDirectory=peertrail peertrail-state',
    'RuntimeDirectory=peertrail',
    'AmbientCapabilities=CAP_NET_ADMIN',
    'CapabilityBoundingSet=CAP_NET_ADMIN',
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    'PrivateTmp=yes',
    'SystemCallFilter=@system-service',
  ])
    expect(settings).toContain(wanted)
  // It drains within ten seconds (10 s), so systemd must not kill it before.
  expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])).toBeGreaterThan(10)
})

test('conntrack.log is written by the unit as docs and collect.sh expect it, and rotated together with its stderr', () => {
  const unit = read('deploy/systemd/peertrail-conntrack.service')
  const command = 'conntrack -E -o extended,id,timestamp,ktimestamp,labels --buffer-size 16777216'
  expect(unit).toContain(`exec ${command} >>/var/log/peertrail/conntrack.log 2>>/var/log/peertrail/conntrack.stderr`)
  expect(read('docs/operations.md')).toContain(command)
  expect(read('deploy/collect.sh')).toContain(command)
  const rotation = read('deploy/logrotate/peertrail')
  expect(rotation).toMatch(/^\/var\/log\/peertrail\/conntrack\.log \/var\/log\/peertrail\/conntrack\.stderr \{$/m)
  expect(rotation.match(/^\tcopytruncate$/m)).toBe(null)
})

test('logrotate takes the rotation', (context) => {
  // The user is made by systemd-sysusers, not here.
  const file = placed('deploy/logrotate/peertrail', ['\tsu peertrail peertrail\n', ''])
  const { status, text } = answerOf(context, 'logrotate', ['-d', '-s', join(scratch, 'state'), file])
  expect(status, text).toBe(0)
  expect(text).not.toMatch(/^error:/m)
  expect(text.match(/^rotating pattern:/gm)).toHaveLength(3)
})

for (const path of filesBelow('deploy/rsyslog')) {
  test(`rsyslogd takes ${path}`, (context) => {
    mkdirSync(join(scratch, 'tls'), { recursive: true })
    for (const name of ['ca.pem', 'this-machine.pem', 'this-machine.key', 'loghost.pem', 'loghost.key'])
      writeFileSync(join(scratch, 'tls', name), '')
    // The table that the file itself shows in a comment.
    const table = /^# (\{ "version": 1, .*\})$/m.exec(read('deploy/rsyslog/50-peertrail-central.conf'))?.[1] ?? ''
    writeFileSync(join(scratch, 'peertrail-hosts.json'), JSON.stringify(JSON.parse(table)))
    const work = `global(workDirectory="${scratch}")\n`
    const file = placed(path, ['/etc/peertrail/', `${scratch}/`], [/^/g, work])
    const answer = answerOf(context, 'rsyslogd', ['-N1', '-f', file])
    expect(answer.status, answer.text).toBe(0)
    expect(answer.text).not.toMatch(/error|warning/i)
  })
}

test('ulogd: every part of the stack is a plugin that is loaded, in the order our reader expects', () => {
  const text = read('deploy/ulogd/ulogd.conf')
  const loaded = [...text.matchAll(/^plugin=".*\/ulogd_[a-z0-9]+_([A-Z0-9]+)\.so"$/gm)].map(([, name = '']) => name)
  const stack =
    /^stack=(.*)$/m
      .exec(text)?.[1]
      ?.split(',')
      .map((part) => part.split(':')) ?? []
  expect(stack.map(([, plugin]) => plugin)).toEqual(['NFLOG', 'BASE', 'IFINDEX', 'IP2STR', 'HWHDR', 'JSON'])
  expect(loaded).toEqual(stack.map(([, plugin]) => plugin))
  for (const section of text.matchAll(/^\[(\w+)\]$/gm))
    expect(['global', ...stack.map(([instance]) => instance)]).toContain(section[1])
})
