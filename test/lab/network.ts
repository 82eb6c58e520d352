/**
 * The lab's machines as network namespaces:
 *
 *   clients ──┐ outer                      inner
 *             ├── wan (bridge) ── gw1 ──────────── srv1
 *   clients ──┘            wg0 = tunnel
 */
import type { LabPlace } from './lab-place.ts'
import {
  CLIENT_PLANS,
  CLIENTS,
  GATEWAY,
  GATEWAY_INNER,
  GATEWAY_OUTER,
  SERVER,
  SERVER_ADDRESSES,
  WIDE_AREA,
} from './lab-plan.ts'
import { attempt, run } from './run-program.ts'

/** Seconds after which conntrack forgets: short, so that flows end while the lab watches. */
const CONNTRACK_TIMEOUTS = {
  nf_conntrack_tcp_timeout_time_wait: 2,
  nf_conntrack_tcp_timeout_close: 2,
  nf_conntrack_udp_timeout: 3,
  nf_conntrack_udp_timeout_stream: 3,
  nf_conntrack_icmp_timeout: 2,
  nf_conntrack_icmpv6_timeout: 2,
} as const

export function buildNetwork(place: LabPlace): void {
  for (const host of [WIDE_AREA, GATEWAY, SERVER, ...CLIENTS]) {
    run(['ip', 'netns', 'add', place.namespace(host)])
    ip(place, host, 'link set lo up')
  }
  ip(place, WIDE_AREA, 'link add br0 type bridge')
  ip(place, WIDE_AREA, 'link set br0 up')
  plugIn(place, GATEWAY, GATEWAY_OUTER)
  for (const client of CLIENTS) plugIn(place, client, CLIENT_PLANS[client].outer)

  setNetSysctl(place, GATEWAY, 'ipv4/ip_forward', '1')
  setNetSysctl(place, GATEWAY, 'ipv6/conf/all/forwarding', '1')
  ip(place, GATEWAY, `link add inner type veth peer name eth0 netns ${place.namespace(SERVER)}`)
  for (const [host, device, addresses] of [
    [GATEWAY, 'inner', GATEWAY_INNER],
    [SERVER, 'eth0', SERVER_ADDRESSES],
  ] as const) {
    ip(place, host, `addr add ${addresses[0]}/24 dev ${device}`)
    ip(place, host, `addr add ${addresses[1]}/64 dev ${device} nodad`)
    ip(place, host, `link set ${device} up`)
  }
  ip(place, SERVER, `route add default via ${GATEWAY_INNER[0]}`)
  ip(place, SERVER, `-6 route add default via ${GATEWAY_INNER[1]}`)
}

/** What a gateway needs so that conntrack tells times and bytes; after the rules, which bring conntrack into the namespace. */
export function tuneConntrack(place: LabPlace): void {
  setNetSysctl(place, GATEWAY, 'netfilter/nf_conntrack_acct', '1')
  setNetSysctl(place, GATEWAY, 'netfilter/nf_conntrack_timestamp', '1')
  for (const [name, seconds] of Object.entries(CONNTRACK_TIMEOUTS))
    setNetSysctl(place, GATEWAY, `netfilter/${name}`, String(seconds))
}

/** Another outer address, as a laptop gets in another network. */
export function moveClient(place: LabPlace, client: (typeof CLIENTS)[number]): void {
  const { outer, roamsTo } = CLIENT_PLANS[client]
  ip(place, client, `addr add ${roamsTo}/24 dev eth0`)
  ip(place, client, `addr del ${outer}/24 dev eth0`)
  // Deleting the first address of a network may take the others with it (promote_secondaries).
  attempt(['ip', '-n', place.namespace(client), 'addr', 'add', `${roamsTo}/24`, 'dev', 'eth0'])
}

/** `ip` with words that hold no blanks. */
export function ip(place: LabPlace, host: string, words: string): string {
  return run(['ip', '-n', place.namespace(host), ...words.split(' ')])
}

function plugIn(place: LabPlace, host: string, address: string): void {
  ip(place, host, `link add eth0 type veth peer name to-${host} netns ${place.namespace(WIDE_AREA)}`)
  ip(place, host, `addr add ${address}/24 dev eth0`)
  ip(place, host, 'link set eth0 up')
  ip(place, WIDE_AREA, `link set to-${host} master br0 up`)
}

function setNetSysctl(place: LabPlace, host: string, name: string, value: string): void {
  run(place.inside(host, ['sh', '-c', `echo ${value} > /proc/sys/net/${name}`]))
}
