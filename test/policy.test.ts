/** What the inventory's policy says stands on what a peer asks for, never on what others ask of a peer. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseEvent } from '../src/event-json.ts'
import { replayCapture } from './replay-capture.ts'

const KEY = 'e3WudW7mWm/WxncV7j4EVjh3b+UPlxjJA8tX2+OSbVc='
const START = Date.UTC(2026, 10, 22, 15, 0, 0) / 1000

const INVENTORY = `version: 1
gateways: [{ name: gw, interfaces: [wg0] }]
people: [{ email: ivy@example.com, name: Ivy, groups: [dba] }]
peers:
  - { name: ivy, kind: device, owner: ivy@example.com, gateway: gw, interface: wg0, keys: [{ public_key: "${KEY}" }], allowed_ips: [10.99.0.2/32] }
resources:
  - { name: db, addresses: [10.5.0.9], ports: [tcp/5432] }
  - { name: web, addresses: [10.5.0.9], ports: [tcp/80] }
  - { name: laptop-share, addresses: [10.99.0.2], ports: [tcp/445] }
policy: [{ groups: [dba], resources: [db] }]
`

function opened(second: number, id: number, src: string, dst: string, dport: number): string {
  const back = `src=${dst} dst=${src} sport=${dport} dport=${4000 + id}`
  return `[${START + second}.000000]\t    [NEW] tcp 6 120 SYN_SENT src=${src} dst=${dst} sport=${4000 + id} dport=${dport} [UNREPLIED] ${back} id=${id}\n`
}

test('allowed, violation, or nothing where the peer is asked', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'peertrail-policy-'))
  try {
    await mkdir(join(directory, 'gw'))
    await writeFile(join(directory, 'inventory.yaml'), INVENTORY)
    const poll = (i: number) =>
      `# ${new Date((START + i) * 1000).toISOString()} gw\nwg0\t(hidden)\tX5dVHUy5WeDXoRslRNRogCe3FkYRORF++vNrznHZJCc=\t51820\toff\nwg0\t${KEY}\t(none)\t(none)\t10.99.0.2/32\t0\t0\t0\toff\n`
    await writeFile(join(directory, 'gw/wg.snapshots'), Array.from({ length: 30 }, (_, i) => poll(i)).join(''))
    const flows = [
      opened(5, 1, '10.99.0.2', '10.5.0.9', 5432),
      opened(6, 2, '10.99.0.2', '10.5.0.9', 80),
      opened(7, 3, '10.99.0.2', '10.5.0.9', 22),
      opened(8, 4, '10.5.0.9', '10.99.0.2', 445),
    ]
    await writeFile(join(directory, 'gw/conntrack.log'), flows.join(''))
    const events = (await replayCapture(directory)).ndjson.trimEnd().split('\n').map(parseEvent)
    const said = events
      .filter((event) => event['event.dataset'] === 'wireguard.flow')
      .map((event) => [
        event['wireguard.resource.name'],
        event['wireguard.peer.role'],
        event['wireguard.policy.result'],
      ])
    expect(said).toEqual([
      ['db', 'source', 'allowed'],
      ['web', 'source', 'violation'],
      ['uncatalogued', 'source', undefined],
      ['laptop-share', 'destination', undefined],
    ])
  } finally {
    await rm(directory, { recursive: true })
  }
})
