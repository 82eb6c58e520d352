/** `posture` on the demo capture against what was planted in it, on captures and machines made up for it, and on a store. */
import { readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type PostureArguments, runPosture } from '../../src/commands/posture.ts'
import { parseInstant } from '../../src/quantities.ts'
import { INVENTORY, IVY, NEW, OAK } from '../posture/made-gateway.ts'
import { DEMO, withCopy } from '../replay-capture.ts'
import { createMemoryTerminal } from './memory-terminal.ts'
import { storeDemo } from './stored-demo.ts'

const NOW = parseInstant('2026-11-22T16:00:00Z') ?? 0
const GOLDEN = `${import.meta.dirname}/../scenarios/posture/lab-1/expected.txt`
const TRUTH = `${import.meta.dirname}/../fixtures/lab-1/truth.jsonl`
const DISCREPANCIES = 'Running, stored, documented'
/** Areas of this file's checks: the others have tests of their own. */
const AREAS = [DISCREPANCIES, 'Peers']

const none: PostureArguments = {
  capture: '',
  store: '',
  pipeline: '',
  elasticsearch: '',
  inventory: '',
  search: [],
  severity: '',
  isJson: false,
}

type Told = {
  readonly id: string
  readonly area: string
  readonly machine: string
  readonly severity: string
  readonly text: string
  readonly reason: string
  readonly mend: readonly string[]
  readonly exception: object | null
  readonly fields: Readonly<Record<string, unknown>>
}

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'peertrail-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true })
})

async function posture(args: Partial<PostureArguments>, { color = false, columns = 0, root = '' } = {}) {
  const terminal = createMemoryTerminal(color)
  const place = { terminal, columns, environment: {}, now: NOW, ...(root === '' ? {} : { root }) }
  const exit = await runPosture({ ...none, ...args }, place)
  return { exit, printed: terminal.printed(), said: terminal.said() }
}

/** The JSON answer. */
async function told(args: Partial<PostureArguments>, root = '') {
  const { exit, printed, said } = await posture({ ...args, isJson: true }, { root })
  const { findings, passed, not_checked: notChecked, machines, inventory } = JSON.parse(printed)
  const lists: { findings: Told[]; passed: Told[]; notChecked: Told[] } = { findings, passed, notChecked }
  return { exit, said, machines, inventory, ...lists }
}

function ids(findings: readonly Told[], area = DISCREPANCIES): string[] {
  return findings
    .filter((each) => each.area === area)
    .map(({ id, fields }) => `${id} ${String(fields[NAME] ?? fields[KEY])}`)
}

const NAME = 'wireguard.peer.name'
const KEY = 'wireguard.peer.public_key'

async function put(path: string, text: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(join(directory, path)), { recursive: true })
  await writeFile(join(directory, path), text)
  await chmod(join(directory, path), mode)
}

/** What was planted between inventory and gateway: what the truth calls it, and what posture does. */
const PLANTED: Readonly<Record<string, string>> = {
  peer_not_in_inventory: 'unknown-peer',
  allowed_ips_broader_than_documented: 'prefix-undocumented',
  expired_peer_still_active: 'peer-expired',
  owner_missing_in_inventory: 'no-owner',
  peer_missing_on_gateway: 'key-not-running',
}

describe('the demo capture', () => {
  test('all inventory discrepancies that were planted, and no other', async () => {
    const planted = readFileSync(TRUTH, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"planted"'))
      .map((line): { what: string; key: string; gateway: string; discrepancy?: boolean } => JSON.parse(line))
      .filter(({ what, discrepancy }) => discrepancy !== false && Object.hasOwn(PLANTED, what))
    expect(planted).toHaveLength(6)
    const { findings, exit } = await told({ capture: DEMO })
    const found = findings.filter(({ area }) => area === DISCREPANCIES)
    expect(found.map(({ id, machine, fields }) => `${id} ${machine} ${String(fields[KEY])}`).sort()).toEqual(
      planted.map(({ what, gateway, key }) => `${PLANTED[what]} ${gateway} ${key}`).sort(),
    )
    expect(exit).toBe(1)
  })

  test('the peer whose counter grows without a handshake, and the key that may send from everywhere', async () => {
    const { findings } = await told({ capture: DEMO })
    expect(ids(findings, 'Peers').sort()).toEqual(['idle-peer-growing teak', 'overbroad juniper'])
  })

  test('with an inventory that tells what runs there is nothing of it', async () => {
    await withCopy(async (copy) => {
      const path = join(copy, 'inventory.yaml')
      const text = (await readFile(path, 'utf8'))
        .replace('  - 192.168.52.0/24\n', '  - 192.168.52.0/24\n  - 192.168.24.0/24\n')
        .replace(/(name: juniper[\s\S]*?- 10\.8\.0\.17\/32\n)/, '$1  - 0.0.0.0/0\n')
        .replace("expires: '2026-09-23'", "expires: '2027-09-23'")
        .replace(/(name: spruce\n {2}kind: device\n)/, '$1  owner: ledger-clerk-18@example.com\n')
        .replace(/- name: quince[\s\S]*?(?=- name: teak)/, '')
        .replace(
          '- name: teak',
          "- {name: birch, kind: device, owner: ledger-clerk-18@example.com, gateway: gw1, interface: wg0, allowed_ips: [10.8.0.25/32], requirement: R, keys: [{public_key: 'fvNaBA394/sbVLuS8/zl9FzBaAQOQmI19dnQIXFIsjk='}]}\n- name: teak",
        )
      await writeFile(path, text)
      const { findings } = await told({ capture: copy })
      expect(ids(findings)).toEqual([])
    })
  })

  test('the screen', async () => {
    const { printed, said } = await posture({ capture: DEMO })
    const parts = printed.split('\n\n').filter((part) => AREAS.includes(part.split('\n')[0] ?? ''))
    await expect(`${parts.join('\n\n')}\n`).toMatchFileSnapshot(GOLDEN)
    expect(said).toBe('app1, db1: nothing there that posture looks at\n')
    for (const columns of [80, 120]) {
      const wide = await posture({ capture: DEMO }, { columns, color: true })
      for (const line of stripVTControlCharacters(wide.printed).split('\n')) {
        expect(Array.from(line).length, line).toBeLessThanOrEqual(Math.min(100, columns))
      }
    }
    const plain = await posture({ capture: DEMO }, { color: true })
    expect(stripVTControlCharacters(plain.printed)).toBe(printed)
    expect(printed).not.toMatch(/[^\n\P{Cc}]|\p{Cf}/u)
  })

  test('commands are for one shell line each, whatever their width', async () => {
    const { printed } = await posture({ capture: DEMO })
    const commands = printed.replaceAll(/ \\\n */g, ' ').match(/^ *\$ .*/gm) ?? []
    expect(commands.map((line) => line.trim())).toContain(
      '$ wg set wg0 peer nmnC8AwZkhWItxaIW3nlHtFGAQAcMrPobGQm0qcO5k4= allowed-ips 10.8.0.11/32,192.168.52.0/24',
    )
  })

  test('only what is severe enough is told and decides', async () => {
    const { findings, exit } = await told({ capture: DEMO, severity: 'high' })
    expect(new Set(findings.map(({ severity }) => severity))).toEqual(new Set(['high']))
    expect(exit).toBe(1)
    expect((await told({ capture: DEMO, severity: 'critical' })).exit).toBe(0)
  })
})

describe('the store of it', () => {
  test('says the same of peers, and what it cannot show is not checked', async () => {
    const store = await storeDemo()
    try {
      const [ofStore, ofCapture] = [await told({ store: store.dir }), await told({ capture: DEMO })]
      expect(ids(ofStore.findings)).toEqual(ids(ofCapture.findings))
      expect(ids(ofStore.findings, 'Peers')).toEqual(['overbroad juniper'])
      // Points are a minute apart: what began in the last of them cannot be told yet, and is not said to be in order.
      expect(ofStore.notChecked).toContainEqual(
        expect.objectContaining({ id: 'idle-peer-growing', machine: 'gw1', reason: expect.stringMatching(/"teak"/) }),
      )
      expect(ofStore.inventory).toBe(ofCapture.inventory)
      expect(ofStore.notChecked.map(({ id }) => id)).toContain('peer-back-after-reboot')
      expect(ofStore.said).toBe(`store ${store.dir}\n`)
    } finally {
      await store.remove()
    }
  })
})

/** A capture of one gateway, as documented. */
const DUMP = [
  '# 2026-11-22T15:00:00Z gw1',
  `wg0\t(hidden)\t${'G'.repeat(42)}A=\t51820\toff`,
  `wg0\t${IVY}\t${'S'.repeat(42)}A=\t203.0.113.9:40000\t10.8.0.2/32\t1795359540\t10\t10\toff`,
  `wg0\t${OAK}\t(none)\t203.0.113.9:40001\t10.8.0.3/32,fd08::3/128\t1795359540\t10\t10\toff`,
  '',
].join('\n')
const TWO_PEERS = INVENTORY.replace(/ {2}- \{ name: elm.*\n/, '')
const CONF = `[Interface]\nPrivateKey = ${'P'.repeat(42)}A=\n[Peer]\nPublicKey = ${IVY}\nAllowedIPs = 10.8.0.2/32\n[Peer]\nPublicKey = ${OAK}\nAllowedIPs = 10.8.0.3/32, fd08::3/128\n`

describe('captures', () => {
  async function capture(files: Readonly<Record<string, string>>) {
    for (const [path, text] of Object.entries({ 'gw1/wg.snapshots': DUMP, 'inventory.yaml': TWO_PEERS, ...files })) {
      await put(path, text)
    }
    return told({ capture: directory })
  }

  test('with everything in order: nothing in both areas', async () => {
    const { findings, notChecked } = await capture({ 'gw1/wg0.conf': CONF })
    expect([...ids(findings), ...ids(findings, 'Peers')]).toEqual([])
    expect(notChecked.filter(({ area }) => area === DISCREPANCIES)).toEqual([])
  })

  test('a stored peer that was removed, and one that was added at run time', async () => {
    const conf = CONF.replace(OAK, NEW)
    const { findings } = await capture({ 'gw1/wg0.conf': conf })
    expect(ids(findings)).toEqual([`peer-back-after-reboot ${NEW}`, 'peer-not-stored oak'])
  })

  test('host facts bring the stored configuration where no file lies there', async () => {
    const parsed = { listenPort: 51820, addresses: [], hasPrivateKey: true, problems: [] }
    const peers = [{ publicKey: IVY, allowedIps: ['10.8.0.2/32'], hasPresharedKey: false, name: '', line: 3 }]
    const stored = [{ file: '/etc/wireguard/wg0.conf', interface: 'wg0', publicKey: '', conf: { ...parsed, peers } }]
    const facts = { ...JSON.parse(HOST_FACTS), stored }
    const { findings, said } = await capture({ 'gw1/hostfacts.json': JSON.stringify(facts) })
    expect(said).toBe('')
    expect(ids(findings)).toEqual(['peer-not-stored oak'])
  })

  test('the newest poll decides, one with rows that cannot be read does not', async () => {
    const later = DUMP.replace('15:00:00', '15:10:00').replace(/wg0\tO.*\n/, '')
    const { findings } = await capture({ 'gw1/wg.snapshots': DUMP + later })
    expect(ids(findings)).toEqual(['key-not-running oak'])
    const broken = `${later}wg0\tnonsense\n`
    const { findings: ofBroken, said } = await capture({ 'gw1/wg.snapshots': DUMP + broken })
    expect(ids(ofBroken)).toEqual([])
    expect(said).toContain('gw1: left out because of such lines: 1 snapshot')
  })

  test('a documented gateway without a folder is a finding', async () => {
    const inventory = TWO_PEERS.replace(
      'interfaces: [wg0] }',
      'interfaces: [wg0] }\n  - { name: gw2, interfaces: [wg0] }',
    )
    const { findings } = await capture({ 'inventory.yaml': inventory })
    expect(findings.filter(({ area }) => area === DISCREPANCIES)).toMatchObject([{ id: 'no-snapshot', machine: 'gw2' }])
  })

  test('what is accepted is told apart, with by whom, and gives status 0', async () => {
    const dump = DUMP.replace('10.8.0.2/32', '10.8.0.2/32,10.9.0.0/24')
    const exceptions = ['prefix-undocumented', 'overbroad', 'reach-beyond-policy'].map(
      (check) =>
        `  - { check: ${check}, peer: ivy, reason: migration, approved_by: carol@example.com, until: 2026-12-31 }`,
    )
    await capture({
      'gw1/wg.snapshots': dump,
      'inventory.yaml': `${TWO_PEERS}exceptions:\n${exceptions.join('\n')}\n`,
    })
    const { printed } = await posture({ capture: directory })
    const accepted = printed.split('\n\n').find((part) => part.startsWith('Accepted by the inventory'))
    expect(accepted?.replaceAll(/\s+/g, ' ')).toContain(
      'medium "ivy" runs with 10.9.0.0/24, which is not documented for it. Accepted by carol@example.com until 2026-12-31: migration (prefix-undocumented)',
    )
    expect((await posture({ capture: directory })).exit).toBe(0)
  })

  test('the inventory of a pipeline, and the one that is named before it', async () => {
    await put('etc/other.yaml', TWO_PEERS.replace('owner: ivy@example.com, ', ''))
    await put('etc/pipeline.yaml', `name: x\nsources: []\ninventory: ${join(directory, 'etc/other.yaml')}\n`)
    await put('capture/gw1/wg.snapshots', DUMP)
    await put('capture/inventory.yaml', TWO_PEERS)
    const args = { capture: join(directory, 'capture') }
    expect(ids((await told(args)).findings)).toEqual([])
    const pipeline = join(directory, 'etc/pipeline.yaml')
    expect(ids((await told({ ...args, pipeline })).findings)).toEqual(['no-owner ivy'])
    const inventory = join(directory, 'capture/inventory.yaml')
    expect(ids((await told({ ...args, pipeline, inventory })).findings)).toEqual([])
  })

  test('without an inventory nothing is compared, and that is said once', async () => {
    await put('gw1/wg.snapshots', DUMP)
    const { printed } = await posture({ capture: directory })
    expect(printed.match(/No inventory is given/g)).toHaveLength(1)
    const part = printed.split('\n\n').find((each) => each.startsWith('Not looked at'))
    expect(part).toContain('Key that nobody documented')
  })

  test('names from a stored file reach the terminal escaped', async () => {
    const conf = CONF.replace(`PublicKey = ${OAK}`, `# Name = \u001b]0;owned\u0007\u202e\nPublicKey = ${NEW}`)
    await put('gw1/wg.snapshots', DUMP)
    await put('gw1/wg0.conf', conf)
    const { printed } = await posture({ capture: directory })
    expect(printed).not.toMatch(/[^\n\P{Cc}]|\p{Cf}/u)
    expect(printed).not.toMatch(/PPPPPPPP|SSSSSSSS/)
  })
})

describe('this machine', () => {
  const SECRET = `${'P'.repeat(42)}A=`
  const LIVE = DUMP.split('\n').slice(1).join('\n').replace('(hidden)', SECRET).replace('(none)', SECRET)

  async function machine(wg: string): Promise<void> {
    await put('proc/sys/kernel/hostname', 'gw1.example.com\n')
    await put('usr/bin/wg', `#!/bin/sh\n[ "$*" = "show all dump" ] || exit 1\n${wg}\n`, 0o755)
    await put('etc/peertrail/inventory.yaml', TWO_PEERS)
    await put('etc/wireguard/wg0.conf', CONF)
  }

  test('is asked for its peers, its files, and compared with its inventory', async () => {
    await machine(`cat <<'END'\n${LIVE}\nwg0\t${NEW}\t(none)\t(none)\t10.8.0.9/32\t0\t0\t0\toff\nEND`)
    const { findings, machines, said, notChecked } = await told({ search: [join(directory, 'none')] }, directory)
    expect(machines).toMatchObject([{ name: 'gw1', peers: 3 }])
    expect(ids(findings).sort()).toEqual([`peer-not-stored ${NEW}`, `unknown-peer ${NEW}`])
    expect(said).toContain('rules are not known: nft is not installed')
    expect(notChecked).toContainEqual(expect.objectContaining({ id: 'idle-peer-growing' }))
    const { printed } = await posture({ search: [join(directory, 'none')] }, { root: directory })
    expect(printed + JSON.stringify({ findings, notChecked }) + said).not.toMatch(/PPPPPPPP|SSSSSSSS/)
  })

  test('finds the inventory of its own pipeline', async () => {
    await machine(`cat <<'END'\n${LIVE}\nEND`)
    await put('etc/peertrail/pipeline.yaml', 'name: x\nsources: []\ninventory: ./people.yaml\n')
    await put('etc/peertrail/people.yaml', TWO_PEERS.replace('owner: ivy@example.com, ', ''))
    const { findings } = await told({ search: [join(directory, 'none')] }, directory)
    expect(ids(findings)).toEqual(['no-owner ivy'])
  })

  test('a folder named from where somebody stands is that one, and a mistyped one was not searched', async () => {
    await machine(`cat <<'END'\n${LIVE}\nEND`)
    await put(join(process.cwd(), 'planted/x.conf'), CONF)
    const { findings } = await told({ search: ['planted'] }, directory)
    expect(findings.map(({ id }) => id)).toContain('private-key-copies')
    const { passed, notChecked } = await told({ search: ['plantde'] }, directory)
    expect(passed.map(({ id }) => id)).not.toContain('private-key-copies')
    expect(JSON.stringify(notChecked)).toMatch(/No file of [^"]*plantde could be read/)
  })

  test('where wg may not be asked nothing passes', async () => {
    await machine('echo "Unable to access interface: Operation not permitted" >&2; exit 1')
    const { findings, passed, said } = await told({ search: [join(directory, 'none')] }, directory)
    expect(said).toContain('peers are not known: wg: Unable to access interface: Operation not permitted')
    expect(passed.filter(({ area }) => AREAS.includes(area))).toEqual([])
    expect(ids(findings)).toEqual(['no-snapshot undefined'])
  })
})

describe('usage', () => {
  test.each<[string, Partial<PostureArguments>, string]>([
    ['two places', { capture: DEMO, store: 'x' }, '--capture and --store are different places to look at'],
    [
      'a search elsewhere',
      { capture: DEMO, search: ['/etc'] },
      '--search looks at this machine, and --capture does not',
    ],
    ['no severity', { capture: DEMO, severity: 'hihg' }, '--severity: "hihg" is none'],
    ['no capture', { capture: '/nowhere' }, 'cannot read /nowhere as a capture directory'],
    ['no inventory', { capture: DEMO, inventory: '/nowhere' }, 'cannot read /nowhere'],
  ])('%s', async (_, args, message) => {
    await expect(posture(args)).rejects.toThrow(message)
  })
})

/** What is least of host facts: the rest is not known. */
const HOST_FACTS = JSON.stringify({
  version: 1,
  machine: { system: 'Debian GNU/Linux 12', distribution: 'debian', hostname: 'gw1' },
  kernel: { release: '6.1.0', version: '#1', bootId: 'b', modules: {} },
  sysctls: {},
  programs: {},
  files: [],
  audit: { rules: [], status: {} },
  clock: { systemd: { problem: 'none' }, chrony: { problem: 'none' } },
  udpSockets: [],
})
