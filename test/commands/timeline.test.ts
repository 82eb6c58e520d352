/** `peertrail timeline` over the demo's store: a real capture with a rotation, a revocation, gaps and doubt. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runTimeline, type TimelineArguments } from '../../src/commands/timeline.ts'
import { AppError } from '../../src/errors.ts'
import { parseEvent } from '../../src/event-json.ts'
import { createContext } from './made-store.ts'
import { type StoredDemo, storeDemo } from './stored-demo.ts'

let demo: StoredDemo
beforeAll(async () => {
  demo = await storeDemo()
})
afterAll(() => demo.remove())

async function timeline(peer: string, part: Partial<TimelineArguments> = {}, columns?: number) {
  const made = createContext(columns === undefined ? {} : { columns })
  const args: TimelineArguments = {
    peer,
    since: '',
    until: '',
    last: '',
    limit: '200',
    isAll: false,
    isJson: false,
    isCsv: false,
    store: demo.dir,
    pipeline: '',
    ...part,
  }
  const exit = await runTimeline(args, made.context)
  return { exit, out: made.out(), said: made.said().replace(`store ${demo.dir}\n`, '') }
}

async function refusal(peer: string, part: Partial<TimelineArguments> = {}): Promise<AppError> {
  const error: unknown = await timeline(peer, part).then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (error instanceof AppError) return error
  throw error ?? new Error('was taken')
}

describe('lines', () => {
  test('a quiet peer: session, flow, what was not seen', async () => {
    expect(await timeline('ivy')).toMatchInlineSnapshot(`
      {
        "exit": 0,
        "out": "ivy (MacBook Air)  key e3WudW7m…
      2026-11-22, times in UTC
      15:09:29.000  peer-session-started  gw1 wg0 endpoint 198.51.100.32:43537
      15:09:29.602  flow              10.8.0.28:55697 → 172.30.51.138:80 tcp web1 45 s  connected, 2.1 kB
      15:09:32.551  not all seen      gw1 nftables: sampled-rule
      15:09:39.605  outer-flow        198.51.100.1:51820 → 198.51.100.32:43537 udp gw1 wg0
      15:10:14.208  outer-flow        198.51.100.1:51820 → 198.51.100.32:43537 udp gw1 wg0
      15:10:57.092  not seen          gw1 conntrack: collector-stopped  to 15:11:05.945, 8.9 s
      15:12:29.000  peer-session-ended  gw1 wg0 endpoint 198.51.100.32:43537 after 3 min
      ",
        "said": "7 lines from 9 documents, oldest first
      ",
      }
    `)
  })

  test('a rotated key: both keys, the flow that outlived the first, the doubt in a gap', async () => {
    const { out, said } = await timeline('oak', { since: '2026-11-22T15:12:00Z' })
    expect(out).toMatchInlineSnapshot(`
      "oak (MacBook Air)  keys H1iVMM/e…, M55ykc5q…
      2026-11-22, times in UTC
      15:12:05.782  flow              10.8.0.25 → 172.26.52.145:8080  connected, holder-changed, 5.8 kB
      15:12:07.975  peer-session-ended  gw2 wg0 endpoint 198.51.100.39:42405 after 2.6 min  peer-removed
      15:12:07.975  holder-changed    oak lost 10.8.0.25/32 while a flow of it was open gw2 wg0  medium
      15:12:07.975  peer-removed      gw2 wg0 key H1iVMM/e… 10.8.0.25/32
      15:12:07.975  peer-added        gw2 wg0 key M55ykc5q… 10.8.0.25/32
      15:12:10.000  peer-session-started  gw2 wg0 endpoint 198.51.100.39:42405
      15:12:13.788  flow              10.8.0.25:47647 → 172.26.52.145:8080 tcp app1 la…  connected, 3.9 kB
      15:12:15.062  not seen          gw2 wireguard: polls-missing 9 lost  to 15:12:25.143, 10 s
      15:12:19.710  flow              perhaps oak  10.8.0.25 → 172.26.52.145:8080  connected, 3.7 kB, led…
      "
    `)
    expect(said).toMatchInlineSnapshot(`
      "9 lines from 22 documents, oldest first
      "
    `)
  })

  test('denied packets that came again are one line with their number', async () => {
    const { out } = await timeline('nutmeg', { since: '15:11:00', until: '15:11:10' })
    expect(out).toMatchInlineSnapshot(`
      "nutmeg (ThinkPad T14)  key JMRe9WZk…
      2026-11-22, times in UTC
      15:10:57.092  not seen         gw1 conntrack: collector-stopped  to 15:11:05.945, 8.9 s
      15:11:00.320  firewall-drop    10.8.0.14:33939 → 172.30.51.68:3306 tcp gw1-servers [edge] wg-deny d…
      15:11:00.808  flow             10.8.0.14:46499 → 172.30.51.138:80 tcp web1 gw1  connected, open
      15:11:00.808  firewall-accept  10.8.0.14:46499 → 172.30.51.138:80 tcp web1 [edge] wg-allow web: gw1
      15:11:04.571  firewall-drop    fdd8:6ff3:8717::14 → [fda2:2122:ebb2::54]:22 tcp  ×5 to 15:11:08.577
      15:11:07.779  flow             10.8.0.14:37199 → 172.30.51.138:443 tcp web1 gw1  connected, open
      15:11:09.648  accepted         10.8.0.14:58693 → db1 labdb
      "
    `)
  })

  test.each([100, 140])(
    'a login: what was run, as whom, and which files it touched, in %d columns',
    async (columns) => {
      const { out } = await timeline('fir', { since: '15:12:04', until: '15:12:05' }, columns)
      await expect(out).toMatchFileSnapshot(`../fixtures/timeline/login-${columns}.txt`)
    },
  )

  test('every audit event of a login, when all are asked for', async () => {
    const period = { since: '15:12:04', until: '15:12:05' }
    const { out } = await timeline('fir', { ...period, isAll: true }, 140)
    const audited = demo.documents.filter(
      (each) => each['event.dataset'] === 'wireguard.audit' && each['auditd.session'] === '353',
    )
    expect(out.match(/ db1\[353\] |@db1\[353\] /g)?.length).toBeGreaterThanOrEqual(audited.length)
    const { out: folded } = await timeline('fir', period, 100)
    const [, more = ''] = / \+ (\d+) more {2,}audit events of the login/.exec(folded) ?? []
    const told = folded.match(/ {2}(ran|created|renamed|deleted|permissions) .*db1\[353\]/g)?.length ?? 0
    // Two of the login stand in no session yet.
    expect(Number(more) + told).toBe(audited.length + 2)
  })

  test('a person, an address, and the beginning of a key find the same peer', async () => {
    const { out } = await timeline('nutmeg')
    const body = out.slice(out.indexOf('\n'))
    const email = demo.documents.find((each) => each['wireguard.peer.name'] === 'nutmeg')?.[
      'wireguard.peer.owner.email'
    ]
    expect(email).toContain('@')
    for (const name of [email ?? '', '10.8.0.14', 'JMRe9WZk', 'NUTMEG'])
      expect((await timeline(name)).out).toContain(body)
  })

  test('every document about the peer is behind a line', async () => {
    const { out, said } = await timeline('nutmeg')
    const key = demo.documents.find((each) => each['wireguard.peer.name'] === 'nutmeg')?.['wireguard.peer.public_key']
    const about = demo.documents.filter(
      (each) => each['wireguard.peer.public_key'] === key && each['event.dataset'] !== 'wireguard.peer',
    )
    const flows = new Set(about.flatMap((each) => each['wireguard.flow.id'] ?? []))
    expect(out.match(/ {2}flow {2}/g)).toHaveLength(flows.size)
    const gaps = demo.documents.filter(
      (each) =>
        (each['event.action'] === 'source-gap' || each['event.action'] === 'source-lost') &&
        each['host.name'] === 'gw1',
    )
    expect(said).toContain(`lines from ${about.length + gaps.length} documents`)
  })

  test('what is left out is told, with where it begins', async () => {
    const { out, said } = await timeline('oak', { limit: '3' })
    expect(out.trimEnd().split('\n')).toHaveLength(5)
    expect(said).toMatchInlineSnapshot(`
      "3 of 27 lines from 87 documents, oldest first; left out from 2026-11-22 15:09:43 UTC on: --since that time, or --limit N, 0 for all
      "
    `)
    const whole = await timeline('oak')
    const all = await timeline('oak', { limit: '0' })
    expect(all.out).toBe(whole.out)
    expect(whole.out.startsWith(out.split('\n').slice(0, 2).join('\n'))).toBe(true)
  })

  test('a time in which nothing was recorded still says what nobody could see', async () => {
    const { exit, out, said } = await timeline('oak', { since: '15:09:45', until: '15:09:45.1' })
    expect(exit).toBe(0)
    expect(out).toMatchInlineSnapshot(`
      "oak (MacBook Air)  keys H1iVMM/e…, M55ykc5q…
      2026-11-22, times in UTC
      15:09:43.000  not seen  gw2 nftables: daemon-stopped  to 15:09:50.000, 7 s
      "
    `)
    expect(said).toBe(
      `nothing of this peer was recorded in this time; store ${demo.dir} has it from 2026-11-22 15:09:30 UTC to 2026-11-22 15:12:39 UTC\n`,
    )
  })
})

describe('documents', () => {
  test('JSON has them whole, oldest first, gaps included', async () => {
    const { out, said } = await timeline('ivy', { isJson: true })
    const found = out.trimEnd().split('\n').map(parseEvent)
    const byId = new Map(demo.documents.map((document) => [document['event.id'], document]))
    for (const document of found) expect(document).toEqual(byId.get(document['event.id']))
    const times = found.map((document) => document['@timestamp'] ?? 0)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(found.filter((document) => document['event.action'] === 'source-gap')).toHaveLength(1)
    expect(said).toContain(`${found.length} documents, oldest first`)
  })

  test('CSV has a row each, up to the limit', async () => {
    const { out, said } = await timeline('ivy', { isCsv: true, limit: '4' })
    expect(out.trimEnd().split('\n')).toHaveLength(5)
    expect(said).toMatch(/4 of 9 documents/)
  })

  test('a gap that began before the time asked for comes first', async () => {
    const { out } = await timeline('oak', { isJson: true, since: '15:12:16', until: '15:12:17' })
    expect(parseEvent(out)).toMatchObject({
      'event.action': 'source-gap',
      'wireguard.coverage.reason': 'polls-missing',
    })
  })
})

test('a PEER that is nobody or several ends the command', async () => {
  expect((await refusal('nobody')).message).toBe(`no peer in store ${demo.dir} is called "nobody"`)
  const several = await refusal('10.8.0.28')
  expect(several.code).toBe('usage')
  expect(several.problems.map(({ file }) => file).sort()).toEqual(['hazel', 'ivy'])
})

test('arguments are read before the store is opened', async () => {
  expect((await refusal('ivy', { limit: 'x', store: '/nowhere' })).message).toContain('--limit')
  expect((await refusal('ivy', { since: 'x', store: '/nowhere' })).message).toContain('--since')
  expect((await refusal('ivy', { isJson: true, isCsv: true, store: '/nowhere' })).message).toContain('--json')
  expect((await refusal('ivy', { store: '/nowhere' })).code).toBe('no-store')
})
