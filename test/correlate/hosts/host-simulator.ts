/**
 * A made world of peers, gateways and audited hosts, the same for the same seed: connections, logins, commands, hops from host to
 * host, forgers, losses. Hands out what the sources would have written, and the truth: whose key is behind each audit event.
 */
import { type Micros, MS, SECOND } from '../../../src/time.ts'
import { createRandom } from '../../variants/random.ts'
import { createForger } from './forger.ts'
import { createHappenings } from './happenings.ts'
import { polls, type Source, T0, type Tracked } from './pipeline-run.ts'
import { createSimulatedGateway, type SimulatedGateway } from './simulated-gateway.ts'
import { createSimulatedHost, type HostSettings, type SimulatedHost } from './simulated-host.ts'
import { createSimulatedLogins } from './simulated-logins.ts'
import type { Client } from './sshd.ts'
import { type ConnectionKind, type Origin, pick, type World, type WorldOptions } from './world.ts'
import type { Truth } from './world-truth.ts'

export type Simulation = {
  readonly inventory: string
  readonly sources: readonly Source[]
  readonly hosts: readonly SimulatedHost[]
  readonly gateways: readonly SimulatedGateway[]
  truthOf(host: string, at: Micros, serial: number): Truth | undefined
}

/** A machine beside the hosts that is no peer. */
const OUTSIDER = '172.16.0.99'
const PEERS = 4

export function simulate(options: WorldOptions): Simulation {
  const random = createRandom(options.seed)
  const gateways = ['gw1', 'gw2'].map((name, i) => {
    const keys = Array.from({ length: PEERS }, (_, k): [string, string] => [peerKey(i, k), `10.${8 + i}.0.${2 + k}`])
    return createSimulatedGateway(name, options.masks[i] ? `172.16.0.${1 + i}` : '', new Map(keys), random)
  })
  const hosts = options.hosts.map((settings, i) => createSimulatedHost({ ...hostDefaults(i), ...settings }, random))
  const happenings = createHappenings()
  const world: World = {
    random,
    happenings,
    gateways,
    hosts,
    options,
    isLost: () => random.next() < options.loss,
    connect,
  }
  const logins = createSimulatedLogins(world)

  /** One loss a connection: with both ends unheard of, nobody could know of it. */
  function connect(now: Micros, from: Origin, host: SimulatedHost, kind: ConnectionKind): void {
    const { boot } = host
    const isFlowLost = world.isLost()
    // Nor of a client that no gateway knows, or that never says a word.
    const hasTrace = 'gateway' in from && kind !== 'silent'
    const isAcceptLost = !isFlowLost && hasTrace && world.isLost()
    const server: Client = { ip: host.ip, port: kind === 'daemon' ? 5432 : 22 }
    const tracked = 'gateway' in from ? from.gateway.open(now, from.key, server, isFlowLost) : null
    const client = tracked?.seen ?? { ip: 'ip' in from ? from.ip : '', port: 30_000 + random.below(9000) }
    happenings.at(now + (1 + random.below(30)) * MS, (at) => {
      if (boot !== host.boot) return
      const isHop = 'ip' in from
      const truth: Truth = { kind: 'accept', key: from.key, isHop }
      if (kind === 'daemon') host.acceptInThread(at, client, truth, isAcceptLost)
      else host.accept(at, client, truth, isAcceptLost)
      const end = (time: Micros): void => {
        if ('gateway' in from && tracked !== null) close(time, from.gateway, tracked)
      }
      logins.serve(at, kind, { host, client, key: from.key, isHop, end })
    })
  }

  function close(at: Micros, gateway: SimulatedGateway, tracked: Tracked): void {
    happenings.at(at, (now) => gateway.close(now, tracked, world.isLost()))
  }

  for (let i = 0; i < options.connections; i++) {
    const gateway = pick(random, gateways)
    const host = pick(random, hosts)
    const from: Origin =
      random.next() < 0.08 ? { ip: OUTSIDER, key: null } : { gateway, key: pick(random, [...gateway.peers.keys()]) }
    happenings.at(T0 + random.below(options.span / MS) * MS, (now) =>
      connect(now, from, host, pick(random, options.kinds)),
    )
  }
  for (const host of hosts) logins.cron(host)
  if (options.isForged) for (const host of hosts) createForger(world, host).start()
  const [first] = hosts
  if (options.reboots && first !== undefined) happenings.at(T0 + options.span / 2, (now) => first.reboot(now))
  happenings.run()
  return {
    inventory: inventoryOf(gateways, hosts),
    sources: sourcesOf(gateways, hosts, T0 + options.span),
    hosts,
    gateways,
    truthOf: (name, at, serial) => hosts.find((host) => host.name === name)?.truths.get(`${at} ${serial}`),
  }
}

function sourcesOf(gateways: readonly SimulatedGateway[], hosts: readonly SimulatedHost[], until: Micros): Source[] {
  return [
    ...gateways.flatMap(({ name, records, peers }): Source[] => [
      { host: name, name: 'conntrack', items: records.toSorted((a, b) => a.arrival - b.arrival) },
      { host: name, name: 'wireguard', items: polls(until + 400 * SECOND, peers) },
    ]),
    ...hosts.map(({ name, log }): Source => ({ host: name, name: 'auditd', items: log.items() })),
  ]
}

function hostDefaults(i: number): HostSettings {
  return {
    name: ['db1', 'app1', 'web1'][i] ?? `host${i}`,
    ip: `172.16.0.${10 + i}`,
    hasAccept: true,
    hasExec: true,
    hasSyscall: true,
    isRedHat: false,
    offset: 0,
    firstPid: 9000,
    pidMax: 4_194_303,
  }
}

/** 32 bytes in base64, made up. */
export function peerKey(gateway: number, peer: number): string {
  return `${'ABCDEFGH'[gateway]}${'abcdefgh'[peer]}${'x'.repeat(40)}A=`
}

function inventoryOf(gateways: readonly SimulatedGateway[], hosts: readonly SimulatedHost[]): string {
  const lines = ['version: 1', 'people:']
  for (const { name, peers } of gateways)
    for (const i of [...peers.keys()].keys()) lines.push(`  - { email: ${name}-${i}@example.com, name: ${name} ${i} }`)
  lines.push('gateways:')
  for (const { name } of gateways) lines.push(`  - { name: ${name}, interfaces: [wg0] }`)
  lines.push('hosts:')
  for (const { name, ip } of hosts) lines.push(`  - { name: ${name}, addresses: [${ip}], sources: [auditd] }`)
  lines.push('peers:')
  for (const { name, peers } of gateways)
    for (const [i, [key, address]] of [...peers].entries())
      lines.push(
        `  - { name: ${name}-${i}, kind: device, owner: ${name}-${i}@example.com, gateway: ${name}, interface: wg0, ` +
          `keys: [{ public_key: "${key}" }], allowed_ips: [${address}/32] }`,
      )
  return `${lines.join('\n')}\n`
}
