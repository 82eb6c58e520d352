/** Kernels and their packages, links and packet sockets, stored configurations: gathered from made trees. */
import { chmodSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { gatherHostfacts } from '../../../src/live/hostfacts/hostfacts.ts'
import { parseHostFacts } from '../../../src/sources/hostfacts/decoder.ts'
import { publicKeyOf } from '../../../src/sources/wireguard/key-traces.ts'
import { SECOND } from '../../../src/time.ts'
import { privateKey } from '../../sources/wireguard/made-keys.ts'
import { openWorkshop, type Workshop } from '../collectors/workshop.ts'

let shop: Workshop
beforeEach(() => {
  shop = openWorkshop()
})
afterEach(() => shop.remove())

/** Seconds since 1970 of the files' times. */
const WRITTEN = 1_795_000_000

function put(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(shop.path(path)), { recursive: true })
  writeFileSync(shop.path(path), text)
  chmodSync(shop.path(path), mode)
  utimesSync(shop.path(path), WRITTEN, WRITTEN)
}
const gather = () => gatherHostfacts({ root: shop.dir })

const STATUS = `Package: linux-image-amd64
Status: install ok installed
Version: 6.1.158-1

Package: linux-image-6.1.0-41-amd64
Status: deinstall ok config-files
Version: 6.1.150-1

Package: linux-image-6.1.0-42-amd64
Status: hold ok installed

Package: linux-image-$(reboot)
Status: install ok installed

Package: bash
Status: install ok installed
`
const POLICY = `linux-image-6.1.0-42-amd64:
  Installed: 6.1.158-1
  Candidate: (none)
  Version table:
linux-image-amd64:
  Installed: 6.1.158-1
  Candidate: 6.1.159-1
`

describe('kernels', () => {
  test('are those of /boot and /lib/modules, each with what its module lists say', async () => {
    put('boot/vmlinuz-6.1.0-42-amd64', 'x')
    put('boot/vmlinuz-0-rescue-abc', 'x')
    put('boot/config-6.1.0-42-amd64', 'x')
    put('lib/modules/6.1.0-42-amd64/modules.builtin', 'kernel/a.ko\n')
    put('lib/modules/6.1.0-42-amd64/modules.dep', 'kernel/drivers/net/wireguard/wireguard.ko.xz: kernel/x.ko\n')
    put('lib/modules/5.14.0-9.el9/vmlinuz', 'x')
    put('lib/modules/5.14.0-9.el9/modules.builtin', 'kernel/a.ko\n')
    put('lib/modules/5.14.0-9.el9/modules.dep', 'kernel/b.ko:\n')
    put('lib/modules/5.10.0/modules.order', '')
    const { kernels } = await gather()
    const imageAt = WRITTEN * SECOND
    expect(kernels?.installed).toEqual([
      { release: '5.10.0', hasImage: false, hasModules: true, imageAt: null, wireguard: 'unknown' },
      { release: '5.14.0-9.el9', hasImage: true, hasModules: true, imageAt, wireguard: 'absent' },
      { release: '6.1.0-42-amd64', hasImage: true, hasModules: true, imageAt, wireguard: 'available' },
    ])
  })

  test('have candidates in the local lists, whose time is told', async () => {
    put('var/lib/dpkg/status', STATUS)
    put('usr/bin/apt-cache', `#!/bin/sh\necho "$@" >"$0.asked"\nprintf '%s' '${POLICY}'\n`, 0o755)
    put('var/lib/apt/lists/deb.example_debian_dists_bookworm_InRelease', '')
    put('var/lib/apt/lists/lock', '')
    utimesSync(shop.path('var/lib/apt/lists/lock'), WRITTEN + 9_999, WRITTEN + 9_999)
    const { kernels } = await gather()
    expect(kernels?.packages).toEqual({
      manager: 'apt',
      packages: [
        { name: 'linux-image-6.1.0-42-amd64', installed: '6.1.158-1', candidate: '' },
        { name: 'linux-image-amd64', installed: '6.1.158-1', candidate: '6.1.159-1' },
      ],
      listsAt: WRITTEN * SECOND,
    })
    // Names that are no names of packages are not asked for.
    expect(shop.read('usr/bin/apt-cache.asked')).toBe('policy linux-image-6.1.0-42-amd64 linux-image-amd64\n')
    put('var/lib/apt/periodic/update-success-stamp', '')
    utimesSync(shop.path('var/lib/apt/periodic/update-success-stamp'), WRITTEN + 60, WRITTEN + 60)
    expect((await gather()).kernels?.packages).toMatchObject({ listsAt: (WRITTEN + 60) * SECOND })
  })

  test('say why there is no answer', async () => {
    expect((await gather()).kernels).toEqual({
      installed: { problem: 'no such file' },
      packages: { problem: 'no packages of dpkg here, and lists of other package managers are not read' },
      rebootFor: [],
    })
    put('var/lib/dpkg/status', STATUS)
    expect((await gather()).kernels?.packages).toEqual({ problem: 'apt-cache is not installed' })
    put('usr/bin/apt-cache', '#!/bin/sh\nexit 100\n', 0o755)
    expect((await gather()).kernels?.packages).toEqual({ problem: 'apt-cache: exit status 100' })
  })

  test('are waited for by packages', async () => {
    put('run/reboot-required', '*** System restart required ***\n')
    expect((await gather()).kernels?.rebootFor).toEqual([''])
    put('run/reboot-required.pkgs', 'linux-base\nlibc6\nlinux-base\n')
    expect((await gather()).kernels?.rebootFor).toEqual(['libc6', 'linux-base'])
  })
})

const PACKET = `sk               RefCnt Type Proto  Iface R Rmem   User   Inode
ffff8881000      3      3    0003   3     1 0      0      31337
0000000000000000 3      2    88cc   2     1 0      102    31338
0000000000000000 3      3    0003   0     1 0      0      31339
nonsense
`

describe('links and packet sockets', () => {
  test('are told with their kinds and owners', async () => {
    const link = (name: string, index: number, type: number, uevent: string) => {
      put(`sys/class/net/${name}/ifindex`, `${index}\n`)
      put(`sys/class/net/${name}/type`, `${type}\n`)
      put(`sys/class/net/${name}/uevent`, uevent)
    }
    link('eth0', 2, 1, 'INTERFACE=eth0\nIFINDEX=2\n')
    link('lo', 1, 772, 'INTERFACE=lo\n')
    link('tun0', 4, 65534, 'INTERFACE=tun0\n')
    link('wg0', 3, 65534, 'DEVTYPE=wireguard\nINTERFACE=wg0\n')
    put('sys/class/net/tun0/tun_flags', '0x1')
    put('sys/class/net/bonding_masters', '')
    put('proc/net/packet', PACKET)
    put('proc/4711/comm', 'tcpdump\n')
    mkdirSync(shop.path('proc/4711/fd'), { recursive: true })
    symlinkSync('socket:[31337]', shop.path('proc/4711/fd/3'))
    symlinkSync('/dev/null', shop.path('proc/4711/fd/0'))
    const { links, packetSockets } = await gather()
    expect(links).toEqual([
      { name: 'eth0', index: 2, kind: 'ethernet' },
      { name: 'lo', index: 1, kind: 'loopback' },
      { name: 'tun0', index: 4, kind: 'tun' },
      { name: 'wg0', index: 3, kind: 'wireguard' },
    ])
    expect(packetSockets).toEqual([
      { type: 'raw', protocol: '0003', linkIndex: 3, link: 'wg0', uid: 0, process: 'tcpdump', pid: 4711 },
      { type: 'datagram', protocol: '88cc', linkIndex: 2, link: 'eth0', uid: 102, process: '', pid: 0 },
      { type: 'raw', protocol: '0003', linkIndex: 0, link: '', uid: 0, process: '', pid: 0 },
    ])
  })
})

describe('stored configurations', () => {
  const PEER = publicKeyOf(privateKey(2))

  test('are told without their secrets, with the public key of the interface', async () => {
    put(
      'etc/wireguard/wg0.conf',
      `[Interface]\nPrivateKey = ${privateKey(1)}\nListenPort = 51820\n[Peer]\nPublicKey = ${PEER}\nAllowedIPs = 10.8.0.2/32\n`,
    )
    put('etc/wireguard/wg0.conf.bak', 'x')
    put('etc/wireguard/bad name.conf', 'x')
    const { stored } = await gather()
    expect(stored).toEqual([
      {
        file: '/etc/wireguard/wg0.conf',
        interface: 'wg0',
        publicKey: publicKeyOf(privateKey(1)),
        conf: {
          listenPort: 51_820,
          addresses: [],
          hasPrivateKey: true,
          peers: [{ publicKey: PEER, allowedIps: ['10.8.0.2/32'], hasPresharedKey: false, name: '', line: 4 }],
          problems: [],
        },
      },
    ])
    expect(JSON.stringify(stored)).not.toContain(privateKey(1))
  })

  test('are unknown as a whole where one of them cannot be read', async () => {
    put('etc/wireguard/wg0.conf', '[Interface]\n')
    put('etc/wireguard/wg1.conf', '#'.repeat(8 * 1024 * 1024 + 1))
    expect((await gather()).stored).toEqual({ problem: '/etc/wireguard: larger than 8388608 bytes' })
    expect((await gatherHostfacts({ root: shop.path('nowhere') })).stored).toEqual({ problem: 'no such directory' })
  })
})

test('facts of this very machine come back from their text', async () => {
  const facts = await gatherHostfacts()
  expect(parseHostFacts(JSON.stringify(facts))).toEqual(facts)
})
