import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createHostfactsCollector, gatherHostfacts } from '../../../src/live/hostfacts/hostfacts.ts'
import { isKnown } from '../../../src/sources/hostfacts/facts.ts'
import { createManualClock } from '../collectors/manual-clock.ts'
import { createListLog, openWorkshop, until, type Workshop } from '../collectors/workshop.ts'

let shop: Workshop
beforeEach(() => {
  shop = openWorkshop()
})
afterEach(() => shop.remove())

const put = (path: string, text: string, mode = 0o644) => {
  mkdirSync(dirname(shop.path(path)), { recursive: true })
  writeFileSync(shop.path(path), text)
  chmodSync(shop.path(path), mode)
}
const program = (path: string, body: string) => put(path, `#!/bin/sh\n${body}\n`, 0o755)
const gather = (logs: string[] = []) => gatherHostfacts({ root: shop.dir, logs })

const UDP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  100: 00000000:CA6C 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 0 2 0000000000000000 0
  101: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000000000000000 0
  102: 0200080A:9C40 0108080A:0035 01 00000000:00000000 00:00000000 00000000     0        0 1 2 0000000000000000 0
  nonsense
`
const UDP6 = `  sl  local_address                         remote_address                        st
  100: 00000000000000000000000000000000:CA6C 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000
  101: 000080FE000000000000000001000000:0222 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000
`

describe('host facts', () => {
  test('of a machine with nothing say what is missing, and are gathered all the same', async () => {
    const facts = await gather(['/var/log/kern.log'])
    const missing = { problem: 'no such file' }
    expect(facts.kernel).toEqual({ release: missing, version: missing, bootId: missing, modules: missing })
    expect(facts.sysctls['net.netfilter.nf_conntrack_acct']).toEqual(missing)
    expect(facts.files).toEqual([
      { path: '/etc/wireguard', ...missing },
      { path: '/var/log/kern.log', ...missing },
    ])
    expect(facts.audit.rules).toEqual({ problem: 'auditctl is not installed' })
    expect(facts.clock.systemd).toEqual({ problem: 'timedatectl is not installed' })
    expect(facts.udpSockets).toEqual(missing)
    expect(Object.values(facts.programs).every((path) => path === '')).toBe(true)
  })

  test('tell the kernel, its modules and its settings', async () => {
    put('proc/sys/kernel/osrelease', '6.1.0-42-amd64\n')
    put('proc/sys/net/netfilter/nf_conntrack_acct', '1\n')
    put('proc/sys/kernel/printk', '4\t4\t1\t7\n')
    put('proc/modules', 'wireguard 94208 0 - Live 0x0\nnf_conntrack_extra 1 0 - Live 0x0\n')
    put('lib/modules/6.1.0-42-amd64/modules.builtin', 'kernel/net/netfilter/nf_conntrack.ko\n')
    put('lib/modules/6.1.0-42-amd64/modules.dep', 'kernel/net/netfilter/nft-log.ko.xz: kernel/x.ko.xz\n')
    mkdirSync(shop.path('sys/module/nf_tables'), { recursive: true })
    put('etc/os-release', 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n')
    const { kernel, sysctls, machine } = await gather()
    expect(kernel.release).toBe('6.1.0-42-amd64')
    expect(kernel.modules).toMatchObject({
      wireguard: 'loaded',
      nf_conntrack: 'built-in',
      nf_tables: 'built-in',
      nft_log: 'available',
      nf_log_syslog: 'absent',
    })
    expect(sysctls['net.netfilter.nf_conntrack_acct']).toBe('1')
    expect(sysctls['kernel.printk']).toBe('4 4 1 7')
    expect(machine).toMatchObject({ system: 'Debian GNU/Linux 12 (bookworm)', distribution: 'debian' })
  })

  test('do not call a module absent where nothing lists what there is', async () => {
    put('proc/sys/kernel/osrelease', '6.1.0\n')
    put('proc/modules', '')
    expect((await gather()).kernel.modules).toMatchObject({ wireguard: 'unknown' })
  })

  test('tell modes and owners, never what is in a file', async () => {
    put('etc/wireguard/wg0.conf', '[Interface]\nPrivateKey = 2BJtGUjJCJOs+lMaUWuHuqDYnW9SHE7DzQSnMz/V7Vg=\n', 0o640)
    put('var/log/kern.log', 'secret of the log', 0o600)
    symlinkSync('wg0.conf', shop.path('etc/wireguard/wg1.conf'))
    chmodSync(shop.path('etc/wireguard'), 0o700)
    const facts = await gather(['/var/log/kern.log'])
    expect(facts.files).toMatchObject([
      { path: '/etc/wireguard', kind: 'directory', mode: '0700' },
      { path: '/etc/wireguard/wg0.conf', kind: 'file', mode: '0640', uid: process.getuid?.() },
      { path: '/etc/wireguard/wg1.conf', kind: 'link' },
      { path: '/var/log/kern.log', kind: 'file', mode: '0600', size: 17 },
    ])
    expect(JSON.stringify(facts)).not.toMatch(/PrivateKey =|2BJtGUjJ|secret/)
  })

  test('list UDP sockets that wait for anybody', async () => {
    put('proc/net/udp', UDP)
    put('proc/net/udp6', UDP6)
    const { udpSockets } = await gather()
    // The tables are written in this machine's byte order; the fixture is one of a little-endian machine.
    expect(isKnown(udpSockets) ? udpSockets : []).toEqual([
      { address: '127.0.0.1', port: 53 },
      { address: 'fe80::1', port: 546 },
      { address: '0.0.0.0', port: 51820 },
      { address: '::', port: 51820 },
    ])
  })

  test('ask audit and the clock', async () => {
    const rules = '-w /etc/wireguard -p wa -k wireguard\\n-a always,exit -F arch=b64 -S execve'
    program(
      'usr/sbin/auditctl',
      `case $1 in -l) printf '%b\\n' '${rules}' ;; -s) printf 'enabled 1\\nlost 3\\n' ;; esac`,
    )
    program('usr/bin/timedatectl', `printf 'Timezone=Asia/Kolkata\\nNTP=yes\\nNTPSynchronized=no\\n'`)
    program('usr/bin/chronyc', `echo 'C0248F71,192.36.143.113,3,1795345602.1,-0.000012,0,0,0,0,0,0,0,0,Normal'`)
    const { audit, clock, programs } = await gather()
    expect(audit).toEqual({
      rules: ['-w /etc/wireguard -p wa -k wireguard', '-a always,exit -F arch=b64 -S execve'],
      status: { enabled: '1', lost: '3' },
    })
    expect(clock.systemd).toEqual({ timezone: 'Asia/Kolkata', isNtpOn: true, isSynchronized: false })
    expect(clock.chrony).toEqual({ reference: '192.36.143.113', stratum: 3, offset: -0.000012 })
    expect(programs['auditctl']).toBe(shop.path('usr/sbin/auditctl'))
  })

  test('survive programs that fail, answer nonsense or never answer', async () => {
    program(
      'usr/sbin/auditctl',
      `case $1 in -l) echo 'You must be root \x1b[1m' >&2; exit 4 ;; -s) exec sleep 1000 ;; esac`,
    )
    program('usr/bin/timedatectl', 'printf "\\377\\n=\\n"')
    program('usr/bin/chronyc', 'echo "506 Cannot talk to daemon"')
    const clock = createManualClock(0)
    const gathering = gatherHostfacts({ root: shop.dir, clock })
    let isDone = false
    const done = gathering.then((facts) => {
      isDone = true
      return facts
    })
    await until(() => clock.pending === 1, 'all but one answer')
    clock.advance(5_000)
    const facts = await done
    expect(isDone).toBe(true)
    expect(facts.audit.rules).toEqual({ problem: 'auditctl: exit status 4: You must be root \\x1b[1m' })
    expect(facts.audit.status).toEqual({ problem: 'auditctl: no answer within 5 s' })
    expect(facts.clock.systemd).toEqual({ timezone: '', isNtpOn: null, isSynchronized: null })
    expect(facts.clock.chrony).toEqual({ problem: 'chronyc did not answer in its usual form' })
  })

  test('go into the journal as one dated line of JSON, at the start and every hour', async () => {
    put('proc/sys/kernel/osrelease', '6.1.0\n')
    const clock = createManualClock(1_795_360_166_964_000)
    const collector = createHostfactsCollector(
      {
        label: 'gw1 host facts',
        host: 'gw1',
        path: shop.path('gw1/hostfacts.snapshots'),
        bytesMax: 1e6,
        keep: 1,
        everyMs: 3_600_000,
        logs: [],
        root: shop.dir,
      },
      { now: clock.now, after: clock.after, log: createListLog().log },
    )
    const lines = () => shop.read('gw1/hostfacts.snapshots').split('\n').slice(0, -1)
    collector.start()
    await until(() => lines().length === 2 && clock.pending === 2, 'the first, and the end of the search for keys')
    clock.advance(5_000)
    await until(() => lines().length === 4, 'what was found')
    // To the full hour.
    clock.advance(3_028_036)
    await until(() => lines().length === 6, 'the next hour')
    await collector.stop()
    expect(lines()[0]).toBe('# 2026-11-22T15:09:26.964+00:00 gw1')
    expect(lines()[4]).toBe('# 2026-11-22T16:00:00.000+00:00 gw1')
    const keys = [1, 3, 5].map((at) => JSON.parse(lines()[at] ?? '').privateKeys)
    expect(keys[0]).toEqual({ problem: 'the search for keys is not over yet' })
    expect(keys[1]).toMatchObject({ filesRead: 0 })
    expect(keys[2]).toEqual(keys[1])
    expect(JSON.parse(lines()[1] ?? '')).toMatchObject({ version: 1, kernel: { release: '6.1.0' } })
  })

  test('stand at the time when all of them were there', async () => {
    program('usr/sbin/auditctl', 'echo asked >>"$0.asked"; exec sleep 1000')
    const clock = createManualClock(0)
    const options = { label: 'x', host: 'gw1', path: shop.path('x'), bytesMax: 1e6, keep: 1, everyMs: 3_600_000 }
    const collector = createHostfactsCollector(
      { ...options, logs: [], root: shop.dir },
      { now: clock.now, after: clock.after, log: createListLog().log },
    )
    collector.start()
    await until(() => shop.read('usr/sbin/auditctl.asked').split('\n').length === 3, 'both questions')
    // As long as a program is waited for.
    clock.advance(5_000)
    await until(() => shop.read('x') !== '', 'the facts')
    expect(shop.read('x').split('\n')[0]).toBe('# 1970-01-01T00:00:05.000+00:00 gw1')
    await collector.stop()
  })

  test('do not hold up the stop', async () => {
    program('usr/sbin/auditctl', 'echo asked >>"$0.asked"; exec sleep 1000')
    const clock = createManualClock(0)
    const options = { label: 'x', host: 'gw1', path: shop.path('x'), bytesMax: 1e6, keep: 1, everyMs: 1_000 }
    const collector = createHostfactsCollector(
      { ...options, logs: [], root: shop.dir },
      { now: clock.now, after: clock.after, log: createListLog().log },
    )
    collector.start()
    await until(() => shop.read('usr/sbin/auditctl.asked').split('\n').length === 3, 'both questions')
    await collector.stop()
    expect(collector.status().state).toBe('stopped')
    expect(shop.read('x')).toBe('')
    clock.advance(5_000)
    await until(() => clock.pending === 0, 'the end of the program')
  })
})
