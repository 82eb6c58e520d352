/** The lab's machines, running: what the story acts on. */
import { join } from 'node:path'
import { startAudit } from './audit.ts'
import { type LabProcess, startProcess } from './child-process.ts'
import { wallClock } from './conditions.ts'
import { logPrefix, rulesetText } from './firewall.ts'
import { createLabDaemon, type LabDaemon, writeInventory } from './lab-daemon.ts'
import { hasKernelWireguard, logAllNamespaces } from './lab-machine.ts'
import type { LabPlace } from './lab-place.ts'
import { CLIENT_PLANS, CLIENTS, type Client, GATEWAY, PORTS, SERVER } from './lab-plan.ts'
import { buildNetwork, tuneConntrack } from './network.ts'
import { run } from './run-program.ts'
import { type SshHost, startSshd } from './ssh-host.ts'
import { startTraffic, type TrafficMaker } from './traffic.ts'
import { createTruth, type Truth } from './truth.ts'
import {
  bringUp,
  clientConfig,
  type GatewayPeer,
  gatewayConfig,
  type KeyPair,
  makeKeyPair,
  makePresharedKey,
} from './wireguard.ts'

export type Machines = {
  readonly place: LabPlace
  readonly truth: Truth
  readonly daemon: LabDaemon
  readonly ssh: SshHost
  readonly isKernelWireguard: boolean
  /** Why there are no audit records, '' = there are. */
  readonly auditSkipped: string
  readonly gatewayKeys: KeyPair
  /** alice's second key. */
  readonly nextKeys: KeyPair
  readonly keys: ReadonlyMap<Client, KeyPair>
  /** What runs on the gateway, by public key. */
  readonly peers: Map<string, GatewayPeer>
  /** Public key by tunnel address, as the gateway has it. */
  readonly holders: Map<string, string>
  readonly traffic: ReadonlyMap<string, TrafficMaker>
  readonly kernLog: string
  readonly logDaemon: LabProcess
  /** Kernel records that the ring had overwritten before they were read. */
  lostKernelRecords(): number
}

/** Builds everything and starts everything but the daemon. */
export async function buildMachines(place: LabPlace, say: (text: string) => void): Promise<Machines> {
  const isKernelWireguard = hasKernelWireguard()
  say(`WireGuard: ${isKernelWireguard ? "the kernel's" : 'wireguard-go, this kernel has no module'}`)
  buildNetwork(place)
  run(place.inside(GATEWAY, ['nft', '-f', '-']), rulesetText(place))
  logAllNamespaces(place)
  tuneConntrack(place)
  const kernLog = join(place.dir, 'kern.log')
  const { logDaemon, lost } = startLogDaemon(place, kernLog)
  const keys = new Map(CLIENTS.map((client) => [client, makeKeyPair()]))
  const [gatewayKeys, nextKeys] = [makeKeyPair(), makeKeyPair()]
  const truth = createTruth(wallClock())
  truth.secrets.push(gatewayKeys.secret, nextKeys.secret, ...[...keys.values()].map(({ secret }) => secret))
  const { peers, holders } = await configure(place, isKernelWireguard, gatewayKeys, keys, truth.secrets)
  const audit = await startAudit(place)
  const auditLog = 'path' in audit ? audit.path : ''
  say('path' in audit ? 'audit: the kernel writes records for us' : `skipped: audit (${audit.skipped})`)
  const publicKeys = (client: string) => [...keys].filter(([name]) => name === client).map(([, pair]) => pair.public)
  writeInventory(
    place,
    (client) => [...publicKeys(client), ...(client === 'alice' ? [nextKeys.public] : [])],
    auditLog !== '',
  )
  const ssh = await startSshd(place)
  const traffic = new Map([SERVER, ...CLIENTS].map((host) => [host, startTraffic(place, host)]))
  await traffic.get(SERVER)?.order({ what: 'listen', tcp: [PORTS.database, PORTS.opened], udp: [PORTS.echo] })
  await traffic.get('carol')?.order({ what: 'listen', tcp: [PORTS.database], udp: [] })
  return {
    place,
    truth,
    daemon: createLabDaemon(place, kernLog, auditLog),
    ssh,
    isKernelWireguard,
    auditSkipped: 'skipped' in audit ? audit.skipped : '',
    gatewayKeys,
    nextKeys,
    keys,
    peers,
    holders,
    traffic,
    kernLog,
    logDaemon,
    lostKernelRecords: lost,
  }
}

function startLogDaemon(place: LabPlace, kernLog: string): { logDaemon: LabProcess; lost: () => number } {
  let lost = 0
  const program = join(import.meta.dirname, 'kernel-log-program.ts')
  const logDaemon = startProcess(
    place,
    [process.execPath, program, logPrefix(place, '').trimEnd(), kernLog, GATEWAY],
    join(place.dir, 'kernel-log.stderr'),
    (line) => {
      lost += Number(/^lost (\d+)$/.exec(line)?.[1] ?? 0)
    },
  )
  return { logDaemon, lost: () => lost }
}

/** WireGuard on the gateway and all clients; two of them have a preshared key. */
async function configure(
  place: LabPlace,
  isKernel: boolean,
  gateway: KeyPair,
  keys: ReadonlyMap<Client, KeyPair>,
  secrets: string[],
): Promise<Pick<Machines, 'peers' | 'holders'>> {
  const peers = new Map<string, GatewayPeer>()
  const holders = new Map<string, string>()
  const configs = new Map<Client, string>()
  for (const [client, { secret, public: publicKey }] of keys) {
    const preshared = client === 'alice' || client === 'carol' ? makePresharedKey() : ''
    if (preshared !== '') secrets.push(preshared)
    const addresses = CLIENT_PLANS[client].inner
    peers.set(publicKey, { publicKey, preshared, addresses, endpoint: '' })
    for (const address of addresses) holders.set(address, publicKey)
    configs.set(client, clientConfig(secret, gateway.public, preshared))
  }
  await bringUp(place, GATEWAY, isKernel, gatewayConfig(gateway.secret, [...peers.values()]))
  for (const [client, config] of configs) await bringUp(place, client, isKernel, config)
  return { peers, holders }
}
