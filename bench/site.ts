/**
 * The made-up site the generated capture comes from: one gateway, a few hundred peers with an IPv4 and an IPv6 tunnel
 * address each, and the rules that log. Everything else (log lines, dumps, ruleset, inventory) is printed from this, so that
 * every line is in scope and every address has a holder. Addresses are private or unique local, keys are arithmetic.
 */
import { createLcg } from './lcg.ts'

export const GATEWAY = 'gw1'
export const WG_INTERFACE = 'wg0'
export const LAN_INTERFACE = 'lan0'
/** Tunnel address of the gateway itself; port 8443 on it is forwarded to the web server (destination NAT). */
export const GATEWAY_ADDRESS = '10.8.0.1'

export type SitePeer = {
  readonly name: string
  readonly publicKey: string
  readonly owner: string
  readonly group: string
  readonly v4: string
  /** As wg and conntrack print it. */
  readonly v6: string
  /** As the packet log prints it. */
  readonly v6Full: string
}

/** One logging rule, and what a packet that meets it looks like. */
export type SiteRule = {
  readonly prefix: string
  readonly family: 4 | 6
  readonly protocol: 'TCP' | 'UDP' | 'ICMP'
  readonly verdict: 'accept' | 'drop'
  /** Destination as the forward chain sees it, after destination NAT; `full` is the packet log's spelling. */
  readonly destination: { readonly ip: string; readonly full: string; readonly port: number }
  /** What the peer had dialled, where the gateway translated it. */
  readonly dialled: { readonly ip: string; readonly port: number } | null
  /** Share of the lines, in percent. */
  readonly share: number
}

const WEB = '172.30.51.138'
const DATABASE = '172.30.51.68'
const DATABASE_V6 = { ip: 'fd20:51::68', full: 'fd20:0051:0000:0000:0000:0000:0000:0068' }

export const RULES: readonly SiteRule[] = [
  rule('wg-allow web', 'TCP', 'accept', WEB, 80, 34),
  rule('wg-allow tls', 'TCP', 'accept', WEB, 443, 16),
  { ...rule('wg-allow app', 'TCP', 'accept', WEB, 8080, 8), dialled: { ip: GATEWAY_ADDRESS, port: 8443 } },
  rule('wg-allow db', 'TCP', 'accept', DATABASE, 5432, 12),
  { ...rule('wg-allow db6', 'TCP', 'accept', '', 5432, 10), family: 6, destination: { ...DATABASE_V6, port: 5432 } },
  rule('wg-allow dns', 'UDP', 'accept', DATABASE, 5353, 12),
  rule('wg-allow ping', 'ICMP', 'accept', DATABASE, 0, 3),
  rule('wg-deny ssh', 'TCP', 'drop', DATABASE, 22, 5),
]

export function createPeers(count: number): readonly SitePeer[] {
  const draw = createLcg(7)
  return Array.from({ length: count }, (_, i) => {
    const number = i + 2
    const group = (number & 0xffff).toString(16)
    return {
      name: `laptop-${number}`,
      publicKey: createKey(draw),
      owner: `person-${number % 200}@example.com`,
      group: GROUPS[number % GROUPS.length] ?? 'engineering',
      v4: `10.8.${number >> 8}.${number & 255}`,
      v6: `fd08:51::${group}`,
      v6Full: `fd08:0051:0000:0000:0000:0000:0000:${group.padStart(4, '0')}`,
    }
  })
}

export const GROUPS: readonly string[] = ['engineering', 'finance', 'operations', 'contractors']

/** 32 bytes as base64, the last two bits clear because 43 characters hold 258. */
function createKey(draw: (below: number) => number): string {
  return Buffer.from(Array.from({ length: 32 }, () => draw(256))).toString('base64')
}

function rule(
  name: string,
  protocol: SiteRule['protocol'],
  verdict: SiteRule['verdict'],
  ip: string,
  port: number,
  share: number,
): SiteRule {
  return {
    prefix: `[edge] ${name}: `,
    family: 4,
    protocol,
    verdict,
    destination: { ip, full: ip, port },
    dialled: null,
    share,
  }
}
