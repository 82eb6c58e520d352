/** Host facts that deploy/collect.sh gathers: read back by the decoder, and judged by the same checks as the product's own. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fileWireguardModes } from '../src/posture/file-wireguard-modes.ts'
import { parseHostFacts } from '../src/sources/hostfacts/decoder.ts'
import { gateway, kinds } from './posture/made-host.ts'

const SCRIPT = fileURLToPath(new URL('../deploy/collect.sh', import.meta.url))
const FAKES = fileURLToPath(new URL('fixtures/collect/bin', import.meta.url))
const WRITTEN = 1_795_000_000
const SHELLS = [['dash'], ['busybox', 'sh'], ['bash']].filter(
  ([program = '', ...rest]) => spawnSync(program, [...rest, '-c', 'true']).status === 0,
)

let scratch = ''
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'peertrail-collect-facts-'))
  const root = join(scratch, 'root')
  const put = (path: string, text: string, mode = 0o644) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
    chmodSync(join(root, path), mode)
    utimesSync(join(root, path), WRITTEN, WRITTEN)
  }
  put('etc/os-release', 'PRETTY_NAME="Debian \\"12\\""\nID=debian\n')
  put('etc/wireguard/wg0.conf', '[Interface]\nPrivateKey = SECRETSECRETSECRET\n', 0o640)
  put('boot/vmlinuz-6.1.0-42-amd64', 'x')
  put('boot/vmlinuz-0-rescue-abc', 'x')
  put('lib/modules/6.1.0-42-amd64/modules.builtin', 'kernel/a.ko\n')
  put('lib/modules/6.1.0-42-amd64/modules.dep', 'kernel/net/wireguard.ko.xz: kernel/x.ko\n')
  put('lib/modules/6.1.0-41-amd64/modules.order', '')
  put('proc/modules', 'wireguard 94208 0 - Live 0x0\n')
  put(
    'proc/net/packet',
    'sk RefCnt Type Proto Iface R Rmem User Inode\n0 3 3 0003 3 1 0 0 31337\n0 3 2 88cc 0 1 0 7 1\n',
  )
  put('sys/class/net/wg0/ifindex', '3\n')
  put('sys/class/net/wg0/uevent', 'DEVTYPE=wireguard\nINTERFACE=wg0\n')
  put('sys/class/net/lo/ifindex', '1\n')
  put('sys/class/net/lo/type', '772\n')
  put('sys/class/net/lo/uevent', 'INTERFACE=lo\n')
  put('run/reboot-required', 'x')
  put('run/reboot-required.pkgs', 'linux-base\nlibc6\n')
  put('proc/sys/net/netfilter/nf_conntrack_acct', '1\n')
  const bin = (name: string, body: string) => {
    mkdirSync(join(scratch, 'bin'), { recursive: true })
    writeFileSync(join(scratch, 'bin', name), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  }
  bin(
    'auditctl',
    `case $1 in -l) printf '%s\\n' '-w /etc/wireguard -p wa' '-a always,exit -S "execve"' ;; -s) printf 'enabled 1\\nlost 3\\n' ;; esac`,
  )
  bin('timedatectl', `printf 'Timezone=UTC\\nNTP=yes\\nNTPSynchronized=no\\n'`)
  bin('chronyc', `echo 'C0248F71,192.36.143.113,3,1795345602.1,-0.000012,0,0'`)
  bin('dpkg-query', `printf 'installed linux-image-amd64\\nconfig-files linux-image-6.1.0-1-amd64\\n'`)
  bin('apt-cache', `printf 'linux-image-amd64:\\n  Installed: 6.1.158-1\\n  Candidate: 6.1.159-1\\n'`)
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe.each(SHELLS.map((command) => ({ name: command.join(' '), command })))(
  'collect.sh in $name',
  ({ name, command }) => {
    test('gathers facts that are read back', () => {
      const [program = '', ...rest] = command
      const out = join(scratch, name.replace(' ', '-'))
      const run = spawnSync(program, [...rest, SCRIPT, '-o', out, '-n', 'gw1'], {
        env: {
          PATH: `${join(scratch, 'bin')}:${FAKES}:/usr/bin:/bin:/usr/sbin:/sbin`,
          COLLECT_ROOT: join(scratch, 'root'),
        },
        encoding: 'latin1',
      })
      expect(run.status, run.stderr).toBe(0)
      const text = readFileSync(join(out, 'gw1/hostfacts.json'), 'utf8')
      expect(text).not.toContain('SECRET')
      const facts = parseHostFacts(text)
      if ('problem' in facts) throw new Error(facts.problem)
      const imageAt = WRITTEN * 1_000_000
      expect(facts).toMatchObject({
        at: expect.any(Number),
        machine: { system: 'Debian \\"12\\"', distribution: 'debian' },
        kernel: { modules: { wireguard: 'loaded' } },
        kernels: {
          installed: [
            { release: '6.1.0-41-amd64', hasImage: false, hasModules: true, imageAt: null, wireguard: 'unknown' },
            { release: '6.1.0-42-amd64', hasImage: true, hasModules: true, imageAt, wireguard: 'available' },
          ],
          packages: {
            packages: [{ name: 'linux-image-amd64', installed: '6.1.158-1', candidate: '6.1.159-1' }],
            listsAt: null,
          },
          rebootFor: ['libc6', 'linux-base'],
        },
        files: [
          { path: '/etc/wireguard', kind: 'directory' },
          { path: '/etc/wireguard/wg0.conf', kind: 'file', mode: '0640', uid: process.getuid?.() },
        ],
        audit: {
          rules: ['-w /etc/wireguard -p wa', '-a always,exit -S "execve"'],
          status: { enabled: '1', lost: '3' },
        },
        clock: {
          systemd: { isNtpOn: true, isSynchronized: false },
          chrony: { reference: '192.36.143.113', stratum: 3, offset: -0.000012 },
        },
        links: [
          { name: 'lo', index: 1, kind: 'loopback' },
          { name: 'wg0', index: 3, kind: 'wireguard' },
        ],
        packetSockets: [
          { type: 'raw', protocol: '0003', linkIndex: 3, link: 'wg0', uid: 0, process: '', pid: 0 },
          { type: 'datagram', protocol: '88cc', linkIndex: 0, link: '', uid: 7, process: '', pid: 0 },
        ],
        sysctls: { 'net.netfilter.nf_conntrack_acct': '1' },
        privateKeys: { problem: expect.any(String) },
      })
      expect(kinds(fileWireguardModes, gateway({ facts }))).toContainEqual(
        expect.stringContaining('/etc/wireguard/wg0.conf mode'),
      )
    })
  },
)
