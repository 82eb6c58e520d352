/**
 * `who` over the demo capture, a real lab's, against what really happened: an address that changed hands, every NATed flow, every
 * firewall document. Whatever is called exact must be true.
 */
import { readFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readLedgerWindow } from '../../src/commands/ledger-window.ts'
import { answerWho } from '../../src/commands/who.ts'
import type { FlowAnswer } from '../../src/commands/who-answer.ts'
import { attributorOf, claimsOn, type GatewayLedgers, momentOf } from '../../src/commands/who-claims.ts'
import { readFlows } from '../../src/commands/who-flows.ts'
import { readAddressLines } from '../../src/commands/who-lines.ts'
import { parseAddressPort, type Question } from '../../src/commands/who-question.ts'
import type { Fields } from '../../src/fields.ts'
import { emptyInventory } from '../../src/identity/inventory.ts'
import { type LedgerSpan, ledgerAt, ledgerSpans } from '../../src/store/ledger-reader.ts'
import { openStoreReader, type StoreReader } from '../../src/store/reader.ts'
import { DAY, MS, SECOND, toIso } from '../../src/time.ts'
import { headOf, who, whoJson } from './asking.ts'
import { type StoredDemo, storeDemo } from './stored-demo.ts'

const fixtures = `${import.meta.dirname}/../fixtures/who`
const WIDTH = 100

type Truth = {
  readonly kind: string
  readonly t: number
  readonly key: string
  readonly gateway: string
  readonly address: string
  readonly old_key: string
  readonly new_key: string
  readonly peer: string
  readonly nat: readonly string[]
  readonly server: { readonly src: string; readonly sport: number } | null
  readonly src: string
  readonly sport: number
  readonly dst: string
  readonly dport: number
  readonly fwd_dst: string
  readonly fwd_dport: number
  readonly id: string
  readonly t0: number
  readonly t1: number
}
const readLines = (name: string) =>
  readFileSync(`${import.meta.dirname}/../fixtures/lab-1/${name}`, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
const truth: Truth[] = readLines('truth.jsonl')
const evidence = new Map<string, { has_conntrack_new: boolean }>(
  readLines('evidence.jsonl').map((each) => [each.id, each]),
)
const only = (kind: string, peer: string) => truth.filter((each) => each.kind === kind && each.peer === peer)
const reuse = truth.find(({ kind }) => kind === 'address_reuse') as Truth
const revoked = truth.find(({ kind }) => kind === 'revoked') as Truth
const iso = (seconds: number) => toIso(Math.round(seconds * SECOND))

let demo: StoredDemo
let store: StoreReader
let spans: LedgerSpan[]

beforeAll(async () => {
  demo = await storeDemo()
  store = await openStoreReader(demo.dir)
  spans = await ledgerSpans(store)
})

afterAll(async () => {
  store.close()
  await demo.remove()
})

function question(address: string, port: number, at: number, gateway: string): Question {
  return {
    ...parseAddressPort(address),
    port,
    moment: { from: at, to: at },
    isTimeGiven: true,
    within: 2 * SECOND,
    gateway,
  }
}

describe('the address that changed hands', () => {
  test('before, during and after give three different answers', async () => {
    const { address } = reuse
    expect(await headOf(demo.dir, address, { at: iso(revoked.t - 5) })).toBe(
      '0 10.8.0.7 was held by cedar (Latitude 5440), Audit Temp 29 — exact',
    )
    // Between the poll that still showed the old holder and the next one.
    expect(await headOf(demo.dir, address, { at: iso(revoked.t) })).toBe(
      '1 10.8.0.7 may have been cedar or juniper — ambiguous (holder-changing)',
    )
    expect(await headOf(demo.dir, address, { at: iso((revoked.t + reuse.t) / 2) })).toBe(
      '1 10.8.0.7 was held by nobody — unknown (no-holder)',
    )
    expect(await headOf(demo.dir, address, { at: iso(reuse.t + 5) })).toBe(
      '0 10.8.0.7 was held by alder (ThinkPad T14), Build Engineer 15 — exact',
    )
  })

  test('each of them names who came before and after, and when', async () => {
    const during = await whoJson(demo.dir, reuse.address, { at: iso((revoked.t + reuse.t) / 2) })
    const [holder] = during.holders
    expect([holder.previous.peer.publicKey, holder.next.peer.publicKey]).toEqual([reuse.old_key, reuse.new_key])
    // The change lies between the two polls that are named.
    expect(holder.previous.until < iso(revoked.t) && iso(revoked.t) < holder.previous.untilBefore).toBe(true)
    expect(holder.next.sinceAfter < iso(reuse.t) && iso(reuse.t) < holder.next.since).toBe(true)
    const before = await whoJson(demo.dir, reuse.address, { at: iso(revoked.t - 5) })
    expect(before.holders[0].held.until).toBe(holder.previous.until)
    expect(before.holders[0].next.peer.publicKey).toBe(reuse.new_key)
    const after = await whoJson(demo.dir, reuse.address, { at: iso(reuse.t + 5) })
    expect(after.holders[0].previous.peer.publicKey).toBe(reuse.old_key)
    expect(after.holders[0].held).toMatchObject({ prefix: '10.8.0.7/32', since: holder.next.since, until: null })
  })

  test('a time as coarse as a second or a minute is answered for all of it', async () => {
    const second = iso(revoked.t).slice(0, 19)
    expect((await whoJson(demo.dir, reuse.address, { at: second })).status).toBe('ambiguous')
    expect((await whoJson(demo.dir, reuse.address, { at: second.slice(0, 16) })).status).toBe('ambiguous')
    expect((await whoJson(demo.dir, reuse.address, { at: '2026-11-22T15:10' })).status).toBe('exact')
  })
})

describe('agreement with what the documents of the time say', () => {
  /** The ledgers restored once: the demo is shorter than what one of them covers. */
  async function openLedgers(): Promise<Map<string, Omit<GatewayLedgers, 'moment'> & { newest: number }>> {
    const found = new Map()
    for (const { gateway, oldest, newest } of spans) {
      const view = await ledgerAt(store, gateway, (oldest + newest) / 2)
      const window = await readLedgerWindow(store, gateway, oldest - DAY, newest + DAY, null)
      if (view === null || window === null) throw new Error(`no ledger of ${gateway}`)
      found.set(gateway, { view, window, attributor: attributorOf(view), isOwnAddress: false, newest })
    }
    return found
  }

  const addressOf = (document: Fields) =>
    (document['wireguard.peer.role'] === 'destination' ? document['destination.ip'] : document['source.ip']) ?? ''

  test('every firewall document: status, key, candidates', async () => {
    const ledgers = await openLedgers()
    const lines = demo.documents.filter((document) => document['event.dataset'] === 'wireguard.firewall')
    expect(lines.length).toBeGreaterThan(450)
    for (const document of lines) {
      const gateway = document['host.name'] ?? ''
      const open = ledgers.get(gateway)
      if (open === undefined) throw new Error(gateway)
      const asked = question(addressOf(document), -1, document['@timestamp'] ?? 0, gateway)
      const ledger = { ...open, moment: momentOf(asked, open.view.ledger, open.newest) }
      const claims = claimsOn(ledger, asked, await readAddressLines(store, asked)).map(({ claim }) => claim)
      const told = claims.map(({ status, entry, candidates }) => [status, entry?.publicKey, candidates])
      expect(told, `${toIso(asked.moment.from)} ${asked.address.text}`).toEqual([
        [
          document['wireguard.attribution.status'],
          document['wireguard.peer.public_key'],
          document['wireguard.attribution.candidates'] ?? [],
        ],
      ])
    }
  })

  test('the whole command, for those near a change, those that are not exact, and every 40th of the others', async () => {
    const changes = truth
      .filter(({ kind }) => kind === 'peer_removed' || kind === 'peer_added')
      .map(({ t }) => t * SECOND)
    const lines = demo.documents
      .filter((document) => document['event.dataset'] === 'wireguard.firewall')
      .filter((document, i) => {
        const isNear = changes.some((at) => Math.abs(at - (document['@timestamp'] ?? 0)) < SECOND)
        const isSimple =
          document['wireguard.attribution.status'] === 'exact' && document['wireguard.peer.prefix'] !== '0.0.0.0/0'
        return isNear || !isSimple || i % 40 === 0
      })
    expect(lines.length).toBeGreaterThan(25)
    for (const document of lines) {
      const gateway = document['host.name'] ?? ''
      const asked = question(addressOf(document), -1, document['@timestamp'] ?? 0, gateway)
      const answer = await answerWho(
        store,
        asked,
        spans.filter((span) => span.gateway === gateway),
      )
      expect([answer.role, answer.status, answer.holders[0]?.peer?.publicKey]).toEqual([
        'tunnel',
        document['wireguard.attribution.status'],
        document['wireguard.peer.public_key'],
      ])
      expect(answer.holders[0]?.peer?.owner?.email).toBe(document['wireguard.peer.owner.email'])
      // The line itself is the nearest one, so its rule is the one that stood.
      expect(answer.holders[0]?.rule).toMatchObject({ name: document['rule.name'], at: document['@timestamp'] })
    }
  })
})

describe('an address and port', () => {
  const flows = truth.filter(
    ({ kind, nat, id }) => kind === 'flow' && nat?.length > 0 && evidence.get(id)?.has_conntrack_new === true,
  )
  const isTrue = (found: readonly FlowAnswer[], flow: Truth) =>
    found.some(({ status, peer, candidates }) =>
      status === 'exact' ? peer?.publicKey === flow.key : candidates.some(({ publicKey }) => publicKey === flow.key),
    )

  test('after source NAT: the peer behind it, for every flow of the truth', async () => {
    const masqueraded = flows.filter(({ nat, server }) => nat.includes('snat') && server !== null)
    expect(masqueraded.length).toBeGreaterThan(40)
    let exact = 0
    for (const [i, flow] of masqueraded.entries()) {
      const { src = '', sport = 0 } = flow.server ?? {}
      const asked = question(src, sport, Math.round(((flow.t0 + flow.t1) / 2) * SECOND), '')
      const { flows: found, count } = await readFlows(store, asked, () => emptyInventory())
      expect([flow.id, count, isTrue(found, flow)]).toEqual([flow.id, 1, true])
      expect([found[0]?.matched, found[0]?.source]).toEqual(['source.nat', { ip: flow.src, port: flow.sport }])
      if (found[0]?.status === 'exact') exact++
      if (i % 10 > 0) continue
      const answer = await answerWho(store, asked, spans)
      expect([answer.role, answer.status, isTrue(answer.flows, flow)]).toEqual(['flow', found[0]?.status, true])
    }
    // The others fall into the gap of gw2's polls.
    expect(masqueraded.length - exact).toBeLessThan(8)
  })

  test('after destination NAT, and by the tunnel address and port of the same flow', async () => {
    const forwarded = flows.filter(({ nat }) => nat.includes('dnat'))
    expect(forwarded.length).toBeGreaterThan(15)
    for (const flow of forwarded.slice(0, 8)) {
      const at = Math.round(((flow.t0 + flow.t1) / 2) * SECOND)
      const inner = await answerWho(
        store,
        question(flow.src, flow.sport, at, flow.gateway),
        spans.filter(({ gateway }) => gateway === flow.gateway),
      )
      expect([flow.id, inner.role, inner.status, inner.flows[0]?.peer?.publicKey]).toEqual([
        flow.id,
        'flow',
        'exact',
        flow.key,
      ])
      expect(inner.flows[0]?.destinationNat).toEqual({ ip: flow.fwd_dst, port: flow.fwd_dport })
      const served = await answerWho(store, question(flow.fwd_dst, flow.fwd_dport, at, flow.gateway), spans)
      expect(served.role).toBe('flow')
      expect(served.flows.map(({ id }) => id).slice(0, 20)).toContain(inner.flows[0]?.id)
    }
  })

  test('several flows that fit are listed, and make the answer ambiguous', async () => {
    const { exit, printed } = await who(demo.dir, '172.30.51.68:5432', { at: '2026-11-22T15:11:25' })
    expect(exit).toBe(1)
    expect(printed).toMatch(/^172\.30\.51\.68:5432 was in 32 flows then of pine, .* — ambiguous$/m)
    expect(printed.match(/^ {2}flow /gm)?.length).toBe(20)
    expect(printed).toContain('and 12 more flows')
  })

  test('--within decides how far away a flow may be', async () => {
    const [flow] = flows.filter(({ nat, server }) => nat.includes('snat') && server !== null)
    const { src, sport } = flow?.server ?? { src: '', sport: 0 }
    const at = iso((flow?.t0 ?? 0) - 1)
    expect((await whoJson(demo.dir, `${src}:${sport}`, { at })).flowCount).toBe(1)
    expect((await whoJson(demo.dir, `${src}:${sport}`, { at, within: '250ms' })).flowCount).toBe(0)
  })
})

describe('other roles', () => {
  test('an endpoint: whose it was, and whose at another time', async () => {
    expect(await headOf(demo.dir, '198.51.100.24', { at: '2026-11-22T15:10:00' })).toBe(
      '0 198.51.100.24 was the endpoint of pine (Latitude 5440), Release Manager 14 — exact',
    )
    const [roamed] = only('roamed', 'katsura')
    expect(await headOf(demo.dir, '198.51.100.125', { at: iso((roamed?.t ?? 0) - 10) })).toBe(
      "1 198.51.100.125 was nobody's endpoint then; katsura had it at another time — unknown",
    )
    const later = await whoJson(demo.dir, '198.51.100.125')
    expect([later.status, later.endpoints[0].peer.publicKey]).toEqual(['exact', roamed?.key])
    expect((await whoJson(demo.dir, '198.51.100.24:1', { at: '2026-11-22T15:10:00' })).role).not.toBe('endpoint')
  })

  test('what is no peer says what it is', async () => {
    expect(await headOf(demo.dir, '172.30.51.68')).toBe("1 172.30.51.68 was no peer's address: host db1, by inventory")
    expect(await headOf(demo.dir, '172.26.52.1')).toBe("1 172.26.52.1 was no peer's address: an address of gw2 itself")
    expect(await headOf(demo.dir, '198.51.100.1:51820')).toBe(
      "1 198.51.100.1:51820 was no peer's address: an address of gw1 itself",
    )
    expect(await headOf(demo.dir, '203.0.113.9')).toBe(
      "1 203.0.113.9 was no peer's address: only 0.0.0.0/0 of juniper covers it",
    )
    expect(await headOf(demo.dir, '203.0.113.9', { gateway: 'gw2' })).toBe(
      '1 203.0.113.9 was not seen by any gateway, and nothing is documented for it — unknown',
    )
    expect(await headOf(demo.dir, '10.8.0.18')).toBe(
      "1 10.8.0.18 was no peer's address: documented for quince, who did not hold it",
    )
  })

  test('one address on two gateways is two answers; --gateway makes it one', async () => {
    expect(await headOf(demo.dir, '10.8.0.28')).toBe(
      '1 10.8.0.28 was held in 2 places: ivy on gw1 wg0, hazel on gw2 wg0 — ambiguous',
    )
    expect(await headOf(demo.dir, '10.8.0.28', { gateway: 'gw2' })).toBe(
      '0 10.8.0.28 was held by hazel (ThinkPad T14), Release Manager 6 — exact',
    )
  })

  test('an undocumented key is told by its beginning', async () => {
    expect(await headOf(demo.dir, '10.8.0.25', { gateway: 'gw1' })).toBe(
      '0 10.8.0.25 was held by key fvNaBA39… (not documented) — exact',
    )
  })
})

describe('times', () => {
  test('without one it is the newest poll, and that is said', async () => {
    const { exit, printed } = await who(demo.dir, '10.8.0.23')
    expect(exit).toBe(0)
    expect(printed).toContain('\nas of 2026-11-22 15:13:10.676 UTC, the newest poll there is\n')
  })

  test.each([
    ['2026-11-20', 'not-observed'],
    ['2026-11-22T15:09:20Z', 'not-observed'],
    ['2026-11-22T15:13:40Z', 'ledger-stale'],
    ['2027-11-20', 'ledger-stale'],
  ])('%s is outside of the polls: %s, with what the store holds', async (at, reason) => {
    const { exit, printed } = await who(demo.dir, '10.8.0.23', { at })
    expect(exit).toBe(1)
    expect(printed).toContain(`— ambiguous (${reason})`)
    expect(printed).toContain('recorded   polls of gw1: 2026-11-22 15:09:26 to 15:13:10 UTC')
  })

  test("a gap of the gateway at that time is told, another gateway's is not", async () => {
    const at = '2026-11-22T15:12:20'
    const { exit, printed } = await who(demo.dir, '10.8.0.17', { at, gateway: 'gw2' })
    expect(exit).toBe(1)
    expect(printed).toMatch(/^ {2}not seen {3}gw2 wireguard, 2026-11-22 15:12:15 to 15:12:25 UTC \(polls-missing\)/m)
    expect((await whoJson(demo.dir, '10.8.0.17', { at, gateway: 'gw1' })).gaps).toEqual([])
    const inConntrack = await whoJson(demo.dir, '10.8.0.23', { at: '2026-11-22T15:11:00' })
    expect(inConntrack.gaps.map((gap: { source: string }) => gap.source)).toEqual(['conntrack'])
  })
})

describe('for people', () => {
  const typical: readonly (readonly [string, string, string])[] = [
    ['held', '10.8.0.23', '2026-11-22T15:10:00'],
    ['changing', '10.8.0.7', '2026-11-22T15:12:28'],
    ['nobody', '10.8.0.7', '2026-11-22T15:12:31'],
    ['nat', '172.26.52.1:34919', '2026-11-22T15:12:25'],
    ['two-places', '10.8.0.28', ''],
  ]

  test.each(typical)('%s', async (name, address, at) => {
    const { printed } = await who(demo.dir, address, { at })
    await expect(printed).toMatchFileSnapshot(`${fixtures}/${name}.txt`)
    for (const line of printed.split('\n')) expect(Array.from(line).length, line).toBeLessThanOrEqual(WIDTH)
  })

  test('colours change nothing else, and only the answer has one', async () => {
    const plain = await who(demo.dir, '10.8.0.23')
    const { printed } = await who(demo.dir, '10.8.0.23', { color: true })
    expect(stripVTControlCharacters(printed)).toBe(plain.printed)
    expect(printed.split('\n')[0]).toContain('\u001b[32m')
  })

  test('the JSON has all the page has', async () => {
    const answer = await whoJson(demo.dir, '10.8.0.23', { at: '2026-11-22T15:10:00' })
    expect(Object.keys(answer).join(' ')).toBe(
      'address port at within gateway status role flows flowCount holders endpoints places rule gaps store',
    )
    expect(answer.holders[0]).toMatchObject({
      gateway: 'gw1',
      interface: 'wg0',
      status: 'exact',
      peer: {
        name: 'pine',
        device: 'Latitude 5440',
        owner: { name: 'Release Manager 14', email: 'release-manager-14@example.com' },
        documented: { isWithinDates: true, isExpired: false },
      },
      held: { prefix: '10.8.0.23/32', allowedIps: ['10.8.0.23/32'], sinceAfter: null },
      endpoint: { ip: '198.51.100.24', port: 47387 },
      inventory: 'a4614d680f4a44d5',
    })
    // The handshake is one the lab knows of, before that time.
    expect(answer.holders[0].lastHandshake).toBe('2026-11-22T15:09:30.000Z')
    expect(Date.parse(answer.holders[0].pollAfter) - Date.parse(answer.holders[0].pollBefore)).toBeLessThan(
      (3 * SECOND) / MS,
    )
  })
})
