/**
 * syslog-ng doing the same work: follow the file, split the syslog header, kv-parser, JSON with 14 ECS names and
 * `event.original`, into a file. It does less than peertrail: no rule name, no typed numbers, no identity, no flow.
 * Authority: The syslog-ng Administration Guide 3.38 (file, kv-parser, format-json). No network, no capabilities, nothing
 * outside its work directory.
 */
import { join } from 'node:path'
import { type PeerJob, type PeerProgram, writeConfig } from './peer-program.ts'

/** ECS name and where syslog-ng has it. */
const NAMES: readonly (readonly [string, string])[] = [
  ['@timestamp', 'ISODATE'],
  ['host.name', 'HOST'],
  ['observer.ingress.interface.name', 'nf.IN'],
  ['observer.egress.interface.name', 'nf.OUT'],
  ['source.ip', 'nf.SRC'],
  ['source.port', 'nf.SPT'],
  ['destination.ip', 'nf.DST'],
  ['destination.port', 'nf.DPT'],
  ['network.transport', 'nf.PROTO'],
  ['netfilter.length', 'nf.LEN'],
  ['netfilter.ttl', 'nf.TTL'],
  ['netfilter.id', 'nf.ID'],
  ['netfilter.tos', 'nf.TOS'],
  ['netfilter.tcp.window', 'nf.WINDOW'],
  ['event.original', 'RAWMSG'],
]

export function syslogNgJob(program: PeerProgram, workDirectory: string, input: string): PeerJob {
  const output = join(workDirectory, 'syslog-ng.ndjson')
  const pairs = NAMES.map(([name, macro]) => `${name}=\\"\${${macro}}\\"`).join(' ')
  const configuration = `@version: 3.38
options { stats-freq(0); flush-lines(1000); log-fifo-size(20000); keep-hostname(yes); use-dns(no); dns-cache(no); frac-digits(6); };
source packets { file("${input}" follow-freq(0.1) log-fetch-limit(1000) log-iw-size(10000) flags(store-raw-message)); };
parser fields { kv-parser(prefix("nf.")); };
destination documents { file("${output}" template("$(format-json --omit-empty-values ${pairs})\\n")); };
log { source(packets); parser(fields); destination(documents); flags(flow-control); };
`
  const at = (name: string): string => join(workDirectory, name)
  const modules = program.root === '' ? [] : [`--module-path=${join(program.root, 'usr/lib/syslog-ng/3.38')}`]
  return {
    output,
    stateFolder: at('syslog-ng-state'),
    command: program.path,
    args: [
      '--foreground',
      '--no-caps',
      '--stderr',
      ...modules,
      `--cfgfile=${writeConfig(at('syslog-ng.conf'), configuration)}`,
      `--persist-file=${at('syslog-ng-state/persist')}`,
      `--control=${at('syslog-ng.ctl')}`,
      `--pidfile=${at('syslog-ng.pid')}`,
    ],
    env: program.env,
  }
}
