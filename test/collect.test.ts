/**
 * Goal: deploy/collect.sh makes a capture that `replay` reads, on any POSIX shell, and no secret gets into it. Method: fake commands
 * (test/fixtures/collect/bin) first in PATH, a made-up machine below COLLECT_ROOT, then the real command on what came of it.
 */
import { execFile, spawnSync } from 'node:child_process'
import { chmod, copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseRuleset } from '../src/sources/nftables/ruleset.ts'
import { splitRulesetDumps } from '../src/sources/nftables/ruleset-history.ts'
import { DEMO } from './replay-capture.ts'

const ROOT = new URL('..', import.meta.url).pathname
const SCRIPT = join(ROOT, 'deploy/collect.sh')
const FAKES = join(ROOT, 'test/fixtures/collect/bin')
const PEER = '1hivw7lg/rpBDTd5uRKrsY7jcDFApAZddrvquamhtF4='
const CONF = `[Interface]
Address = 10.8.0.1/24
P r i v a t e K e y = SECRETprivatekeySECRETprivatekeySECRETpriv0=
ListenPort=51820
PostUp = curl -H "SECRETheader" https://example.com # SECRETtail
Unknown = SECRETunknown

[Peer]
# Name = alice-laptop
# PresharedKey = SECRETcommentSECRETcommentSECRETcommentSECR=
PublicKey = ${PEER} # psk is SECRETshort
PresharedKey=SECRETpresharedkeySECRETpresharedSECRETpres0=\r
AllowedIPs = 10.8.0.24/32
`
/** What of it may be shown. */
const CONF_KEPT = `[Interface]
Address = 10.8.0.1/24
ListenPort=51820
PostUp = (hidden)

[Peer]
# Name = alice-laptop
PublicKey = ${PEER}\u0020
AllowedIPs = 10.8.0.24/32
`

type Run = { readonly exit: number; readonly out: string; readonly err: string }
type Shell = { readonly name: string; readonly command: readonly string[]; readonly path: string }

let scratch = ''
let machine = ''
const shells: Shell[] = []

/** dash and its like with the system's tools; busybox with nothing but its own. */
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'peertrail-collect-'))
  machine = join(scratch, 'machine')
  await makeMachine(machine)
  const system = '/usr/bin:/bin:/usr/sbin:/sbin'
  if (spawnSync('dash', ['-c', ':']).status === 0) shells.push({ name: 'dash', command: ['dash'], path: system })
  if (spawnSync('busybox', ['ash', '-c', ':']).status === 0) {
    const applets = join(scratch, 'applets')
    await mkdir(applets)
    spawnSync('busybox', ['--install', '-s', applets])
    shells.push({ name: 'busybox', command: [join(applets, 'ash')], path: applets })
  }
})

afterAll(async () => {
  await rm(scratch, { recursive: true })
})

async function makeMachine(root: string): Promise<void> {
  const put = async (name: string, bytes: string | Uint8Array) => {
    await mkdir(join(root, dirname(name)), { recursive: true })
    await writeFile(join(root, name), bytes)
  }
  await put('var/log/kern.log', await readFile(join(DEMO, 'gw1/kern.log')))
  await put('var/log/kern.log.1', await readFile(join(DEMO, 'gw1/kern.log.1')))
  await put('var/log/kern.log.2.gz', gzipSync(await readFile(join(DEMO, 'gw1/kern.log.2'))))
  await put('var/log/kern.log.bak', 'SECRETbackup\n')
  await put('var/log/syslog', 'SECRETsyslog\n')
  await put('secret.txt', 'SECRETelsewhere\n')
  await symlink(join(root, 'secret.txt'), join(root, 'var/log/kern.log.3'))
  spawnSync('mkfifo', [join(root, 'var/log/kern.log.4')])
  await put('var/log/audit/audit.log', await readFile(join(DEMO, 'db1/audit.log')))
  await put('var/log/audit/audit.log.1', await readFile(join(DEMO, 'db1/audit.log.1')))
  await put('etc/wireguard/wg0.conf', CONF)
  await put('etc/wireguard/wg0.conf.bak', 'SECRETbackup\n')
  await symlink(join(root, 'secret.txt'), join(root, 'etc/wireguard/wg1.conf'))
  await symlink('/usr/share/zoneinfo/Asia/Kolkata', join(root, 'etc/localtime'))
  for (const [name, value] of [
    ['count', '7'],
    ['acct', '0'],
    ['timestamp', '1'],
  ])
    await put(`proc/sys/net/netfilter/nf_conntrack_${name}`, `${value}\n`)
  await put('proc/uptime', '4242.42 1.00\n')
}

async function collect(shell: Shell, args: readonly string[], environment: Record<string, string> = {}): Promise<Run> {
  const state = await mkdtemp(join(scratch, 'state-'))
  const [program = '', ...first] = shell.command
  const env = {
    PATH: `${FAKES}:${shell.path}`,
    COLLECT_ROOT: machine,
    FAKE_STATE: state,
    TZ: 'America/New_York',
    ...environment,
  }
  try {
    const { stdout, stderr } = await promisify(execFile)(program, [...first, SCRIPT, ...args], { env, cwd: scratch })
    return { exit: 0, out: stdout, err: stderr }
  } catch (error) {
    // execFile rejects with an Error that carries what the process said.
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { exit: code, out: stdout, err: stderr }
  }
}

/** Every file below, by name, as text; compressed ones unpacked. */
async function filesIn(directory: string): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    expect(entry.isFile() || entry.isDirectory(), path).toBe(true)
    expect((await stat(path)).mode & 0o077, path).toBe(0)
    if (!entry.isFile()) continue
    const bytes = await readFile(path)
    files.set(path.slice(directory.length + 1), (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1'))
  }
  return files
}

async function replay(directory: string, out: string): Promise<{ exit: number; summary: Record<string, unknown> }> {
  const args = [join(ROOT, 'src/main.ts'), 'replay', directory, '--ndjson', out, '--json']
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 })
  // JSON of our own summary.
  return { exit: 0, summary: JSON.parse(stdout) as Record<string, unknown> }
}

/** Every dump whole, dated, and without its secrets. */
function expectDumps(files: ReadonlyMap<string, string>): void {
  const rulesets = splitRulesetDumps(files.get('gw1/ruleset.snapshots') ?? '')
  expect(rulesets.map(({ text }) => 'problem' in parseRuleset(text))).toEqual([false, false])
  // One look before the recording and one a second, less the one that broke off: no half dump.
  const polls = files.get('gw1/wg.snapshots')?.split('# ').slice(1) ?? []
  expect(polls).toHaveLength(4)
  for (const poll of polls) {
    expect(poll).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?\+00:00 gw1\nwg0\t\(hidden\)\tX5dV.*\n/)
    expect(poll).toContain(`\nwg0\t${PEER}\t(hidden)\t198.51.100.9:51479\t10.8.0.24/32\t0\t0\t0\toff\n`)
    expect(poll).toContain('e10=\t(none)\t(none)\t10.8.0.17/32\t0\t0\t0\t25\n')
  }
}

const SHELLS = ['dash', 'busybox'] as const

describe.each(SHELLS)('with %s', (name) => {
  const find = () => shells.find((shell) => shell.name === name)

  test('a gateway becomes a capture: sources, sums, no secret, and a flow that is exact', async (context) => {
    const shell = find()
    if (shell === undefined) return context.skip(`${name} is not installed here`)
    const directory = join(scratch, `of ${name}`)
    const run = await collect(shell, ['-o', directory, '-n', 'gw1', '-t', '4'], { FAKE_WG_FAILS: '3' })
    expect(run).toMatchObject({ exit: 0, out: `${directory}\n` })
    const files = await filesIn(directory)
    expect([...files.keys()].sort()).toEqual([
      'SHA256SUMS',
      'gw1/audit.log',
      'gw1/audit.log.1',
      'gw1/conntrack.log',
      'gw1/conntrack.snapshots',
      'gw1/conntrack.stderr',
      'gw1/hostfacts.json',
      'gw1/kern.log',
      'gw1/kern.log.1',
      'gw1/kern.log.2.gz',
      'gw1/ruleset.snapshots',
      'gw1/wg.snapshots',
      'gw1/wg0.conf',
      'pipeline.yaml',
    ])
    for (const [file, text] of files) expect(text, file).not.toContain('SECRET')
    expect(run.err).not.toContain('SECRET')
    expect(files.get('gw1/kern.log.2.gz')).toBe(await readFile(join(DEMO, 'gw1/kern.log.2'), 'latin1'))
    expect(files.get('gw1/conntrack.stderr')).toMatch(/2 flow events have been shown/)
    expect(files.get('pipeline.yaml')).toContain('timezone: "Asia/Kolkata"')
    expect(files.get('gw1/wg0.conf')).toBe(CONF_KEPT)
    expectDumps(files)
    expect(run.err).toContain('wg.snapshots: 1 polls failed')
    expect(run.err).toContain('nf_conntrack_acct is off')
    expect(JSON.parse(files.get('gw1/hostfacts.json') ?? '')).toMatchObject({
      host: 'gw1',
      timezone: 'Asia/Kolkata',
      clock: { uptime: '4242.42' },
      sysctls: { 'net.netfilter.nf_conntrack_acct': '0', 'net.netfilter.nf_conntrack_count': '7' },
    })
    expect(spawnSync('sha256sum', ['-c', '--strict', '--quiet', 'SHA256SUMS'], { cwd: directory }).status).toBe(0)

    const ndjson = join(scratch, `${name}.ndjson`)
    const { summary } = await replay(directory, ndjson)
    expect(summary).toMatchObject({
      sums: { listed: 13, intact: 13, changed: [], missing: [], unlisted: [] },
      ignored: [],
    })
    const sources = summary['sources'] as { source: string; unparsed: number; suspect: number }[] // printSummary's own
    expect(sources.map(({ source }) => source).sort()).toEqual([
      'audit',
      'conntrack',
      'conntrack-dump',
      'hostfacts',
      'nftables',
      'wireguard',
    ])
    for (const { source, unparsed } of sources) expect([source, unparsed]).toEqual([source, 0])
    const documents = (await readFile(ndjson, 'utf8')).trimEnd().split('\n')
    expect(documents.join('')).not.toContain('SECRET')
    const ended = documents.filter((line) => line.includes('"action":"flow-ended"') && line.includes('"port":40001'))
    expect(ended.map((line) => JSON.parse(line).wireguard)).toMatchObject([
      { peer: { public_key: PEER }, attribution: { status: 'exact', method: 'prefix' }, interface: { name: 'wg0' } },
    ])
  })

  test('a machine without log files gives its journal, and what it has no tool for is said with the way to get it', async (context) => {
    const shell = find()
    if (shell === undefined) return context.skip(`${name} is not installed here`)
    const bare = join(scratch, `bare-${name}`)
    await mkdir(join(bare, 'etc'), { recursive: true })
    const directory = join(scratch, `journal-${name}`)
    const run = await collect(shell, ['-o', directory, '-n', 'db1'], { COLLECT_ROOT: bare })
    expect(run.exit).toBe(0)
    expect([...(await filesIn(directory)).keys()].sort()).toEqual([
      'SHA256SUMS',
      'db1/hostfacts.json',
      'db1/journal.json',
      'db1/ruleset.snapshots',
      'db1/wg.snapshots',
      'pipeline.yaml',
    ])
    expect(run.err).toContain('conntrack: this machine tracks no connections')
    const { summary } = await replay(directory, join(scratch, `journal-${name}.ndjson`))
    expect(summary).toMatchObject({ sums: { changed: [], missing: [], unlisted: [] } })
    const sources = summary['sources'] as { source: string; lines: number }[] // printSummary's own
    expect(sources.filter(({ source }) => source.startsWith('journal')).map(({ lines }) => lines)).toEqual([2, 2])
  })
})

describe('collect.sh', () => {
  const shell: Shell = { name: 'sh', command: ['sh'], path: '/usr/bin:/bin:/usr/sbin:/sbin' }

  /** A PATH with these programs before the fakes and the system's. */
  async function addTools(name: string, programs: Readonly<Record<string, string>>): Promise<string> {
    const folder = join(scratch, `tools-${name}`)
    await mkdir(folder)
    for (const [program, text] of Object.entries(programs))
      await writeFile(join(folder, program), text, { mode: 0o755 })
    return `${folder}:${FAKES}:${shell.path}`
  }

  test('refuses what it must not write to, and arguments it does not know', async () => {
    const full = join(scratch, 'full')
    await mkdir(full)
    await writeFile(join(full, 'x'), '')
    await symlink(scratch, join(scratch, 'link'))
    const open = join(scratch, 'open')
    await mkdir(open)
    await chmod(open, 0o777)
    for (const args of [
      ['-o', full],
      ['-o', join(scratch, 'link')],
      ['-o', open],
      ['-o', join(scratch, 'no/such/parent')],
      ['-n', '../up'],
      ['-n', 'two words'],
      ['-t', '1s'],
      ['-t', '86401'],
      ['-x'],
      ['extra'],
    ]) {
      const run = await collect(shell, args)
      expect([args, run.exit, run.out]).toEqual([args, 2, ''])
      expect(run.err).toContain('usage: collect.sh [-o DIR] [-n HOSTNAME] [-t SECONDS]')
    }
    expect(await readdir(full)).toEqual(['x'])
    expect(await readdir(open)).toEqual([])
  })

  test('ends 1 where there is nothing to gather, and names the directory it makes by itself', async () => {
    const bare = join(scratch, 'nothing')
    await mkdir(bare)
    const tools = join(scratch, 'few')
    await cp(FAKES, tools, { recursive: true })
    for (const fake of ['wg', 'nft', 'journalctl', 'conntrack']) {
      await writeFile(join(tools, fake), '#!/bin/sh\nexit 1\n')
    }
    const run = await collect(shell, ['-n', 'h1'], { COLLECT_ROOT: bare, PATH: `${tools}:${shell.path}` })
    expect(run.exit).toBe(1)
    expect(run.out).toMatch(/\/capture-h1-\d{8}T\d{6}Z\n$/)
    expect(run.err).toContain('no source was gathered')
    expect(run.err).toContain('wg.snapshots: `wg show all dump` failed; run this as root')
  })

  test('takes what is kept on the machine already instead of recording it a second time', async () => {
    const kept = join(scratch, 'kept')
    await makeMachine(kept)
    const folder = join(kept, 'var/log/peertrail')
    await mkdir(folder)
    for (const file of ['wg.snapshots', 'conntrack.log']) await copyFile(join(DEMO, 'gw1', file), join(folder, file))
    await writeFile(join(folder, 'conntrack.log.1'), 'older\n')
    await writeFile(join(folder, 'conntrack.stderr.10'), 'oldest words\n')
    await writeFile(join(folder, 'conntrack.stderr.2.gz'), gzipSync('older words\n'))
    await writeFile(join(folder, 'conntrack.stderr'), 'newest words\n')
    const directory = join(scratch, 'of kept')
    const run = await collect(shell, ['-o', directory, '-n', 'gw1'], { COLLECT_ROOT: kept })
    expect(run.exit).toBe(0)
    const files = await filesIn(directory)
    expect(files.get('gw1/wg.snapshots')).toBe(await readFile(join(DEMO, 'gw1/wg.snapshots'), 'latin1'))
    expect(files.get('gw1/conntrack.log.1')).toBe('older\n')
    expect(files.get('gw1/conntrack.stderr')).toBe('oldest words\nolder words\nnewest words\n')
  })

  test('copies a family again when it was rotated meanwhile: every line once', async () => {
    const rotating = join(scratch, 'rotating')
    const log = join(rotating, 'var/log')
    await mkdir(log, { recursive: true })
    for (const [name, text] of [
      ['kern.log', 'third\n'],
      ['kern.log.1', 'second\n'],
      ['kern.log.2', 'first\n'],
    ] as const)
      await writeFile(join(log, name), text)
    const tools = await addTools('rotation', {
      cat: `#!/bin/sh
case $1 in */kern.log.1)
  if [ ! -e "$FAKE_STATE/rotated" ]; then
    touch "$FAKE_STATE/rotated"
    (cd "\${1%/*}" && mv kern.log.2 kern.log.3 && mv kern.log.1 kern.log.2 && mv kern.log kern.log.1 && echo fourth >kern.log)
  fi ;;
esac
exec /bin/cat "$@"
`,
    })
    const directory = join(scratch, 'of rotating')
    const run = await collect(shell, ['-o', directory, '-n', 'gw1'], { COLLECT_ROOT: rotating, PATH: tools })
    expect(run.exit).toBe(0)
    const files = await filesIn(directory)
    const lines = ['kern.log.3', 'kern.log.2', 'kern.log.1', 'kern.log'].map((name) => files.get(`gw1/${name}`))
    expect(lines).toEqual(['first\n', 'second\n', 'third\n', 'fourth\n'])
  })

  test('leaves room on the disk: what does not fit is left out, not cut, and named', async () => {
    // 8 kB above the reserve.
    const tools = await addTools('full', {
      df: '#!/bin/sh\necho "Filesystem 1024-blocks Used Available Capacity Mounted on"\necho "/dev/x 1 1 262152 1% /"\n',
    })
    const directory = join(scratch, 'of full')
    const run = await collect(shell, ['-o', directory, '-n', 'gw1'], { PATH: tools })
    expect(run.exit).toBe(0)
    expect(run.err).toMatch(/kern\.log: no room, or a read error: kern\.log/)
    const files = await filesIn(directory)
    expect(files.has('gw1/kern.log')).toBe(false)
    for (const name of files.keys()) expect((await stat(join(directory, name))).size).toBeLessThanOrEqual(8192)
    expect(spawnSync('sha256sum', ['-c', '--strict', '--quiet', 'SHA256SUMS'], { cwd: directory }).status).toBe(0)
  })

  test('leaves no conntrack behind when it is interrupted, and finishes what it has', async () => {
    const directory = join(scratch, 'interrupted')
    const state = await mkdtemp(join(scratch, 'state-'))
    const env = { PATH: `${FAKES}:${shell.path}`, COLLECT_ROOT: machine, FAKE_STATE: state }
    const child = execFile('sh', [SCRIPT, '-o', directory, '-n', 'gw1', '-t', '600'], { env })
    const ended = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)))
    child.stderr?.on('data', (text: string) => {
      if (text.includes('recording for 600 seconds')) child.kill('SIGTERM')
    })
    expect(await ended).toBe(0)
    expect((await filesIn(directory)).has('SHA256SUMS')).toBe(true)
    const pid = Number(await readFile(join(state, 'conntrack.pid'), 'utf8'))
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })

  test('passes shellcheck', (context) => {
    const { status, stdout, error } = spawnSync('shellcheck', ['-s', 'sh', SCRIPT], { encoding: 'utf8' })
    if (error !== undefined) return context.skip('shellcheck is not installed here')
    expect([status, stdout]).toEqual([0, ''])
  })
})
