/** The search for private keys, on trees with keys planted in them. */
import { chmodSync, linkSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { gatherHostfacts } from '../../../src/live/hostfacts/hostfacts.ts'
import { type KeySearchLimits, searchPrivateKeys } from '../../../src/live/hostfacts/private-keys.ts'
import { POSTURE_CHECKS } from '../../../src/posture/checks.ts'
import { createPostureView } from '../../../src/posture/posture-view.ts'
import { publicKeyOf } from '../../../src/sources/wireguard/key-traces.ts'
import { gateway } from '../../posture/made-host.ts'
import { presharedKey, privateKey, tar } from '../../sources/wireguard/made-keys.ts'
import { openWorkshop, type Workshop } from '../collectors/workshop.ts'

let shop: Workshop
beforeEach(() => {
  shop = openWorkshop()
})
afterEach(() => shop.remove())

function put(path: string, content: string | Buffer, mode = 0o600): void {
  mkdirSync(dirname(shop.path(path)), { recursive: true })
  writeFileSync(shop.path(path), content)
  chmodSync(shop.path(path), mode)
}

const KEY = privateKey(1)
const CONF = `[Interface]\nPrivateKey = ${KEY}\n[Peer]\nPublicKey = ${publicKeyOf(privateKey(2))}\nPresharedKey = ${presharedKey(3)}\n`
const LIMITS: KeySearchLimits = { files: 1_000, bytes: 1e9, duration: 1e9 }

async function search(paths = ['/etc', '/srv'], limits = LIMITS, isEnded?: () => boolean) {
  const progress: string[] = []
  const found = await searchPrivateKeys({
    root: shop.dir,
    paths,
    known: new Map([[publicKeyOf(KEY), 'wg0']]),
    clock: { now: () => 77 },
    limits,
    progress: (files, folder) => progress.push(`${files} ${folder}`),
    ...(isEnded === undefined ? {} : { isEnded }),
  })
  return {
    ...found,
    progress,
    told: found.traces.map((each) => `${each.path}|${each.member}|${each.kind}|${each.holder}|${each.mode}`),
  }
}

describe('the search for private keys', () => {
  test('finds them in files, copies and archives, and says who may read them', async () => {
    const packed = tar([{ name: 'etc/wireguard/wg0.conf', text: `PrivateKey = ${KEY}` }])
    put('etc/wireguard/wg0.conf', CONF)
    put('etc/wireguard/wg0.conf.bak', `PrivateKey = ${KEY}`, 0o644)
    put('srv/old.conf.gz', gzipSync(`PrivateKey = ${KEY}`))
    put('srv/backup.tgz', gzipSync(packed))
    put('srv/backup.tar', packed)
    put('srv/nested.tar', tar([{ name: 'x/inner.tgz', text: gzipSync(packed).toString('latin1') }]))
    put('srv/key', `${KEY}\n`)
    put('srv/notes', 'nothing here')
    const { told, filesRead, leftOut, endedBy } = await search()
    expect(told).toEqual([
      '/etc/wireguard/wg0.conf||private-key|wg0|0600',
      '/etc/wireguard/wg0.conf||preshared-key||0600',
      '/etc/wireguard/wg0.conf.bak||private-key|wg0|0644',
      '/srv/backup.tar|etc/wireguard/wg0.conf|private-key|wg0|0600',
      '/srv/backup.tgz|etc/wireguard/wg0.conf|private-key|wg0|0600',
      '/srv/key||private-key|wg0|0600',
      '/srv/nested.tar|x/inner.tgz!etc/wireguard/wg0.conf|private-key|wg0|0600',
      '/srv/old.conf.gz||private-key|wg0|0600',
    ])
    expect({ filesRead, leftOut, endedBy }).toEqual({ filesRead: 8, leftOut: {}, endedBy: '' })
  })

  test('tells who can read them, by the folders above too', async () => {
    put('srv/open/a.conf', CONF, 0o644)
    put('srv/open/b.conf', CONF, 0o640)
    put('srv/closed/inner/c.conf', CONF, 0o644)
    chmodSync(shop.path('srv/closed'), 0o700)
    const { traces } = await search(['/srv'])
    const readers = traces.filter(({ kind }) => kind === 'private-key').map((each) => `${each.path} ${each.readers}`)
    expect(readers).toEqual(['/srv/closed/inner/c.conf nobody', '/srv/open/a.conf everybody', '/srv/open/b.conf group'])
    expect((await search(['/srv/closed/inner'])).traces[0]?.readers).toBe('nobody')
    expect((await search(['/srv/open/a.conf'])).traces[0]?.readers).toBe('everybody')
  })

  test('follows no link, and says what it did not look into', async () => {
    put('outside/wg0.conf', CONF)
    mkdirSync(shop.path('etc'))
    symlinkSync(shop.path('outside'), shop.path('etc/away'))
    symlinkSync(shop.path('outside/wg0.conf'), shop.path('etc/wg0.conf'))
    put('etc/large', Buffer.alloc(1024 * 1024 + 1))
    put('etc/x.xz', Buffer.from('fd377a585a000000', 'hex'))
    put('etc/broken.gz', Buffer.concat([Buffer.from([0x1f, 0x8b, 8]), Buffer.alloc(40, 1)]))
    const { told, leftOut, leftOutPaths } = await search()
    expect(told).toEqual([])
    expect(leftOut).toEqual({ 'compressed with xz': 1, 'gzip that is damaged': 1, 'larger than 1 MiB': 1 })
    expect(leftOutPaths.map(({ path }) => path)).toEqual(['/etc/broken.gz', '/etc/x.xz'])
  })

  test('is bounded, and says where it ended', async () => {
    for (const name of ['a', 'b', 'c', 'd']) put(`etc/${name}.conf`, CONF)
    expect(await search(['/etc'], { ...LIMITS, files: 2 })).toMatchObject({ filesRead: 2, endedBy: '2 files' })
    expect(await search(['/etc'], { ...LIMITS, bytes: 1 })).toMatchObject({ filesRead: 1, endedBy: '1 bytes' })
    expect(await search(['/etc'], LIMITS, () => true)).toMatchObject({
      filesRead: 0,
      endedBy: 'the end of the program',
    })
    expect((await search(['/etc', '/srv'])).progress).toEqual(['0 /etc'])
  })

  test('a large file that is not read takes nothing from what may be read', async () => {
    put('etc/a-disk.img', '')
    truncateSync(shop.path('etc/a-disk.img'), 10 * 1024 ** 3)
    put('etc/wg0.conf', CONF)
    const { told, endedBy, filesRead } = await search()
    expect(told).toHaveLength(2)
    expect({ endedBy, filesRead }).toEqual({ endedBy: '', filesRead: 1 })
  })

  test('a folder that somebody names and that is not there was not searched', async () => {
    expect((await search(['/etc', '/typing/error'])).leftOut).toEqual({ 'no such file': 1 })
  })

  test('a folder that systemd hides from the program was not searched, though it looks empty', async () => {
    mkdirSync(shop.path('srv'))
    chmodSync(shop.path('srv'), 0o000)
    const { leftOut } = await search(['/srv'])
    chmodSync(shop.path('srv'), 0o700)
    expect(leftOut).toEqual({ 'hidden from this program': 1 })
  })

  test('does not touch what lies on another machine: a server that is away would hold everything up', async () => {
    put('srv/here/wg0.conf', CONF)
    put('srv/a way/wg0.conf', CONF)
    put('etc/wg0.conf', CONF)
    put('proc/self/mountinfo', '1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:50 / /srv/a\\040way rw - nfs4 fs:/x rw\n')
    const found = await search(['/srv'])
    expect(found.traces.map(({ path }) => path)).toEqual(['/srv/here/wg0.conf', '/srv/here/wg0.conf'])
    expect(found.leftOut).toEqual({ 'another kind of file system': 1 })
    // Somebody who names it means it.
    expect((await search(['/srv/a way'])).traces).toHaveLength(2)
    put('proc/self/mountinfo', '2 1 0:50 / /etc rw shared:3 master:1 - fuse.sshfs fs:/x rw\n')
    expect((await search(['/etc'])).leftOut).toEqual({ 'another kind of file system': 1 })
  })

  test('lets other work have its turn where there are no files at all', async () => {
    mkdirSync(shop.path('etc'))
    for (let i = 0; i < 1_200; i++) symlinkSync('/nowhere', shop.path(`etc/${i}`))
    let turns = 0
    const count = () => {
      turns++
      timer = setImmediate(count)
    }
    let timer = setImmediate(count)
    await search()
    clearImmediate(timer)
    expect(turns).toBeGreaterThan(2)
  })

  test('finds what an editor of another system wrote in UTF-16, and says when a file has another name', async () => {
    const bytes = Buffer.from(`\ufeff${CONF}`, 'utf16le')
    put('etc/wireguard/little.conf', bytes)
    put('etc/wireguard/big.conf', Buffer.from(bytes).swap16())
    put('srv/key.txt', Buffer.from(KEY, 'utf16le'))
    put('srv/key-with-mark', `\ufeff${KEY}`)
    put('srv/twice', CONF)
    linkSync(shop.path('srv/twice'), shop.path('srv/twice-again'))
    const { traces } = await search()
    const own = traces.filter(({ kind }) => kind === 'private-key')
    expect(own.map(({ path, names }) => `${path} ${names}`)).toEqual([
      '/etc/wireguard/big.conf 1',
      '/etc/wireguard/little.conf 1',
      '/srv/key-with-mark 1',
      '/srv/key.txt 1',
      '/srv/twice 2',
      '/srv/twice-again 2',
    ])
  })

  test('does not unpack what would not fit into memory', async () => {
    put('etc/bomb.gz', gzipSync(Buffer.alloc(65 * 1024 * 1024)))
    expect((await search()).leftOut).toEqual({ 'larger than 64 MiB when unpacked': 1 })
  })
})

test('no key gets into host facts, nor into what posture says of them', async () => {
  const places = fc.constantFrom<(key: string) => [string, string | Buffer]>(
    (key) => [
      'etc/wireguard/wg0.conf',
      `[Interface]\nPrivateKey = ${key}\n[Peer]\nPresharedKey = ${key}\n# ${key}\nPublicKey = x\n`,
    ],
    (key) => [
      `etc/wireguard/${key.slice(0, 4).replaceAll('/', '_')}.conf`,
      `[Interface]\nPrivateKey = ${key}\nPostUp = echo ${key}\n`,
    ],
    (key) => ['etc/wireguard/wg0.conf~', `PresharedKey = ${key}`],
    (key) => [
      'etc/wireguard/odd.conf',
      `[INTERFACE]\r\nPRIVATEKEY=${key} # ${key}\r\n[peer]\r\n# Name = ${key}\r\n#${key}\r\nPublicKey = x\r\nPresharedkey\t=\t${key}\r\n`,
    ],
    (key) => ['etc/wireguard/wide.conf', Buffer.from(`\ufeff[Interface]\r\nPrivateKey = ${key}\r\n`, 'utf16le')],
    (key) => [
      'srv/nested.tar.gz',
      gzipSync(tar([{ name: 'a/b.gz', text: gzipSync(`PresharedKey=${key}\n${key}`).toString('latin1') }])),
    ],
    (key) => ['srv/privatekey', key],
    (key) => ['srv/backup.tgz', gzipSync(tar([{ name: 'wg0.conf', text: `PrivateKey=${key}` }]))],
    (key) => ['srv/wg.gz', gzipSync(`wg0\t${key}\t${publicKeyOf(key)}\t51820\toff\n`)],
    (key) => ['srv/key.json', JSON.stringify({ privateKey: key, preshared_key: key })],
    (key) => [
      'etc/wireguard/bad.conf',
      `[Interface]\n${key}\nPrivateKey ${key}\nAddress = ${key}\n[${key}]\nListenPort = ${key}\n`,
    ],
  )
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(places, fc.nat(50)), { minLength: 1, maxLength: 4 }), async (planted) => {
      const keys = planted.map(([, seed]) => (seed % 2 === 0 ? privateKey(seed) : presharedKey(seed)))
      for (const [i, [place]] of planted.entries()) put(...place(keys[i] ?? ''), 0o644)
      const facts = await gatherHostfacts({ root: shop.dir, search: { paths: ['/etc', '/srv'] } })
      const machine = gateway({ facts, stored: null })
      const view = createPostureView([machine], null)
      const said = JSON.stringify([facts, POSTURE_CHECKS.map((check) => check.look(machine, view))])
      for (const key of keys) expect(said).not.toContain(key.slice(4, 20))
    }),
    { numRuns: 40 },
  )
})
