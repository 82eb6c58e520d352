/** The demo on one screen: at most 100 columns and some forty lines, in the order a newcomer asks. */

import { bytesText, periodText, spanText, timeOfDay } from '../quantity-text.ts'
import { safeText } from '../safe-text.ts'
import type { Micros } from '../time.ts'
import { foundLines } from './demo-findings.ts'
import type { LoginStory, Refusals, Touch } from './demo-login.ts'
import { bytesOf, type PeerRow } from './demo-peers.ts'
import type { Handover, NamedPeer, Removal, Story, StoryGap } from './demo-story.ts'
import { shortKey } from './peer-facts.ts'
import { counted, paint, type Terminal, table } from './terminal.ts'
import { shorten, wrapText } from './wrap-text.ts'

/** One moment of the address that changed hands, and what `who` answers. */
export type Moment = { readonly at: Micros; readonly when: string; readonly status: string; readonly sentence: string }

export type DemoResult = {
  readonly story: Story
  readonly peers: readonly PeerRow[]
  readonly moments: readonly Moment[]
  readonly login: LoginStory | null
  readonly refusals: Refusals | null
  readonly lines: number
  readonly documents: number
  readonly gateways: number
  /** Machines behind them whose audit log was read. */
  readonly hosts: number
  /** As the person should type it in a command; '' = the default. */
  readonly storeOption: string
  readonly store: string
  /** How to call this program. */
  readonly program: string
}

const WIDTH = 100
const PEERS_SHOWN = 5
/** Characters of a command beside the file it touched. */
const COMMAND_WIDTH = 30
const LABEL = 10

export function printDemo(terminal: Terminal, result: DemoResult): string {
  const { story } = result
  const { handover } = story
  const parts = [
    intro(terminal, result),
    peerLines(terminal, result.peers),
    result.login === null ? '' : loginLines(terminal, result.login, result.refusals),
    story.removal === null ? '' : removalLines(terminal, story.removal),
    handover === null ? '' : handoverLines(terminal, handover, result.moments),
    findingLines(terminal, story),
    unseenLines(terminal, story),
    tryLines(terminal, result),
  ]
  return parts.filter((part) => part !== '').join('\n')
}

function intro(terminal: Terminal, { story, lines, documents, gateways, hosts, store }: DemoResult): string {
  const total = [...story.statuses.values()].reduce((sum, count) => sum + count, 0)
  const exact = story.statuses.get('exact') ?? 0
  const machines = `${counted(gateways, 'gateway')}${hosts === 0 ? '' : ` and ${counted(hosts, 'audited host')}`}`
  return [
    `${paint(terminal, 'bold', 'peertrail')}  a real capture of ${machines}, ${periodText(story.oldest, story.newest)}`,
    `${number(lines)} lines of packet log, conntrack, wg show${hosts === 0 ? '' : ' and audit log'} became ${number(documents)} documents in ${safeText(store)}.`,
    `Of ${number(total)} packets and flows, ${number(exact)} name their key for certain; ${number(total - exact)} say why not.`,
    '',
  ].join('\n')
}

function peerLines(terminal: Terminal, peers: readonly PeerRow[]): string {
  const shown = peers.slice(0, PEERS_SHOWN)
  const rows = shown.map((peer) => [
    shorten(peer.name === '' ? `key ${shortKey(peer.key)}` : peer.name, 16),
    shorten(peer.owner === '' ? (peer.name === '' ? 'not documented' : 'nobody') : peer.owner, 22),
    shorten(peer.device, 18),
    number(peer.flows),
    peer.denied === 0 ? '·' : number(peer.denied),
    bytesText(bytesOf(peer)),
    timeOfDay(peer.lastSeen).slice(0, 8),
  ])
  const right = ['flows', 'denied', 'bytes', 'last seen'].map((title) => ({ title, align: 'right' as const }))
  const rest = peers.length - shown.length
  const [refused] = peers.toSorted((a, b) => b.denied - a.denied)
  const most =
    refused === undefined || refused.denied === 0
      ? ''
      : `; most denied: ${refused.name === '' ? `key ${shortKey(refused.key)}` : shorten(refused.name, 16)} (${number(refused.denied)})`
  return (
    table(terminal, [{ title: 'peer' }, { title: 'owner' }, { title: 'device' }, ...right], rows) +
    (rest > 0 ? paint(terminal, 'dim', `and ${rest} more with less traffic${most}\n`) : '')
  )
}

function loginLines(terminal: Terminal, login: LoginStory, refusals: Refusals | null): string {
  const { at, host, account, session, seen, client, commands, touches } = login
  const who = present([login.device, login.owner]).join(', ')
  const peer = `${login.peer}${who === '' ? '' : ` (${who})`}`
  const text =
    client === ''
      ? `${peer} to ${host} at ${timeOfDay(at)}`
      : `${host} saw a login from ${seen}, an address of the gateway. Before NAT it was ${client}: ${peer}, at ${timeOfDay(at)}`
  const files = touches.length === 0 ? '.' : '. Watched files it touched:'
  const refused =
    refusals === null
      ? ''
      : `${label('')}${safeText(`${refusals.hosts.join(', ')} refused ${counted(refusals.count, 'login')} of ${refusals.peer}.`)}\n`
  return [
    block(
      terminal,
      'Logged in',
      `${text}. Account ${account}, login session ${session}, ${counted(commands, 'command')}${files}`,
    ),
    ...touches.map((touch) => touchLine(terminal, touch)),
    refused,
  ].join('')
}

function touchLine(terminal: Terminal, { at, command, files }: Touch): string {
  const told = files
    .map(({ deed, path, failure }) => {
      const text = `${deed} ${path.slice(path.lastIndexOf('/') + 1)}`
      return failure === '' ? text : `${text}: ${failure}`
    })
    .join(', ')
  const shown = shorten(told, WIDTH - LABEL - 14 - COMMAND_WIDTH - 2)
  const isRefused = files.some(({ failure }) => failure !== '')
  return `${label('')}${timeOfDay(at)}  ${shorten(command, COMMAND_WIDTH).padEnd(COMMAND_WIDTH)}  ${isRefused ? paint(terminal, 'yellow', shown) : shown}\n`
}

function present(texts: readonly string[]): string[] {
  return texts.filter((text) => text !== '')
}

function removalLines(terminal: Terminal, removal: Removal): string {
  const { peer, gateway, interface: tunnel, before, at, openFlows, openUntil, laterFlows } = removal
  const left =
    openFlows === 0
      ? 'No flow of it was open.'
      : `${counted(openFlows, 'flow')} it had opened stayed in the gateway's table, the last until ${timeOfDay(openUntil)}: removing a key does not end them (finding holder-changed).`
  const later =
    laterFlows === 0 ? 'Nothing new began with it since.' : `${counted(laterFlows, 'flow')} began later: look at them.`
  return block(
    terminal,
    'Revoked',
    `${called(peer)}: its key ${shortKey(peer.key)} left ${gateway} ${tunnel} between ${timeOfDay(before)} and ${timeOfDay(at)}. ${later} ${left}`,
  )
}

function handoverLines(terminal: Terminal, { address }: Handover, moments: readonly Moment[]): string {
  const title = `${paint(terminal, 'bold', label('Reused'))}${safeText(`${address} changed hands. Who was it? That depends on when:`)}\n`
  const lines = moments.map(({ at, when, status, sentence }) => {
    const style = status === 'exact' ? 'green' : 'yellow'
    const text = shorten(sentence.replace(`${address} `, '').replace(/ — .*$/, ''), WIDTH - LABEL - 36)
    return `${label('')}${timeOfDay(at)}  ${when.padEnd(7)}  ${paint(terminal, style, status.padEnd(9))}  ${text}\n`
  })
  return title + lines.join('')
}

function findingLines(terminal: Terminal, { findings }: Story): string {
  return foundLines(terminal, findings, WIDTH - LABEL)
    .map((line, i) => `${i === 0 ? paint(terminal, 'bold', label('Found')) : label('')}${line}\n`)
    .join('')
}

function unseenLines(terminal: Terminal, { gaps, suspects }: Story): string {
  const lines = gaps.map(
    ({ host, source, reason, from, to }) =>
      `${timeOfDay(from).slice(0, 8)} ${spanText(to - from).padStart(6)}  ${shorten(`${host} ${source}`, 18).padEnd(14)}  ${gapWords({ host, source, reason, from, to })}`,
  )
  if (suspects > 0)
    lines.push(`${counted(suspects, 'line')} pretended to be written by the kernel: kept, and never believed`)
  if (lines.length === 0) lines.push('no gap in any source')
  return lines.map((line, i) => `${i === 0 ? paint(terminal, 'bold', label('Not seen')) : label('')}${line}\n`).join('')
}

const GAP_WORDS: Readonly<Record<string, string>> = {
  'daemon-stopped': 'the log daemon was stopped: packets may be missing',
  'daemon-restarted': 'the log daemon died: packets may be missing',
  'collector-stopped': 'nobody listened: connections may be missing',
  'polls-missing': 'nobody looked who held which address',
}

function gapWords({ source, reason }: StoryGap): string {
  if (source === 'auditd' && reason.startsWith('daemon-')) return 'auditd did not run: what was done there is missing'
  return GAP_WORDS[reason] ?? safeText(reason)
}

function tryLines(terminal: Terminal, { story, peers, login, storeOption, program }: DemoResult): string {
  const { handover, removal } = story
  const [busiest] = peers.filter(({ denied }) => denied > 0).toSorted((a, b) => b.denied - a.denied)
  const at = new Date((removal?.before ?? story.newest) / 1000).toISOString().slice(0, 19)
  const [touched] = login?.touches.flatMap(({ files }) => files) ?? []
  const denied =
    busiest === undefined || busiest.name === ''
      ? "search 'event.type : denied'"
      : `search 'wireguard.peer.name : "${busiest.name}" and event.type : denied'`
  const told = login?.peer ?? removal?.peer.name ?? ''
  const commands = [
    handover === null ? null : `who ${handover.address} --at ${at}Z`,
    // A name with a quote or a star would be another question.
    touched === undefined || !/^[\w/.-]+$/.test(touched.path)
      ? denied
      : `search 'process.args : "${touched.path}" and wireguard.peer.name : *'`,
    told === '' ? 'peers' : `timeline ${told}`,
    story.findings.gravest.length === 0 ? null : 'findings --severity high',
    removal === null || removal.peer.name === '' ? null : `report revocation --peer ${removal.peer.name}`,
  ]
  const lines = commands
    .filter((command) => command !== null)
    .map((command) => `${label('')}${paint(terminal, 'cyan', safeText(`${program} ${command}${storeOption}`))}\n`)
  return `${paint(terminal, 'bold', label('Try'))}${lines.join('').slice(LABEL)}`
}

function block(terminal: Terminal, title: string, text: string): string {
  return wrapText(text, WIDTH - LABEL)
    .map((line, i) => `${i === 0 ? paint(terminal, 'bold', label(title)) : label('')}${line}\n`)
    .join('')
}

function label(text: string): string {
  return text.padEnd(LABEL)
}

function called({ name, device, owner, key }: NamedPeer): string {
  if (name === '') return `key ${shortKey(key)}`
  const parts = present([device, owner])
  return parts.length === 0 ? name : `${name} (${parts.join(', ')})`
}

function number(value: number): string {
  return value.toLocaleString('en-US')
}
