/**
 * The smallest capture with everything in it: one gateway, three dumps, one accepted packet and its flow, one dropped packet.
 * Every name that somebody else chooses can be set.
 */
import type { CaptureCase } from './case.ts'

/** 44 characters each, valid base64 of 32 bytes; no key of anybody. */
export const INTERFACE_KEY = `${'Intf'.repeat(10)}Inc=`
export const PEER_KEY = `${'Peer'.repeat(10)}Pec=`

export type Names = {
  readonly host: string
  readonly interface: string
  readonly prefix: string
  readonly helper: string
  readonly labels: string
  readonly program: string
  /** As it stands in the YAML, with quotes where it needs them. */
  readonly peer: string
  readonly privateKey: string
  readonly presharedKey: string
}

export const PLAIN: Names = {
  host: 'gw1',
  interface: 'wg0',
  prefix: 'allow ',
  helper: 'ftp',
  labels: 'blue',
  program: 'nft',
  peer: 'laptop',
  privateKey: '(hidden)',
  presharedKey: '(hidden)',
}

export function miniature(names: Partial<Names>): CaptureCase {
  const {
    host,
    interface: name,
    prefix,
    helper,
    labels,
    program,
    peer,
    privateKey,
    presharedKey,
  } = { ...PLAIN, ...names }
  const dump = (second: string) => `# 2026-11-22T15:10:${second}.000+00:00 gw1
${name}\t${privateKey}\t${INTERFACE_KEY}\t51820\toff
${name}\t${PEER_KEY}\t${presharedKey}\t198.51.100.7:40000\t10.8.0.2/32\t1795360200\t100\t200\toff
`
  const packet = (port: number) =>
    `IN=${name} OUT=lan0 MAC= SRC=10.8.0.2 DST=10.20.0.10 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=1 DF PROTO=TCP SPT=40005 DPT=${port} WINDOW=64860 RES=0x00 SYN URGP=0 `
  const tuples = (acct: string) =>
    `src=10.8.0.2 dst=10.20.0.10 sport=40005 dport=443 ${acct}src=10.20.0.10 dst=10.8.0.2 sport=443 dport=40005 ${acct}`
  const files = new Map<string, string>()
  files.set(`${host}/wg.snapshots`, ['10', '11', '12', '13', '14', '15', '20'].map(dump).join(''))
  files.set(
    `${host}/kern.log`,
    [443, 22]
      .map(
        (port, i) =>
          `2026-11-22T15:10:12.${i + 1}00000+00:00 gw1 kernel: [  100.${i + 1}00000] ${prefix}${packet(port)}\n`,
      )
      .join(''),
  )
  files.set(
    `${host}/conntrack.log`,
    `[1795360212.110000]\t    [NEW] tcp      6 120 SYN_SENT ${tuples('').replace(' src=10.20', ' [UNREPLIED] src=10.20')}helper=${helper} id=7
[1795360213.110000]\t [UPDATE] tcp      6 60 SYN_RECV ${tuples('')}helper=${helper} id=7 labels=${labels}
[1795360214.110000]\t[DESTROY] tcp      6 TIME_WAIT ${tuples('packets=3 bytes=180 ')}[ASSURED] delta-time=2 id=7 [USERSPACE] portid=9 progname=${program}
`,
  )
  files.set(
    'inventory.yaml',
    `version: 1
people:
  - { email: alice@example.com, name: ${peer} }
gateways:
  - { name: gw1, interfaces: [wg0], sources: [nftables, conntrack, wireguard] }
peers:
  - name: ${peer}
    kind: device
    owner: alice@example.com
    device: ${peer}
    gateway: gw1
    interface: wg0
    keys: [{ public_key: "${PEER_KEY}" }]
    allowed_ips: [10.8.0.2/32]
resources:
  - { name: ${peer}, addresses: [10.20.0.10], ports: [tcp/443], owner: ${peer}, classification: internal }
`,
  )
  return { files, truth: '{"kind":"meta","gateways":{}}\n', evidence: '', clocks: new Map() }
}
