/** Private keys: who may read /etc/wireguard, and where else keys lie. */
import { describe, expect, test } from 'vitest'
import { fileWireguardModes } from '../../src/posture/file-wireguard-modes.ts'
import { fileCommand, shellPath } from '../../src/posture/host-facts.ts'
import { privateKeyCopies } from '../../src/posture/private-key-copies.ts'
import type { FileFact, HostFacts, KeySearchFact, KeyTraceFact } from '../../src/sources/hostfacts/facts.ts'
import { AT, factsWith, gateway, hostWithoutTunnels, kinds, look, told } from './made-host.ts'

const FOLDER: FileFact = { path: '/etc/wireguard', kind: 'directory', mode: '0700', uid: 0, gid: 0, size: 4096 }
const CONF: FileFact = { path: '/etc/wireguard/wg0.conf', kind: 'file', mode: '0600', uid: 0, gid: 0, size: 400 }
const files = (...list: HostFacts['files']) => kinds(fileWireguardModes, gateway({ facts: factsWith({ files: list }) }))

describe('wireguard-file-modes', () => {
  test('is quiet where root alone reads, and for public keys that all may read', () => {
    expect(files(FOLDER, CONF)).toEqual(['passed'])
    expect(files(FOLDER, CONF, { ...CONF, path: '/etc/wireguard/wg0.pub', mode: '0644' })).toEqual(['passed'])
  })

  test('fires for what others may read or write, worst for everybody', () => {
    const open = { ...FOLDER, mode: '0711' }
    expect(files(open, { ...CONF, mode: '0640', gid: 4 }).slice(1)).toEqual(['finding 3 /etc/wireguard/wg0.conf mode'])
    expect(files(open, { ...CONF, mode: '0604' }).slice(1)).toEqual(['finding 4 /etc/wireguard/wg0.conf mode'])
    // In a closed folder nobody gets to it, as long as the folder stays closed.
    expect(files(FOLDER, { ...CONF, mode: '0604' })).toEqual(['finding 2 /etc/wireguard/wg0.conf mode'])
    expect(files({ ...FOLDER, mode: '0755' }, CONF)).toEqual(['finding 2 /etc/wireguard mode'])
    expect(files({ ...FOLDER, mode: '0770' }, CONF)).toEqual(['finding 3 /etc/wireguard mode'])
    expect(files(FOLDER, { ...CONF, uid: 1000 })).toEqual(['finding 3 /etc/wireguard/wg0.conf owner'])
  })

  test('takes from a script nothing that wg-quick needs to run it', () => {
    const script = { ...CONF, path: '/etc/wireguard/up.sh', mode: '0755' }
    const [found] = look(fileWireguardModes, gateway({ facts: factsWith({ files: [FOLDER, script] }) }))
    expect(found).toMatchObject({ mend: ['chmod go-rwx /etc/wireguard/up.sh'] })
  })

  test('claims nothing of links and of what may not be seen', () => {
    expect(files(FOLDER, { ...CONF, kind: 'link', mode: '0777' })).toEqual(['not-checked'])
    expect(files({ path: '/etc/wireguard', problem: 'permission denied' })).toEqual(['not-checked'])
    expect(files({ path: '/etc/wireguard', problem: 'no such file' })).toEqual(['not-checked'])
    expect(files()).toEqual(['not-checked'])
    expect(kinds(fileWireguardModes, gateway({ facts: null }))).toEqual(['not-checked'])
  })

  test('says nothing of a machine without WireGuard', () => {
    const facts = factsWith({ files: [{ path: '/etc/wireguard', problem: 'no such file' }] })
    expect(kinds(fileWireguardModes, hostWithoutTunnels({ facts }))).toEqual([])
  })
})

const trace = (path: string, changes: Partial<KeyTraceFact> = {}): KeyTraceFact => ({
  path,
  member: '',
  kind: 'private-key',
  form: 'setting',
  isCertain: true,
  holder: '',
  mode: '0600',
  uid: 0,
  gid: 0,
  readers: 'nobody',
  ...changes,
})

function search(traces: KeyTraceFact[], changes: Partial<KeySearchFact> = {}) {
  const privateKeys = {
    at: AT,
    paths: ['/etc', '/srv'],
    traces,
    filesRead: 10,
    leftOut: {},
    leftOutPaths: [],
    endedBy: '',
    ...changes,
  }
  return gateway({ facts: factsWith({ privateKeys }) })
}
/** Without the sentence about what can never be seen, which must be there. */
function copies(...traces: KeyTraceFact[]): string[] {
  const all = kinds(privateKeyCopies, search(traces))
  expect(all.at(-1)).toBe('not-checked')
  return all.slice(0, -1)
}

describe('private-key-copies', () => {
  test('says in every case that remote repositories cannot be seen', () => {
    const unseen = /Remote repositories.* cannot be seen/
    expect(told(privateKeyCopies, search([])).at(-1)).toMatch(unseen)
    expect(told(privateKeyCopies, search([trace('/srv/wg0.conf')])).at(-1)).toMatch(unseen)
    const facts = factsWith({ privateKeys: { problem: 'no search for keys was made' } })
    expect(told(privateKeyCopies, gateway({ facts })).at(-1)).toMatch(unseen)
  })

  test('is quiet for keys in their places', () => {
    expect(
      copies(
        trace('/etc/wireguard/wg0.conf', { holder: 'wg0' }),
        trace('/etc/wireguard/wg0.conf', { kind: 'preshared-key' }),
        trace('/etc/wireguard/wg1.key', { form: 'key', isCertain: false }),
        trace('/etc/wireguard/keys/wg2.key', { form: 'key' }),
        trace('/etc/systemd/network/90-wg0.netdev', { mode: '0640', gid: 998 }),
        trace('/etc/NetworkManager/system-connections/office.nmconnection'),
      ),
    ).toEqual(['passed'])
  })

  test('fires for copies beside the file, elsewhere, and in archives', () => {
    expect(copies(trace('/etc/wireguard/wg0.conf.bak'))).toEqual(['finding 2 /etc/wireguard/wg0.conf.bak'])
    expect(copies(trace('/etc/wireguard/wg0.conf~'))).toEqual(['finding 2 /etc/wireguard/wg0.conf~'])
    expect(copies(trace('/srv/wg0.conf', { mode: '0644', readers: 'everybody' }))).toEqual(['finding 3 /srv/wg0.conf'])
    expect(copies(trace('/var/backups/etc.tgz', { member: 'etc/wireguard/wg0.conf' }))).toEqual([
      'finding 2 /var/backups/etc.tgz',
    ])
    expect(copies(trace('/srv/privatekey', { form: 'key', isCertain: false }))).toEqual(['finding 1 /srv/privatekey'])
  })

  test('tells an archive once, by the certain one of what is in it', () => {
    const [result] = look(
      privateKeyCopies,
      search([
        trace('/srv/b.tar', { member: 'a/privatekey', form: 'key', isCertain: false }),
        trace('/srv/b.tar', { member: 'a/wg0.conf', holder: 'wg0' }),
        trace('/srv/b.tar', { member: 'a/wg1.conf' }),
      ]),
    )
    expect(result).toMatchObject({
      subject: '/srv/b.tar',
      severity: 2,
      text: '/srv/b.tar (a/wg0.conf and 1 more) holds a private key of wg0.',
      evidence: [
        '/srv/b.tar: mode 0600, uid 0, gid 0',
        'a/privatekey: private key, a file with nothing else, not certain',
        'a/wg0.conf: private key, a setting of a configuration, of wg0',
        'a/wg1.conf: private key, a setting of a configuration',
      ],
    })
  })

  test('fires for the private key of a peer wherever it lies', () => {
    expect(copies(trace('/etc/wireguard/alice.key', { form: 'key', holder: 'a peer of wg0' }))).toEqual([
      'finding 3 /etc/wireguard/alice.key',
    ])
  })

  test('fires for a place that everybody can read', () => {
    expect(copies(trace('/etc/systemd/network/90-wg0.netdev', { mode: '0644', readers: 'everybody' }))).toEqual([
      'finding 3 /etc/systemd/network/90-wg0.netdev',
    ])
  })

  test('tells what was left out as not checked', () => {
    const machine = search([], {
      leftOut: { 'permission denied': 2 },
      leftOutPaths: [{ path: '/srv', reason: 'permission denied' }],
      endedBy: '300000 files',
    })
    expect(kinds(privateKeyCopies, machine)).toEqual(['passed', 'not-checked', 'not-checked', 'not-checked'])
    expect(told(privateKeyCopies, machine)[2]).toBe('Not looked into: 2 permission denied (/srv).')
  })

  test('quotes hostile names in commands, and writes none with invisible ones', () => {
    const [result] = look(privateKeyCopies, search([trace("/srv/a'; rm -rf ~; '.conf")]))
    expect(result?.kind === 'finding' ? result.mend[1] : '').toBe(`shred -u -- '/srv/a'\\''; rm -rf ~; '\\''.conf'`)
    expect(shellPath('/srv/a\u001b[2Jb')).toBe('')
    expect(fileCommand('shred -u --', '/srv/a\nb')).toBe(
      "# shred -u --: the file's name has characters that cannot be shown",
    )
  })

  test('claims nothing where no file could be read, and only of what was read', () => {
    const nothing = search([], { filesRead: 0, leftOut: { 'permission denied': 3 } })
    expect(kinds(privateKeyCopies, nothing)).toEqual(['not-checked', 'not-checked', 'not-checked'])
    expect(told(privateKeyCopies, search([]))[0]).toBe(
      'No private key outside of its place in the 10 files of /etc /srv that were read.',
    )
  })

  test('does not shred what is also the file of another name: it may be the one that is used', () => {
    const [first] = look(privateKeyCopies, search([trace('/srv/wg0.conf', { names: 2 })]))
    const mend = first?.kind === 'finding' ? first.mend : []
    expect(mend.slice(0, 2)).toEqual([
      '# the file has 2 names, and shred would destroy it under all of them: look for the others first',
      'rm -- /srv/wg0.conf',
    ])
  })
})
