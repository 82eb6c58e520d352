/** Who is in the lab: one gateway, five clients, one host behind it. Addresses are private, names are made up. */

export const GATEWAY = 'gw1'
export const SERVER = 'srv1'
/** Holds the bridge that stands for the Internet. */
export const WIDE_AREA = 'wan'

export const CLIENTS = ['alice', 'bob', 'carol', 'erin', 'mark'] as const
export type Client = (typeof CLIENTS)[number]

export type ClientPlan = {
  readonly outer: string
  /** The address it moves to. */
  readonly roamsTo: string
  /** Tunnel addresses by AllowedIPs at the start. */
  readonly inner: readonly string[]
}

/** erin's second address later goes to carol. */
export const CLIENT_PLANS: { readonly [name in Client]: ClientPlan } = {
  alice: { outer: '10.77.0.11', roamsTo: '10.77.0.111', inner: ['10.8.0.2', 'fd08::2'] },
  bob: { outer: '10.77.0.12', roamsTo: '10.77.0.112', inner: ['10.8.0.3'] },
  carol: { outer: '10.77.0.13', roamsTo: '10.77.0.113', inner: ['10.8.0.4'] },
  erin: { outer: '10.77.0.14', roamsTo: '10.77.0.114', inner: ['10.8.0.5', '10.8.0.6'] },
  /** Nothing happens to it; its datagrams are the measure of latency. */
  mark: { outer: '10.77.0.15', roamsTo: '10.77.0.115', inner: ['10.8.0.9'] },
}
export const SHARED_ADDRESS = '10.8.0.6'

export const GATEWAY_OUTER = '10.77.0.1'
export const GATEWAY_TUNNEL = ['10.8.0.1', 'fd08::1'] as const
export const GATEWAY_INNER = ['10.20.0.1', 'fd20::1'] as const
export const SERVER_ADDRESSES = ['10.20.0.10', 'fd20::10'] as const
export const LISTEN_PORT = 51820

/** What the rules say about a port (firewall.ts), and what the server does with it. */
export const PORTS = {
  /** Accepted, and somebody listens. */
  database: 5432,
  /** Accepted, and nobody listens. */
  closed: 8080,
  echo: 5353,
  rejected: 9998,
  dropped: 9999,
  /** Dropped until the firewall is changed. */
  opened: 7777,
  ssh: 22,
  /** Of the gateway itself. */
  gatewayDropped: 2222,
  gatewayRejected: 2223,
} as const

/** `address/32` or `/128`. */
export function single(address: string): string {
  return `${address}/${address.includes(':') ? 128 : 32}`
}
