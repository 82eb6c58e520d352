/**
 * What a line of the story says, in one short sentence. Names, accounts, commands and paths in it are as they came; renderers make them fit
 * for a page.
 */
import type { Fields } from '../../fields.ts'
import { bytesText, spanText } from '../../quantity-text.ts'
import { keyText } from './story-holder.ts'
import type { StoryEntry } from './story-read.ts'

/** Characters of a command or a path that a line tells; the documents have all of it. */
const TEXT_MAX = 400

/** One sentence; the file of rows and the page have the same. */
export function storyText(entry: StoryEntry): string {
  const again =
    entry.documents > 1 && entry.kind !== 'flow' && entry.kind !== 'routine' ? ` (${entry.documents} times)` : ''
  return `${cut(sentence(entry))}${again}`
}

function sentence(entry: StoryEntry): string {
  const { kind, first } = entry
  switch (kind) {
    case 'flow':
      return flowText(entry)
    case 'packet':
      return `packet ${endsText(first)} ${packetVerdict(first)}${ruleText(entry)}`
    case 'outer':
      return `outer packets ${endsText(first)}, to the listen port; no key is named by them`
    case 'peer':
      return peerText(first)
    case 'login':
      return loginText(first)
    case 'command':
      return `${actorText(first)} ran ${commandText(first)}${failedText(first)}`
    case 'file':
      return `${actorText(first)} ${deedText(first)} ${first['file.path'] ?? ''}${failedText(first)}`
    case 'host':
      return `${actorText(first)} ${words(first['event.action'])} ${place(first['destination.ip'], first['destination.port'])}${failedText(first)}`
    case 'routine':
      return `${entry.documents} audit records of ${first['host.name'] ?? ''} around a login: accounts, sockets, programs looked for`
    case 'change':
      return changeText(first)
    case 'finding':
      return findingText(first)
    case 'gap':
      return gapText(first)
    default:
      return kind satisfies never
  }
}

function flowText({ first, last, sourceBytes, destinationBytes, taker, rule }: StoryEntry): string {
  const bytes =
    sourceBytes === null && destinationBytes === null
      ? ''
      : `${bytesText(sourceBytes ?? 0)} sent, ${bytesText(destinationBytes ?? 0)} received`
  const open = last['event.action'] === 'flow-ended' ? '' : 'its end is not in the period'
  const taken = takerText(taker)
  const named = rule.name === '' ? '' : `rule ${rule.name.trim()}`
  const more = [bytes, taken, named, open].filter((text) => text !== '').join('; ')
  return `connection ${endsText(first)}: ${outcomeText(last)}${more === '' ? '' : `; ${more}`}`
}

function takerText({ host, session, account, process }: StoryEntry['taker']): string {
  if (host === '') return ''
  const login = session === '' ? '' : `login session ${session}${account === '' ? '' : ` of ${account}`}`
  return `taken on ${host}${process === '' ? '' : ` by ${process}`}${login === '' ? '' : `, ${login}`}`
}

const OUTCOMES: ReadonlyMap<string, string> = new Map([
  ['connected', 'connected'],
  ['no-answer', 'allowed, no answer'],
  ['refused', 'refused by the server'],
  ['denied', 'denied at the gateway'],
])

function outcomeText(document: Fields): string {
  return OUTCOMES.get(document['wireguard.flow.outcome'] ?? '') ?? 'outcome not known'
}

function packetVerdict(document: Fields): string {
  switch (document['event.action'] ?? '') {
    case 'firewall-drop':
      return 'dropped'
    case 'firewall-reject':
      return 'rejected'
    case 'firewall-accept':
      return 'accepted by that rule; no connection of it is recorded'
    default:
      return 'logged; the verdict is not known'
  }
}

function ruleText({ rule }: StoryEntry): string {
  return rule.name === '' ? '' : `, rule ${rule.name.trim()}`
}

function peerText(document: Fields): string {
  const at = [document['host.name'], document['wireguard.interface.name']]
    .filter((text) => text !== undefined)
    .join(' ')
  const endpoint = place(document['wireguard.peer.endpoint.ip'], document['wireguard.peer.endpoint.port'])
  const from = endpoint === '' ? '' : ` from ${endpoint}`
  const key = keyText(document['wireguard.peer.public_key'] ?? '')
  const allowed = listed(document['wireguard.peer.allowed_ips'])
  const before = listed(document['wireguard.change.before'])
  const after = listed(document['wireguard.change.after'])
  switch (document['event.action'] ?? '') {
    case 'peer-session-started':
      return `peer session began on ${at}${from} (inferred from handshakes)`
    case 'peer-session-ended': {
      const lasted = spanOf(document)
      return `peer session ended on ${at}${lasted === '' ? '' : ` after ${lasted}`}${reasonText(document)}`
    }
    case 'endpoint-changed':
      return `endpoint changed on ${at}: ${before} → ${after}`
    case 'peer-added':
      return `key ${key} was added on ${at}, AllowedIPs ${allowed}`
    case 'peer-removed':
      return `key ${key} was removed from ${at}`
    case 'allowed-ips-changed':
      return `AllowedIPs of key ${key} changed on ${at}: ${before} → ${after}`
    default:
      return `${words(document['event.action'])} on ${at}${reasonText(document)}`
  }
}

function loginText(document: Fields): string {
  const host = document['host.name'] ?? ''
  const account = document['user.name'] ?? ''
  const session = document['auditd.session'] === undefined ? '' : `, login session ${document['auditd.session']}`
  const from = place(document['source.ip'], document['source.port'])
  const source = from === '' ? '' : ` from ${from}`
  const hops = document['wireguard.attribution.hops'] ?? []
  const via = hops.length === 0 ? '' : `, through ${hops.join(', ')}`
  switch (document['event.action'] ?? '') {
    case 'host-login':
      return `login to ${host} as ${account}${session}${source}${via}`
    case 'host-login-failed':
      return `login to ${host} as ${account} refused${source}${via}`
    default: {
      const lasted = spanOf(document)
      return `login session of ${account} on ${host} ended${session}${lasted === '' ? '' : ` after ${lasted}`}`
    }
  }
}

function changeText(document: Fields): string {
  const what = document['wireguard.change.target'] === 'wireguard' ? 'WireGuard' : 'packet filter'
  const told =
    document['process.args'] === undefined
      ? [document['process.title'], document['auditd.data.op'], document['auditd.data.table']]
          .filter((text) => text !== undefined)
          .join(', ')
      : commandText(document)
  return `${what} changed on ${document['host.name'] ?? ''} by ${actorText(document)}: ${told}${failedText(document)}`
}

const SEVERITIES: readonly string[] = ['', 'low', 'medium', 'high', 'critical']

function findingText(document: Fields): string {
  const title = document['rule.name'] ?? document['rule.id'] ?? ''
  if (document['event.action'] === 'finding-acknowledged') {
    const by = document['wireguard.finding.handled_by'] ?? ''
    const reference =
      document['wireguard.finding.case'] === undefined ? '' : `, case ${document['wireguard.finding.case']}`
    const note = document['event.reason'] === undefined ? '' : `: ${document['event.reason']}`
    return `finding acknowledged by ${by}${reference}: ${title}${note}`
  }
  const severity = SEVERITIES[document['event.severity'] ?? 0] ?? ''
  return `finding${severity === '' ? '' : ` (${severity})`}: ${document['wireguard.finding.summary'] ?? title}`
}

function gapText(document: Fields): string {
  const { 'event.start': start, 'event.end': end } = document
  const source = `${document['wireguard.coverage.source'] ?? ''} of ${document['host.name'] ?? ''}`
  const reason = document['wireguard.coverage.reason'] ?? document['event.reason'] ?? ''
  if (document['event.action'] === 'source-lost') {
    const { 'wireguard.coverage.lost': lost } = document
    return `not all of ${source} was recorded: ${reason}${lost === undefined ? '' : `, ${lost} lost`}`
  }
  return `${source} was not recorded${start === undefined || end === undefined ? '' : ` for ${spanText(end - start)}`}: ${reason}`
}

/** `dba on db1`, `dba as root on db1, login session 354`. */
function actorText(document: Fields): string {
  const real = document['user.name'] ?? document['user.id'] ?? ''
  const acting = document['user.effective.name'] ?? real
  const login = document['auditd.user.audit.name'] ?? ''
  const who = login !== '' && login !== acting ? `${login} as ${acting}` : acting
  const session = document['auditd.session'] === undefined ? '' : `, login session ${document['auditd.session']},`
  return `${who === '' ? 'somebody' : who} on ${document['host.name'] ?? ''}${session}`
}

function commandText(document: Fields): string {
  const { 'process.args': args, 'process.args_count': count = 0, 'process.executable': executable = '' } = document
  const command = document['auditd.data.cmd']
  if (command !== undefined) return `${command} by ${executable}`
  if (args === undefined || args.length === 0) return executable
  return `${args.map(argument).join(' ')}${count > args.length ? ' …' : ''} (${executable})`
}

/** In quotes where it would look like several. */
function argument(text: string): string {
  return /^[^\s'"]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

function deedText(document: Fields): string {
  const types = document['event.type'] ?? []
  if (document['event.action'] !== 'opened-file') return words(document['event.action'])
  if (types.includes('creation')) return 'created'
  if (types.includes('deletion')) return 'deleted'
  return types.includes('change') ? 'opened for writing' : 'opened for reading'
}

function failedText(document: Fields): string {
  if (document['event.outcome'] !== 'failure') return ''
  const { 'auditd.data.exit': exit } = document
  return exit === undefined ? ', which failed' : `, which failed with ${exit}`
}

/** `10.8.0.2:40005 (as 192.0.2.1:6100) → 10.8.0.1:53 (at 10.20.0.53:53) udp`; what NAT changed stands in brackets. */
export function endsText(document: Fields): string {
  const side = (ip: string | undefined, port: number | undefined, word: string, nat: string) => {
    const text = place(ip, port)
    return nat === '' ? text : `${text} (${word} ${nat})`
  }
  const { 'source.nat.ip': seen, 'destination.nat.ip': sent } = document
  const from = side(
    document['source.ip'],
    document['source.port'],
    'as',
    seen === undefined ? '' : place(seen, document['source.nat.port'] ?? document['source.port']),
  )
  const to = side(
    document['destination.ip'],
    document['destination.port'],
    'at',
    sent === undefined ? '' : place(sent, document['destination.nat.port'] ?? document['destination.port']),
  )
  return `${from} → ${to} ${document['network.transport'] ?? ''}`.trim()
}

function place(ip: string | undefined, port: number | undefined): string {
  if (ip === undefined) return ''
  if (port === undefined) return ip
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}

function spanOf(document: Fields): string {
  const { 'event.start': start, 'event.end': end } = document
  return start === undefined || end === undefined || end < start ? '' : spanText(end - start)
}

function reasonText(document: Fields): string {
  return document['event.reason'] === undefined ? '' : `: ${words(document['event.reason'])}`
}

function words(text: string | undefined): string {
  return (text ?? '').replaceAll('-', ' ')
}

function listed(values: readonly string[] | undefined): string {
  return values === undefined || values.length === 0 ? 'none' : values.join(' ')
}

/** By code points: half of a pair is no character. */
function cut(text: string): string {
  if (text.length <= TEXT_MAX) return text
  return `${Array.from(text.slice(0, TEXT_MAX * 2))
    .slice(0, TEXT_MAX)
    .join('')} …`
}
