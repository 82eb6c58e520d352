/**
 * What a gateway writes, with a number in each line that the judge finds again: TCP's `SEQ=` in the packet log (a rule with
 * `flags tcp sequence`), `id=` in conntrack. Shapes as in the captures: linux net/netfilter/nf_log_syslog.c, conntrack-tools.
 */
import { type Micros, SECOND } from '../../src/time.ts'

export const GATEWAY = 'gw1'
/** Addresses and keys of the peers: made, of no one. */
const PEERS = Array.from({ length: 16 }, (_, i) => ({
  address: `10.8.0.${i + 2}`,
  key: Buffer.alloc(32, i + 1).toString('base64'),
}))
const OWN_KEY = Buffer.alloc(32, 200).toString('base64')
export const PREFIX = 'wg-allow web: '

type Tuple = { readonly source: string; readonly port: number; readonly target: string }

/** One tuple is used again after 12 million numbers. */
function tupleOf(n: number): Tuple {
  const peer = PEERS[n % PEERS.length]?.address ?? ''
  return { source: peer, port: 1024 + (n % 60_000), target: `172.30.51.${1 + (Math.floor(n / 60_000) % 200)}` }
}

/** One line with its LF. `bootedAt`: wall clock at uptime 0. */
export function packetLine(n: number, at: Micros, bootedAt: Micros): string {
  const { source, port, target } = tupleOf(n)
  const stamp = `${new Date(Math.floor(at / 1000)).toISOString().slice(0, 23)}${String(at % 1000).padStart(3, '0')}+00:00`
  const uptime = ((at - bootedAt) / SECOND).toFixed(6).padStart(12)
  return `${stamp} ${GATEWAY} kernel: [${uptime}] ${PREFIX}IN=wg0 OUT=lan0 MAC= SRC=${source} DST=${target} LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=${n % 65_536} DF PROTO=TCP SPT=${port} DPT=443 SEQ=${n} ACK=0 WINDOW=64860 RES=0x00 SYN URGP=0 \n`
}

export function conntrackNew(n: number, at: Micros): string {
  const { source, port, target } = tupleOf(n)
  return `[${seconds(at)}]\t    [NEW] ipv4     2 tcp      6 120 SYN_SENT src=${source} dst=${target} sport=${port} dport=443 [UNREPLIED] src=${target} dst=${source} sport=443 dport=${port} id=${n}\n`
}

export function conntrackDestroy(n: number, at: Micros): string {
  const { source, port, target } = tupleOf(n)
  return `[${seconds(at)}]\t[DESTROY] ipv4     2 tcp      6 TIME_WAIT src=${source} dst=${target} sport=${port} dport=443 packets=6 bytes=${400 + (n % 997)} src=${target} dst=${source} sport=443 dport=${port} packets=4 bytes=1720 [ASSURED] delta-time=1 id=${n}\n`
}

function seconds(at: Micros): string {
  return (at / SECOND).toFixed(6)
}

/** `wg show all dump` behind its date line. */
export function snapshotText(at: Micros): string {
  const date = `${new Date(Math.floor(at / 1000)).toISOString().slice(0, 23)}+00:00`
  const peers = PEERS.map(
    ({ key, address }, i) => `wg0\t${key}\t(none)\t198.51.100.${i + 1}:51820\t${address}/32\t0\t0\t0\toff\n`,
  )
  return `# ${date} ${GATEWAY}\nwg0\t(hidden)\t${OWN_KEY}\t51820\toff\n${peers.join('')}`
}

/** The number of a packet log line, -1 = it has none. */
export function packetNumber(line: string): number {
  return Number(/ SEQ=(\d+) /.exec(line)?.[1] ?? -1)
}
