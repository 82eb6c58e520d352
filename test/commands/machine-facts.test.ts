/**
 * Goal: facts are what the files and programs of a machine say. Method: a small copy of a machine's tree with made-up programs, looked at
 * through the `root` seam; single parts by themselves.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { gatherMachineFacts } from '../../src/commands/machine-facts.ts'
import { countKinds, rotationOf, rotations } from '../../src/commands/machine-logs.ts'
import { daemonReader, mayRead } from '../../src/commands/machine-reader.ts'
import { isKnown } from '../../src/sources/hostfacts/facts.ts'
import { madeLog } from './made-machine.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'peertrail-machine-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function put(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
  chmodSync(join(root, path), mode)
}

const program = (path: string, body: string) => put(path, `#!/bin/sh\n${body}\n`, 0o755)
const KEY = 'X5dVHUuk0MBkEIRhzAOFfNYmGmtrPEyPTUTtV2V9JCc='
const PACKET =
  '2026-11-22T10:39:57.736868+00:00 gw1 kernel: [ 2188.936237] wg-accept: IN=wg0 OUT=eth0 MAC= SRC=10.8.0.2\n'

describe('facts', () => {
  test('of an empty tree say what is not there', async () => {
    const facts = await gatherMachineFacts({ root, uid: 1000 })
    expect(facts).toMatchObject({
      family: 'other',
      isNetAdmin: false,
      isRoot: false,
      links: [],
      namespaces: [],
      processes: [],
      seesProcesses: false,
      ownFiles: [],
      ruleset: { problem: 'nft is not installed' },
      journal: { kept: 'none', gids: [] },
      auditLog: { problem: 'no such file' },
      wireguard: { names: [], peers: { problem: 'wg is not installed' }, configured: [] },
    })
    expect(isKnown(facts.disk)).toBe(true)
  })

  test('of a gateway: interfaces, peers, rules, logs, who runs', async () => {
    put('etc/os-release', 'PRETTY_NAME="Rocky Linux 9.6"\nID="rocky"\nID_LIKE="rhel centos fedora"\n')
    put('proc/self/status', 'Name:\tnode\nCapEff:\t0000000000001000\n')
    put('proc/1/comm', 'systemd\n')
    put('proc/17/comm', 'auditd\n')
    put('proc/18/comm', 'rsyslogd\n')
    mkdirSync(join(root, 'proc/18/ns'), { recursive: true })
    mkdirSync(join(root, 'proc/self/ns'), { recursive: true })
    symlinkSync('net:[4026531840]', join(root, 'proc/self/ns/net'))
    symlinkSync('net:[4026532001]', join(root, 'proc/18/ns/net'))
    put('sys/class/net/wg0/uevent', 'DEVTYPE=wireguard\nINTERFACE=wg0\n')
    put('sys/class/net/tun5/uevent', 'INTERFACE=tun5\n')
    put('sys/class/net/eth0/uevent', 'INTERFACE=eth0\n')
    put('sys/class/net/lo/uevent', 'INTERFACE=lo\n')
    // Everything that could show a secret would be written down.
    program(
      'usr/bin/wg',
      `echo "$*" >>"$0.asked"
case "$*" in
  'show interfaces') echo 'wg0 tun5 elsewhere' ;;
  'show all allowed-ips') printf 'wg0\\t${KEY}\\t10.8.0.2/32 fd08::2/128\\nwg0\\tQ${KEY.slice(1)}\\t(none)\\n' ;;
  'show all listen-port') printf 'wg0\\t51820\\ntun5\\t0\\n' ;;
  --version) echo 'wireguard-tools v1.0.20210914 - https://example.org' ;;
esac`,
    )
    program('usr/sbin/nft', 'case $1 in -j) echo {} ;; *) echo "nftables v1.0.6 (Lester Gooch #5)" ;; esac')
    put('etc/wireguard/wg0.conf', '[Interface]\n')
    put('etc/wireguard/wg0.conf.bak', '')
    put('var/log/kern.log', PACKET)
    put('etc/audit/auditd.conf', '# comment\nlog_file = /var/log/other/audit.log\nlog_group=adm\n')
    put('var/log/other/audit.log', '')
    put('etc/ulogd.conf', '#file="/var/log/ulog/no.json"\nfile="/var/log/ulog/packets.json"\nfile="/var/log/x.log"\n')
    put('var/log/journal/0123456789abcdef/system.journal', '')
    put('run/netns/blue', '')
    put('etc/peertrail/pipeline.yaml', '')
    const facts = await gatherMachineFacts({ root, uid: 0 })
    expect(facts).toMatchObject({
      family: 'redhat',
      isNetAdmin: true,
      isRoot: true,
      links: ['eth0'],
      ruleset: '{}\n',
      namespaces: ['blue'],
      processes: ['auditd', 'rsyslogd', 'systemd'],
      seesProcesses: true,
      ulogdFiles: ['/var/log/ulog/packets.json'],
      ownFiles: ['/etc/peertrail/pipeline.yaml'],
      versions: { wg: '1.0.20210914', nft: '1.0.6' },
      wireguard: { names: ['tun5', 'wg0'], peers: { wg0: 2 }, ports: { wg0: 51_820, tun5: 0 }, configured: ['wg0'] },
      journal: { kept: 'persistent' },
      auditLog: { path: '/var/log/other/audit.log' },
      logs: { '/var/log/kern.log': { sample: { packetLines: 1 } }, '/var/log/messages': { problem: 'no such file' } },
    })
    expect(readFileSync(join(root, 'usr/bin/wg.asked'), 'utf8').split('\n').sort().join('|')).toBe(
      '|--version|show all allowed-ips|show all listen-port|show interfaces',
    )
    expect(JSON.stringify(facts)).not.toContain(KEY)
  })
})

describe('lines of a log', () => {
  test('are counted by kind', () => {
    const text = `${PACKET}Nov 22 10:39:57 gw1 kernel: wg-deny: IN=wg0 OUT= MAC= SRC=10.8.0.2
Nov 22 10:39:58 gw1 kernel: [ 2188.936237] usb 1-1: new device
Nov 22 10:39:58 gw1 rsyslogd: message repeated 4 times: [ x]
2026-11-22T10:39:57+00:00 gw1 kernel[12]: IN=wg0 OUT=eth0
`
    expect(countKinds(text)).toEqual({ kernelLines: 3, packetLines: 2, fullStamps: 1, uptimes: 2, repeated: 1 })
  })
})

describe('rotation', () => {
  test('is found by pattern, with what is said for all', () => {
    put('etc/logrotate.conf', 'weekly\n#copytruncate\ninclude /etc/logrotate.d\n/var/log/wtmp { monthly }\n')
    put('etc/logrotate.d/rsyslog', '/var/log/kern.log\n/var/log/mail.log\n{\n\tweekly\n\t# copytruncate\n}\n')
    put('etc/logrotate.d/local', '"/srv/*/kern.log" {\n  copytruncate\n}\n')
    const all = rotations(root)
    expect(rotationOf(all, '/var/log/kern.log')).toMatchObject({ file: '/etc/logrotate.d/rsyslog', isCopied: false })
    expect(rotationOf(all, '/srv/gw1/kern.log')).toMatchObject({ file: '/etc/logrotate.d/local', isCopied: true })
    expect(rotationOf(all, '/srv/a/b/kern.log')).toBeNull()
    put('etc/logrotate.conf', 'copytruncate\n')
    expect(rotationOf(rotations(root), '/var/log/mail.log')?.isCopied).toBe(true)
  })
})

describe('who may read', () => {
  test('is decided by the first class that fits, and by every directory above', () => {
    put('etc/passwd', 'root:x:0:0::/:/bin/sh\npeertrail:x:990:991::/:/bin/false\n')
    put('etc/group', 'adm:x:4:syslog,peertrail\npeertrail:x:991:\nwheel:x:10:root\n')
    const reader = daemonReader(root)
    expect(reader).toEqual({ name: 'peertrail', uid: 990, gids: [991, 4], groups: ['adm', 'peertrail'], isThere: true })
    const log = madeLog('/var/log/kern.log')
    expect(mayRead(reader, log)).toBe(true)
    expect(mayRead(reader, { ...log, gid: 0 })).toBe(false)
    // The group is denied what everybody may: its own bits count.
    expect(mayRead(reader, { ...log, mode: 0o604 })).toBe(false)
    expect(mayRead(reader, { ...log, mode: 0o044, uid: 990 })).toBe(false)
    const shut = log.directories.map((each) => (each.path === '/var/log' ? { ...each, mode: 0o700 } : each))
    expect(mayRead(reader, { ...log, directories: shut })).toBe(false)
    expect(mayRead({ ...reader, uid: 0 }, { ...log, directories: shut })).toBe(true)
  })

  test('is asked of the user that deploy/systemd would make, where there is none', () => {
    put('etc/passwd', 'root:x:0:0::/:/bin/sh\n')
    put('etc/group', 'adm:x:4:\nsystemd-journal:x:101:\n')
    const reader = daemonReader(root)
    expect(reader).toMatchObject({ name: 'peertrail', groups: ['adm', 'systemd-journal'], isThere: false })
    expect(mayRead(reader, madeLog('/var/log/kern.log'))).toBe(true)
    expect(mayRead(reader, madeLog('/var/log/kern.log', { gid: 0 }))).toBe(false)
  })
})
