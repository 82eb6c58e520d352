/** Requirements with all that hangs on them, and the access that has none with the line that removes it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Fields } from '../../src/fields.ts'
import { parseInventory } from '../../src/identity/inventory.ts'
import { requirementId } from '../../src/reports/requirements/requirement-id.ts'
import { buildRequirementsReport } from '../../src/reports/requirements/requirements-report.ts'
import {
  type Asked,
  FIRST,
  flow,
  LAPTOP,
  MONTH,
  noteText,
  OLD,
  pollsFrom,
  RUNNING,
  reportOf,
  SITE,
  STRANGER,
  tableText,
  wordsOf,
} from './made-review.ts'
import { narrowReader } from './narrow-reader.ts'

const requirements = (documents: readonly Fields[] = MONTH, through?: typeof narrowReader) =>
  reportOf(buildRequirementsReport, { inventory: null }, documents, {}, through)

/** Asked once: nothing changes it. */
const month = requirements()

const bareOf = ({ files }: Asked) =>
  (files.get('without-requirement') ?? []).map((row) => wordsOf(row, ['wireguard.peer.name', 'wireguard.peer.prefix']))

const mendOf = ({ files }: Asked, prefix: string) =>
  files.get('without-requirement')?.find((row) => row['wireguard.peer.prefix'] === prefix)?.['mend']

/** A gateway at the end of the month, its keys and the inventory made up. */
function lastPolls(shown: Parameters<typeof pollsFrom>[1], peers: string): Fields[] {
  const inventory = `${FIRST.slice(0, FIRST.indexOf('peers:'))}peers:\n${peers}`
  return pollsFrom('2026-11-30T23:59:56Z', shown, inventory)
}

function peerText(name: string, key: string, more: string): string {
  return `  - { name: ${name}, kind: device, owner: ann@example.com, gateway: gw1, interface: wg0, keys: [{ public_key: "${key}" }], ${more} }\n`
}

describe('the name of a requirement', () => {
  test.each([
    ['NET-12 database access', 'NET-12'],
    ['NET-12: second tablet', 'NET-12'],
    ['[NET-12] access', 'NET-12'],
    ['A.8.15 logging', 'A.8.15'],
    ['SEC/OPS-7', 'SEC/OPS-7'],
    ['CHG0012345 move', 'CHG0012345'],
    ['#123', '#123'],
    ['12.3.4 of the contract', '12.3.4'],
    // A guess too many would make one requirement of two.
    ['2026-10-01 move', '2026-10-01 move'],
    ['01.10.2026 move', '01.10.2026 move'],
    ['10.20.0.0/16 for the branch', '10.20.0.0/16 for the branch'],
    ['10.20.0.1 printer', '10.20.0.1 printer'],
    ['24/7 support', '24/7 support'],
    ['TCP/443 for the shop', 'TCP/443 for the shop'],
    ['Q4/2026 audit', 'Q4/2026 audit'],
    ['db1 access', 'db1 access'],
    ['IPv6 for all', 'IPv6 for all'],
    ['2 databases', '2 databases'],
    ['web-1 and its logs', 'web-1 and its logs'],
    ['  access for audit ', 'access for audit'],
    ['', ''],
  ])('%s', (text, id) => {
    expect(requirementId(text)).toBe(id)
  })

  test('is the same again, and never empty where something is written', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const id = requirementId(text)
        expect(requirementId(id)).toBe(id)
        expect(id === '').toBe(text.trim() === '')
      }),
    )
  })
})

describe('a month', () => {
  test('one row a requirement, both wordings in it, its peers, prefixes, grants, use and end', async () => {
    const asked = await month
    expect(asked.files.get('requirements')).toEqual([
      {
        requirement: 'NET-12',
        texts: ['NET-12 database access', 'NET-12: second tablet'],
        peers: ['laptop', 'tablet'],
        owners: ['Ann', 'Bob'],
        peers_without_owner: 0,
        prefixes: ['10.8.0.2/32', '10.8.0.3/32'],
        running: 2,
        resources: ['customer-db', 'wiki'],
        resources_used: ['customer-db', 'wiki'],
        last_use: '2026-11-12T10:00:00.000Z',
        last_try: '2026-11-12T10:00:00.000Z',
      },
      expect.objectContaining({
        requirement: 'NET-14',
        expires: '2026-11-05T00:00:00.000Z',
        last_try: '2026-11-13T10:00:00.000Z',
      }),
      expect.objectContaining({ requirement: 'NET-15', peers: ['gone'], running: 0 }),
      expect.objectContaining({
        requirement: 'printers of the branch',
        peers: ['branch'],
        peers_without_owner: 1,
        prefixes: ['192.168.5.0/24'],
        expires: '2027-02-01T00:00:00.000Z',
      }),
    ])
    expect(tableText(asked, 'requirements').join('\n')).toMatch(/NET-14.*expired/)
  })

  test('prefixes without one, each with what removes it and leaves the rest', async () => {
    const asked = await month
    expect(bareOf(asked)).toEqual(['- 10.8.0.66/32', 'branch 10.8.0.4/32', 'laptop 10.9.0.0/24'])
    expect(mendOf(asked, '10.8.0.66/32')).toEqual([
      `wg set wg0 peer ${STRANGER} remove`,
      `# and in /etc/wireguard/wg0.conf: delete the [Peer] section with PublicKey = ${STRANGER}`,
    ])
    expect(mendOf(asked, '10.8.0.4/32')).toEqual([
      `wg set wg0 peer ${SITE} allowed-ips 192.168.5.0/24`,
      `# and in /etc/wireguard/wg0.conf, under PublicKey = ${SITE}: AllowedIPs = 192.168.5.0/24`,
      '# or in the inventory: allowed_ips: [{ prefix: "10.8.0.4/32", requirement: REQUIREMENT }]',
    ])
    expect(mendOf(asked, '10.9.0.0/24')).toContain(`wg set wg0 peer ${LAPTOP} allowed-ips 10.8.0.2/32`)
    expect(asked.document.isFound).toBe(true)
    expect(asked.document.data).toMatchObject({ counts: { requirements: 4, prefixes: 5, without_requirement: 3 } })
  })

  test('a cluster gets the same answer, whatever the order of documents', async () => {
    const store = await month
    expect(await requirements(MONTH, narrowReader)).toEqual(store)
    expect(await requirements([...MONTH].reverse())).toEqual(store)
  })
})

describe('what removes a prefix', () => {
  test('what was changed since the end of the period has no command any more: it would undo the change', async () => {
    const inventory = peerText('laptop', LAPTOP, 'allowed_ips: [10.8.0.2/32], requirement: NET-1')
    const head = FIRST.slice(0, FIRST.indexOf('peers:'))
    const then = { wg0: { [LAPTOP]: ['10.8.0.2/32', '10.9.0.0/24'], [STRANGER]: ['10.8.0.66/32'] } }
    const now = { wg0: { [SITE]: ['10.8.0.2/32'], [STRANGER]: ['10.8.0.66/32'] } }
    const asked = await requirements([
      ...pollsFrom('2026-11-30T23:59:50Z', then, `${head}peers:\n${inventory}`),
      ...pollsFrom('2026-12-02T00:00:00Z', now, `${head}peers:\n${inventory}`),
    ])
    expect(mendOf(asked, '10.9.0.0/24')).toEqual([
      '# changed since the end of the period: see what stands now before anything is done',
    ])
    expect(mendOf(asked, '10.8.0.66/32')).toContain(`wg set wg0 peer ${STRANGER} remove`)
  })

  test('a documented gateway without polls: what runs there is not known, and the report ends with 1', async () => {
    const keys = { wg0: { [LAPTOP]: ['10.8.0.2/32'] } }
    const text = peerText('laptop', LAPTOP, 'allowed_ips: [10.8.0.2/32], requirement: NET-1')
    const whole = await requirements(lastPolls(keys, text))
    expect([whole.document.isFound, whole.document.summary.join(' ')]).toEqual([
      false,
      expect.not.stringContaining('not known'),
    ])
    const head = FIRST.slice(0, FIRST.indexOf('peers:')).replace(
      'gateways: [',
      'gateways: [{ name: gw9, interfaces: [wg0], sources: [] }, ',
    )
    const part = await requirements(pollsFrom('2026-11-30T23:59:56Z', keys, `${head}peers:\n${text}`))
    expect(part.document.isFound).toBe(true)
    expect(part.document.summary.join(' ')).toContain('Of gw9 no poll is recorded')
  })

  test('several prefixes of a peer go with one command: two would undo each other', async () => {
    const key = { wg0: { [LAPTOP]: ['10.8.0.2/32', '10.9.0.0/24', '10.9.1.0/24'] } }
    const asked = await requirements(
      lastPolls(key, peerText('laptop', LAPTOP, 'allowed_ips: [10.8.0.2/32], requirement: NET-1')),
    )
    const command = `wg set wg0 peer ${LAPTOP} allowed-ips 10.8.0.2/32`
    expect(mendOf(asked, '10.9.0.0/24')).toContain(command)
    expect(mendOf(asked, '10.9.1.0/24')).toContain(command)
  })

  test('a peer whose access is over is removed whole: no command brings the rest back', async () => {
    const key = { wg0: { [OLD]: ['10.8.0.5/32', '10.9.0.0/24'] } }
    const asked = await requirements(
      lastPolls(key, peerText('old', OLD, 'allowed_ips: [10.8.0.5/32], requirement: NET-1, expires: 2026-11-05')),
    )
    expect(mendOf(asked, '10.9.0.0/24')).toContain(`wg set wg0 peer ${OLD} remove`)
    expect(JSON.stringify(mendOf(asked, '10.9.0.0/24'))).not.toContain('allowed-ips')
  })

  test('of a list too long for a command the line for the file is given', async () => {
    const many = Array.from({ length: 20 }, (_, i) => `10.10.${i}.0/24`)
    const key = { wg0: { [LAPTOP]: [...many, '10.9.0.0/24'] } }
    const asked = await requirements(
      lastPolls(key, peerText('laptop', LAPTOP, `allowed_ips: [${many.join(', ')}], requirement: NET-1`)),
    )
    const mend = mendOf(asked, '10.9.0.0/24')
    expect(JSON.stringify(mend)).not.toContain('wg set')
    expect(JSON.stringify(mend)).toContain('then wg syncconf')
  })

  test('what is documented without a reason and does not run is taken out of the inventory', async () => {
    const key = { wg0: { [LAPTOP]: ['10.8.0.2/32'] } }
    const asked = await requirements(
      lastPolls(
        key,
        peerText('laptop', LAPTOP, 'allowed_ips: [{ prefix: 10.8.0.2/32, requirement: NET-1 }, 10.9.9.0/24]'),
      ),
    )
    expect(bareOf(asked)).toEqual(['laptop 10.9.9.0/24'])
    expect(mendOf(asked, '10.9.9.0/24')).toContain('# in the inventory: take 10.9.9.0/24 out of allowed_ips')
  })

  test('AllowedIPs documented for another interface give no reason for this one', async () => {
    const shown = { wg1: { [LAPTOP]: ['10.8.0.2/32'] } }
    const asked = await requirements(
      lastPolls(shown, peerText('laptop', LAPTOP, 'allowed_ips: [10.8.0.2/32], requirement: NET-1')),
    )
    expect(bareOf(asked)).toEqual(['- 10.8.0.2/32'])
  })

  test('the name of an interface is no command', async () => {
    const shown = { '$(reboot)': { [STRANGER]: ['10.8.0.66/32'] } }
    const asked = await requirements(
      lastPolls(shown, peerText('laptop', LAPTOP, 'allowed_ips: [10.8.0.2/32], requirement: NET-1')),
    )
    expect(mendOf(asked, '10.8.0.66/32')).toContain(`wg set '$(reboot)' peer ${STRANGER} remove`)
  })
})

describe('what is not known is not answered', () => {
  test('an inventory without requirements: a warning before the lines that would remove everything', async () => {
    const key = { wg0: { [LAPTOP]: ['10.8.0.2/32'] } }
    const asked = await requirements(lastPolls(key, peerText('laptop', LAPTOP, 'allowed_ips: [10.8.0.2/32]')))
    expect(noteText(asked, 'without-requirement')).toContain('would take away all access')
    expect(tableText(asked, 'requirements')).toEqual(['The inventory names no requirement.'])
  })

  test('no inventory: nothing is to be removed', async () => {
    const asked = await requirements(pollsFrom('2026-11-30T23:59:56Z', RUNNING, ''))
    expect(asked.files.get('without-requirement')).toEqual([])
    expect(tableText(asked, 'without-requirement')).toEqual(['not checked: there is no inventory'])
    expect(asked.document.isFound).toBe(true)
  })

  test('another inventory, an empty store', async () => {
    const inventory = parseInventory(FIRST, 'x')
    const asked = await reportOf(buildRequirementsReport, { inventory }, [])
    expect(tableText(asked, 'requirement-prefixes')[0]).toContain('not known: no poll')
    expect(asked.document.summary.join(' ')).toContain('No poll of a gateway is recorded')
  })

  test('without connection tracking nothing is said by absence', async () => {
    const asked = await requirements(MONTH.filter((each) => each['event.action'] !== 'source-heartbeat'))
    expect(noteText(asked, 'requirements')).toContain('Connection tracking of gw1 is not recorded')
  })

  test('a server is used when it is reached, also by another peer', async () => {
    const key = { wg0: { [SITE]: ['10.8.0.4/32'] } }
    const reached = flow('2026-11-20T00:00:00Z', SITE, '', {
      'wireguard.peer.role': 'destination',
      'wireguard.peer.prefix': '10.8.0.4/32',
    })
    const peers = peerText('branch', SITE, 'allowed_ips: [10.8.0.4/32], requirement: NET-1')
    const asked = await requirements([...lastPolls(key, peers), reached])
    expect(asked.files.get('requirements')).toMatchObject([{ last_use: '2026-11-20T00:00:00.000Z' }])
    const byPeer = flow('2026-11-21T00:00:00Z', LAPTOP, '', { 'wireguard.target_peer.public_key': SITE })
    const between = await requirements([...lastPolls(key, peers), byPeer])
    expect(between.files.get('requirements')).toMatchObject([{ last_reached: '2026-11-21T00:00:00.000Z' }])
    expect(between.document.summary[0]).toContain('of 0 no answered connection')
  })
})
