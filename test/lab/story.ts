/** What happens in the lab, in order. Every step writes into the truth what it did and when. */
import { renameSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { createTraffic, MARK, type Traffic, type Wish } from './attempts.ts'
import { until, wallClock } from './conditions.ts'
import { openingRule } from './firewall.ts'
import type { Machines } from './lab-machines.ts'
import {
  CLIENT_PLANS,
  type Client,
  GATEWAY,
  GATEWAY_INNER,
  GATEWAY_OUTER,
  GATEWAY_TUNNEL,
  LISTEN_PORT,
  PORTS,
  SHARED_ADDRESS,
  single,
} from './lab-plan.ts'
import { moveClient } from './network.ts'
import { attempt } from './run-program.ts'
import type { Change } from './truth.ts'
import { addAddress, bringUp, endpointOf, gatewayConfig, INTERFACE, takeDown, wg } from './wireguard.ts'

/** Polls that must be missing for a gap to be stated: more than three. */
const OUTAGE_MS = 5_000
/** Between two datagrams of the client that measures. */
const MARK_MS = 150

/** `say` gets one line before each step. */
export async function tellStory(machines: Machines, say: (step: string) => void): Promise<void> {
  const traffic = createTraffic(machines)
  const marks = startMarks(traffic)
  for (const [name, step] of STEPS) {
    say(name)
    await step(machines, traffic)
  }
  await marks.stop()
}

const STEPS: readonly (readonly [string, (machines: Machines, traffic: Traffic) => Promise<void>])[] = [
  ['connections: accepted, refused, rejected, dropped; TCP, UDP, ping, IPv6', connect],
  ['a client moves to another address, another to another port', roam],
  ['a key is rotated: a new key for the same address', rotate],
  ['an address changes hands from one key to another', handOver],
  ['a login through the tunnel changes the firewall', changeFirewall],
  ['two peers are revoked: by wg set in a login, by wg syncconf', revoke],
  ['the log is rotated', rotateLog],
  ['the daemon is killed, and started again', killDaemon],
  ['conntrack is killed', killConntrack],
  ['the interface goes down and up again, without one of its peers', downAndUp],
]

async function connect({ daemon }: Machines, { make }: Traffic): Promise<void> {
  const each = (client: Client, wishes: readonly Omit<Wish, 'client'>[]) =>
    wishes.reduce<Promise<unknown>>((before, wish) => before.then(() => make({ ...wish, client })), Promise.resolve())
  const everybody: readonly Omit<Wish, 'client'>[] = [
    { what: 'accepted' },
    { what: 'refused by the server', port: PORTS.closed, outcome: 'refused' },
    { what: 'rejected', port: PORTS.rejected, verdict: 'rejected', outcome: 'denied' },
    { what: 'dropped', port: PORTS.dropped, verdict: 'dropped', outcome: 'denied' },
    { what: 'datagram', transport: 'udp', port: PORTS.echo },
    { what: 'ping', transport: 'icmp' },
  ]
  await Promise.all([
    each('alice', [
      ...everybody,
      { what: 'IPv6', source: 'fd08::2' },
      { what: 'IPv6 dropped', source: 'fd08::2', port: PORTS.dropped, verdict: 'dropped', outcome: 'denied' },
      { what: 'IPv6 ping', source: 'fd08::2', transport: 'ipv6-icmp' },
      { what: 'to another peer', destination: CLIENT_PLANS.carol.inner[0] ?? '' },
      { what: 'dropped before the change', port: PORTS.opened, verdict: 'dropped', outcome: 'denied' },
    ]),
    each('bob', [
      ...everybody,
      {
        what: 'gateway, dropped',
        destination: GATEWAY_TUNNEL[0],
        port: PORTS.gatewayDropped,
        verdict: 'dropped',
        outcome: 'denied',
      },
      {
        what: 'gateway, rejected',
        destination: GATEWAY_INNER[0],
        port: PORTS.gatewayRejected,
        verdict: 'rejected',
        outcome: 'denied',
      },
      { what: 'gateway, ping', destination: GATEWAY_TUNNEL[0], transport: 'icmp' },
    ]),
    each('carol', everybody),
    each('erin', [...everybody, { what: 'from the shared address', source: SHARED_ADDRESS }]),
  ])
  await daemon.nextDump('wg')
}

async function roam(machines: Machines, { make }: Traffic): Promise<void> {
  const { place, keys, gatewayKeys, daemon } = machines
  const moves = [
    [
      'alice',
      'address',
      CLIENT_PLANS.alice.roamsTo,
      () => {
        moveClient(place, 'alice')
        // wireguard-go goes on sending from the address it used until it is told again where to; the kernel's does not need it.
        const gateway = ['peer', gatewayKeys.public, 'endpoint', `${GATEWAY_OUTER}:${LISTEN_PORT}`]
        wg(place, 'alice', ['set', INTERFACE, ...gateway])
      },
    ],
    ['bob', 'port', ':40404', () => void wg(place, 'bob', ['set', INTERFACE, 'listen-port', '40404'])],
  ] as const
  for (const [client, how, part, move] of moves) {
    const key = keys.get(client)?.public ?? ''
    const from = wallClock()
    move()
    await make({ client, what: `right after a new ${how}` })
    await until(`the gateway sees ${client} at ${part}`, () => endpointOf(place, key).includes(part))
    await daemon.nextDump('wg')
    note(machines, { what: 'roamed', how: part, key, from })
    await make({ client, what: `at the new ${how}` })
  }
}

async function rotate(machines: Machines, { make }: Traffic): Promise<void> {
  const { place, keys, nextKeys, peers, holders, daemon } = machines
  const old = keys.get('alice')?.public ?? ''
  const peer = peers.get(old)
  if (peer === undefined) throw new Error('alice is no peer')
  await make({ client: 'alice', what: 'right before the rotation' })
  const from = wallClock()
  const preshared = peer.preshared === '' ? [] : ['preshared-key', '/dev/stdin']
  const allowed = peer.addresses.map(single).join(',')
  wg(place, GATEWAY, ['set', INTERFACE, 'peer', nextKeys.public, ...preshared, 'allowed-ips', allowed], peer.preshared)
  wg(place, GATEWAY, ['set', INTERFACE, 'peer', old, 'remove'])
  wg(place, 'alice', ['set', INTERFACE, 'private-key', '/dev/stdin'], nextKeys.secret)
  for (const address of peer.addresses) holders.set(address, nextKeys.public)
  peers.delete(old)
  peers.set(nextKeys.public, { ...peer, publicKey: nextKeys.public })
  note(machines, { what: 'added', how: 'rotation', key: nextKeys.public, addresses: peer.addresses, from })
  note(machines, { what: 'removed', how: 'rotation', key: old, addresses: peer.addresses, from })
  await make({ client: 'alice', what: 'right after the rotation' })
  await make({ client: 'alice', what: 'right after the rotation, IPv6', source: 'fd08::2' })
  await daemon.nextDump('wg')
  await daemon.nextDump('wg')
  await make({ client: 'alice', what: 'with the new key' })
}

async function handOver(machines: Machines, { make }: Traffic): Promise<void> {
  const { place, keys, peers, holders, daemon } = machines
  const [carol, erin] = [keys.get('carol')?.public ?? '', keys.get('erin')?.public ?? '']
  const addresses = [...CLIENT_PLANS.carol.inner, SHARED_ADDRESS]
  await make({ client: 'erin', what: 'right before the address goes', source: SHARED_ADDRESS })
  const from = wallClock()
  wg(place, GATEWAY, ['set', INTERFACE, 'peer', carol, 'allowed-ips', addresses.map(single).join(',')])
  addAddress(place, 'carol', SHARED_ADDRESS)
  holders.set(SHARED_ADDRESS, carol)
  for (const [key, held] of [
    [carol, addresses],
    [erin, CLIENT_PLANS.erin.inner.slice(0, 1)],
  ] as const) {
    const peer = peers.get(key)
    if (peer !== undefined) peers.set(key, { ...peer, addresses: held })
    note(machines, {
      what: 'address-moved',
      how: key === carol ? 'to' : 'from',
      key,
      addresses: [SHARED_ADDRESS],
      from,
    })
  }
  await make({ client: 'carol', what: 'right after the address came', source: SHARED_ADDRESS })
  // The former holder goes on using it; WireGuard lets nothing through.
  await make({
    client: 'erin',
    what: 'from an address that is no longer its own',
    source: SHARED_ADDRESS,
    verdict: 'none',
    outcome: 'no-answer',
  })
  await daemon.nextDump('wg')
  await daemon.nextDump('wg')
  await make({ client: 'carol', what: 'from the address that came', source: SHARED_ADDRESS })
  await make({ client: 'erin', what: 'from the address it kept' })
}

async function changeFirewall(machines: Machines, { make, login }: Traffic): Promise<void> {
  const { place, daemon } = machines
  const from = wallClock()
  await login('alice', ['ip', 'netns', 'exec', place.namespace(GATEWAY), 'nft', openingRule(place)], 'nft')
  note(machines, { what: 'firewall', how: 'nft insert rule', key: '', from })
  await make({ client: 'alice', what: 'right after the firewall was opened', port: PORTS.opened, isVerdictNew: true })
  await daemon.nextDump('ruleset', from)
  await daemon.nextDump('wg')
  await make({ client: 'alice', what: 'through the opened firewall', port: PORTS.opened })
}

async function revoke(machines: Machines, { make, login }: Traffic): Promise<void> {
  const { place, peers, gatewayKeys, keys, daemon } = machines
  const take = async (client: Client, how: string, act: (key: string) => void | Promise<void>) => {
    const key = keys.get(client)?.public ?? ''
    const addresses = peers.get(key)?.addresses ?? []
    const from = wallClock()
    peers.delete(key)
    await act(key)
    note(machines, { what: 'removed', how, key, addresses, from })
  }
  const blocked = { verdict: 'none', outcome: 'no-answer' } as const
  await make({ client: 'bob', what: 'right before wg set … remove' })
  await take('bob', 'wg set', (key) =>
    login('alice', place.inside(GATEWAY, ['wg', 'set', INTERFACE, 'peer', key, 'remove']), 'wg'),
  )
  await make({ client: 'bob', what: 'right after wg set … remove', ...blocked })
  await daemon.nextDump('wg')
  await make({ client: 'erin', what: 'right before wg syncconf' })
  await take('erin', 'wg syncconf', () => {
    wg(place, GATEWAY, ['syncconf', INTERFACE, '/dev/stdin'], gatewayConfig(gatewayKeys.secret, [...peers.values()]))
  })
  await make({ client: 'erin', what: 'right after wg syncconf', ...blocked })
  await daemon.nextDump('wg')
  await make({ client: 'bob', what: 'long after wg set … remove', ...blocked })
  await make({ client: 'carol', what: 'untouched by the revocations' })
}

/** As logrotate does it: the file is renamed, the log daemon told. */
async function rotateLog({ kernLog, logDaemon }: Machines, { make }: Traffic): Promise<void> {
  await make({ client: 'carol', what: 'right before the log is rotated' })
  renameSync(kernLog, `${kernLog}.1`)
  await make({ client: 'carol', what: 'into the renamed log' })
  logDaemon.signal('SIGHUP')
  await make({ client: 'carol', what: 'right after the log was rotated' })
}

async function killDaemon({ daemon, truth }: Machines, { make, close }: Traffic): Promise<void> {
  const held = await make({ client: 'alice', what: 'open while the daemon is killed', isHeld: true })
  await make({ client: 'carol', what: 'right before the kill' })
  const from = wallClock()
  daemon.signal('SIGKILL')
  await daemon.end
  do {
    await make({ client: 'alice', what: 'while the daemon is down' })
    await make({
      client: 'carol',
      what: 'dropped while the daemon is down',
      port: PORTS.dropped,
      verdict: 'dropped',
      outcome: 'denied',
    })
  } while (wallClock() - from < OUTAGE_MS * 1000)
  daemon.start()
  await until('conntrack of the restarted daemon', () => daemon.conntrackPid())
  await daemon.nextDump('wg')
  truth.outages.push({ of: 'daemon', from, to: wallClock() })
  await daemon.nextDump('wg')
  await make({ client: 'alice', what: 'after the restart' })
  await make({ client: 'carol', what: 'after the restart' })
  await close(held)
}

async function killConntrack({ daemon, truth }: Machines, { make }: Traffic): Promise<void> {
  const pid = daemon.conntrackPid()
  const from = wallClock()
  process.kill(pid, 'SIGKILL')
  await make({ client: 'carol', what: 'right after conntrack was killed' })
  await until('another conntrack', () => ![0, pid].includes(daemon.conntrackPid()))
  truth.outages.push({ of: 'conntrack', from, to: wallClock() })
  await make({ client: 'carol', what: 'after conntrack came again' })
}

async function downAndUp(machines: Machines, { make }: Traffic): Promise<void> {
  const { place, isKernelWireguard, gatewayKeys, keys, peers, holders, daemon } = machines
  await make({ client: 'alice', what: 'right before wg-quick down' })
  const endpoints = new Map([...peers.keys()].map((key) => [key, endpointOf(place, key)]))
  const down = wallClock()
  await takeDown(place, GATEWAY)
  note(machines, { what: 'interface-down', how: 'wg-quick down', key: '', addresses: [...holders.keys()], from: down })
  await daemon.nextDump('wg')
  await make({ client: 'alice', what: 'while the interface is down', verdict: 'none', outcome: 'no-answer' })
  const carol = keys.get('carol')?.public ?? ''
  const left = peers.get(carol)?.addresses ?? []
  peers.delete(carol)
  const up = wallClock()
  const kept = [...peers.values()].map((peer) => ({ ...peer, endpoint: endpoints.get(peer.publicKey) ?? '' }))
  await bringUp(place, GATEWAY, isKernelWireguard, gatewayConfig(gatewayKeys.secret, kept))
  // The gateway speaks first: its peers do not know that their sessions are void.
  for (const client of ['alice', 'mark'] as const)
    await until(`${client} is back`, () => isAnswering(machines, CLIENT_PLANS[client].inner[0] ?? ''))
  note(machines, { what: 'interface-up', how: 'wg-quick up', key: '', addresses: [...holders.keys()], from: up })
  note(machines, { what: 'removed', how: 'wg-quick down/up', key: carol, addresses: left, from: down })
  await make({ client: 'alice', what: 'right after wg-quick up' })
  await make({ client: 'carol', what: 'not in the new configuration', verdict: 'none', outcome: 'no-answer' })
  await daemon.nextDump('wg')
  await daemon.nextDump('wg')
  await make({ client: 'alice', what: 'after wg-quick up' })
}

function isAnswering({ place }: Machines, address: string): boolean {
  return attempt(place.inside(GATEWAY, ['ping', '-n', '-q', '-c', '1', '-W', '1', address])).status === 0
}

function note(
  { truth }: Machines,
  change: Omit<Change, 'to' | 'addresses'> & { readonly addresses?: readonly string[] },
): void {
  truth.changes.push({ addresses: [], ...change, to: wallClock() })
}

/** One datagram after the other for the whole story, nothing else ever happens to their sender. */
function startMarks({ try: send }: Traffic): { stop(): Promise<void> } {
  let isStopping = false
  const done = (async () => {
    while (!isStopping) {
      await send({ client: 'mark', what: MARK, transport: 'udp', port: PORTS.echo, patienceMs: 1_000 })
      await pause(MARK_MS)
    }
  })()
  return {
    async stop() {
      isStopping = true
      await done
    },
  }
}
