/**
 * rsyslog doing the same work: imfile, mmnormalize with liblognorm's `v2-iptables` type, a list template that prints JSON with
 * 14 ECS names and `event.original`, omfile. It does less than peertrail: no typed numbers, no identity, no flow.
 * Authority: rsyslog 8.2302's documentation of imfile, mmnormalize and omfile; liblognorm 2.0.6. No network, nothing outside
 * its work directory.
 */
import { join } from 'node:path'
import { type PeerJob, type PeerProgram, writeConfig } from './peer-program.ts'

/** Uptimes below 10000 seconds are padded with blanks, longer ones are not. */
const RULEBASE = `version=2
rule=:%stamp:word% %host:word% kernel: [%-:whitespace%%uptime:char-to:]%] %rule:char-to:\\x3a%: %nf:v2-iptables%
rule=:%stamp:word% %host:word% kernel: [%uptime:char-to:]%] %rule:char-to:\\x3a%: %nf:v2-iptables%
`

/** ECS name and where rsyslog has it. */
const NAMES: readonly (readonly [string, string])[] = [
  ['@timestamp', '$!stamp'],
  ['host.name', '$!host'],
  ['rule.name', '$!rule'],
  ['observer.ingress.interface.name', '$!nf!IN'],
  ['observer.egress.interface.name', '$!nf!OUT'],
  ['source.ip', '$!nf!SRC'],
  ['source.port', '$!nf!SPT'],
  ['destination.ip', '$!nf!DST'],
  ['destination.port', '$!nf!DPT'],
  ['network.transport', '$!nf!PROTO'],
  ['netfilter.length', '$!nf!LEN'],
  ['netfilter.ttl', '$!nf!TTL'],
  ['netfilter.id', '$!nf!ID'],
  ['netfilter.tcp.window', '$!nf!WINDOW'],
  ['event.original', 'msg'],
]

export function rsyslogJob(program: PeerProgram, workDirectory: string, input: string): PeerJob {
  const state = join(workDirectory, 'rsyslog-state')
  const output = join(workDirectory, 'rsyslog.ndjson')
  const rulebase = writeConfig(join(workDirectory, 'rsyslog.rulebase'), RULEBASE)
  const properties = NAMES.map(([name, from]) => `  property(outname="${name}" name="${from}" format="jsonf")`)
  const configuration = `global(workDirectory="${state}" maxMessageSize="64k")
module(load="imfile" mode="inotify")
module(load="mmnormalize")
template(name="documents" type="list" option.jsonf="on") {
${properties.join('\n')}
}
ruleset(name="packets") {
  action(type="mmnormalize" rulebase="${rulebase}" useRawMsg="off")
  action(type="omfile" file="${output}" template="documents" ioBufferSize="64k")
}
input(type="imfile" file="${input}" tag="kern" ruleset="packets" persistStateInterval="10000" freshStartTail="off")
`
  const modules = program.root === '' ? [] : ['-M', join(program.root, 'usr/lib/x86_64-linux-gnu/rsyslog')]
  return {
    output,
    stateFolder: state,
    command: program.path,
    args: [
      '-n',
      '-f',
      writeConfig(join(workDirectory, 'rsyslog.conf'), configuration),
      '-i',
      join(workDirectory, 'rsyslog.pid'),
      ...modules,
    ],
    env: program.env,
  }
}
