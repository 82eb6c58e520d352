/** WireGuard interfaces and keys: by the kernel where it has the module, else by Debian's wireguard-go. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { startProcess } from './child-process.ts'
import { until } from './conditions.ts'
import type { LabPlace } from './lab-place.ts'
import { CLIENT_PLANS, type Client, GATEWAY, GATEWAY_OUTER, GATEWAY_TUNNEL, LISTEN_PORT, single } from './lab-plan.ts'
import { ip } from './network.ts'
import { attempt, run } from './run-program.ts'

export type KeyPair = { readonly secret: string; readonly public: string }

export type GatewayPeer = {
  readonly publicKey: string
  /** '' = none. */
  readonly preshared: string
  readonly addresses: readonly string[]
  /** `address:port`, '' = not known. */
  readonly endpoint: string
}

export const INTERFACE = 'wg0'

export function makeKeyPair(): KeyPair {
  const secret = run(['wg', 'genkey']).trim()
  return { secret, public: run(['wg', 'pubkey'], secret).trim() }
}

export function makePresharedKey(): string {
  return run(['wg', 'genpsk']).trim()
}

/** For `wg setconf` and `wg syncconf`. */
export function gatewayConfig(secret: string, peers: readonly GatewayPeer[]): string {
  return [
    `[Interface]\nPrivateKey = ${secret}\nListenPort = ${LISTEN_PORT}\n`,
    ...peers.map(
      ({ publicKey, preshared, addresses, endpoint }) =>
        `[Peer]\nPublicKey = ${publicKey}\n${preshared === '' ? '' : `PresharedKey = ${preshared}\n`}` +
        `${endpoint === '' ? '' : `Endpoint = ${endpoint}\n`}AllowedIPs = ${addresses.map(single).join(', ')}\n`,
    ),
  ].join('\n')
}

export function clientConfig(secret: string, gatewayKey: string, preshared: string): string {
  const psk = preshared === '' ? '' : `PresharedKey = ${preshared}\n`
  const allowed = '10.8.0.0/24, 10.20.0.0/24, fd08::/64, fd20::/64'
  return `[Interface]\nPrivateKey = ${secret}\n\n[Peer]\nPublicKey = ${gatewayKey}\n${psk}Endpoint = ${GATEWAY_OUTER}:${LISTEN_PORT}\nAllowedIPs = ${allowed}\n`
}

/** As wg-quick does it: the interface, its configuration, its addresses, its routes. */
export async function bringUp(place: LabPlace, host: string, isKernel: boolean, config: string): Promise<void> {
  if (isKernel) ip(place, host, `link add ${INTERFACE} type wireguard`)
  else {
    const socket = join(place.dir, `${host}.wireguard`, `${INTERFACE}.sock`)
    const argv = place.inside(host, ['env', 'LOG_LEVEL=error', 'wireguard-go', '-f', INTERFACE])
    startProcess(place, argv, join(place.dir, `${host}.wireguard-go.log`))
    await until(`wireguard-go of ${host}`, () => existsSync(socket))
  }
  wg(place, host, ['setconf', INTERFACE, '/dev/stdin'], config)
  if (host === GATEWAY) {
    ip(place, host, `addr add ${GATEWAY_TUNNEL[0]}/24 dev ${INTERFACE}`)
    ip(place, host, `addr add ${GATEWAY_TUNNEL[1]}/64 dev ${INTERFACE} nodad`)
    ip(place, host, `link set ${INTERFACE} up mtu 1420`)
    return
  }
  // Only clients are brought up besides the gateway.
  for (const address of CLIENT_PLANS[host as Client].inner) addAddress(place, host, address)
  ip(place, host, `link set ${INTERFACE} up mtu 1420`)
  for (const route of ['10.8.0.0/24', '10.20.0.0/24']) ip(place, host, `route add ${route} dev ${INTERFACE}`)
  for (const route of ['fd08::/64', 'fd20::/64']) ip(place, host, `-6 route add ${route} dev ${INTERFACE}`)
}

/** wireguard-go ends with its interface. */
export async function takeDown(place: LabPlace, host: string): Promise<void> {
  ip(place, host, `link del ${INTERFACE}`)
  const socket = join(place.dir, `${host}.wireguard`, `${INTERFACE}.sock`)
  await until(`${INTERFACE} of ${host} is gone`, () => !existsSync(socket))
}

export function addAddress(place: LabPlace, host: string, address: string): void {
  ip(place, host, `addr add ${single(address)} dev ${INTERFACE}${address.includes(':') ? ' nodad' : ''}`)
}

/**
 * `wg` in a host. Keys go through `input`, never through the command line; by way of cat, because what Node connects is a socket,
 * and /dev/stdin cannot be opened when it is one.
 */
export function wg(place: LabPlace, host: string, words: readonly string[], input = ''): string {
  return run(place.inside(host, ['sh', '-c', 'cat | "$@"', 'sh', 'wg', ...words]), input)
}

/** The gateway's endpoint of a key, '' while it has none. */
export function endpointOf(place: LabPlace, key: string): string {
  const lines = attempt(place.inside(GATEWAY, ['wg', 'show', INTERFACE, 'endpoints'])).stdout.split('\n')
  const endpoint = lines.map((line) => line.split('\t')).find(([publicKey]) => publicKey === key)?.[1] ?? ''
  return endpoint === '(none)' ? '' : endpoint
}
