/** Log rules: every decision about a new connection on a WireGuard interface should leave a line in the packet log. */
import { factOf, isKnown } from '../sources/hostfacts/facts.ts'
import { createConditionReader } from '../sources/nftables/rule-condition.ts'
import type { Way } from '../sources/nftables/rule-walk.ts'
import { property, type RulesetDocument, type Statement, textProperty } from '../sources/nftables/ruleset-document.ts'
import type { MachineView, PostureCheck, PostureResult } from './check.ts'
import { type LoggedWay, walkLogging } from './logging-walk.ts'
import { isGateway } from './posture-view.ts'

/** Ways of packets through an interface, in the words of the screen. */
const DIRECTIONS = {
  'forward-in': 'from peers to what lies behind (forward)',
  'forward-out': 'from behind to peers (forward)',
  between: 'from peers to peers (forward, tunnel to tunnel)',
  input: 'from peers to the gateway itself (input)',
  output: 'from the gateway itself to peers (output)',
} as const

type Direction = keyof typeof DIRECTIONS

/** Links and interfaces looked at; further ones are taken to be like these. */
const LINKS_MAX = 8
const INTERFACES_MAX = 64
/** Evidence lines of one finding. */
const LINES_MAX = 20
/** A link that is nobody's: what is decided for it is decided for links that no rule names. */
const ANY_LINK = 'lan'

export const loggingRules: PostureCheck = {
  id: 'logging-rules',
  title: 'New connections that are decided without a log line',
  description:
    'A rule accepts or refuses new connections on a WireGuard interface and no log statement before it writes them down. What no rule logs is in no document: no verdict, no denied attempt. Behind a rate limit only some of them are.',
  severity: 3,
  attack: [],
  origin: 'posture',
  area: 'Logging rules',
  knownGaps: [
    'Only chains on the hooks forward, input and output are followed; what prerouting and postrouting drop or log is not looked at.',
    'Rules of iptables-legacy are not in the ruleset, and of iptables-nft many conditions are not.',
    'A rule of the input hook for the port of a tunnel itself is passed over, whoever it lets in.',
    'A condition that is worded differently before the log and before the verdict may count as another one.',
  ],
  look: (machine, view) => {
    if (!isGateway(machine, view)) return []
    const { ruleset } = machine
    if (ruleset === null)
      return [
        {
          kind: 'not-checked',
          reason:
            'No ruleset is known: live it takes root to list it, in a capture it stands in ruleset.json or ruleset.snapshots.',
        },
      ]
    const names = wireguardNames(machine)
    if (names.length === 0)
      return [{ kind: 'not-checked', reason: 'No WireGuard interface of it is known, so no rule can be about one.' }]
    return names.slice(0, INTERFACES_MAX).flatMap((name) => judge(machine, ruleset, name, names))
  },
}

/** From the dump, else from stored configurations, else from the links. */
function wireguardNames({ wireguard, stored, facts }: MachineView): string[] {
  if (wireguard !== null) return wireguard.interfaces.map((row) => row.interface).sort()
  if (stored !== null && stored.size > 0) return [...stored.keys()].sort()
  const links = factOf(facts?.links)
  return isKnown(links) ? links.filter(({ kind }) => kind === 'wireguard').map(({ name }) => name) : []
}

/** Only where a peer of the interface may have an address of it. */
function usesIpv6({ wireguard, stored }: MachineView, name: string): boolean {
  const prefixes = [
    ...(wireguard?.peers ?? []).filter((row) => row.interface === name).flatMap((row) => row.allowedIps),
    ...(stored?.get(name)?.conf.peers ?? []).flatMap((peer) => peer.allowedIps),
  ]
  return prefixes.some((prefix) => prefix.includes(':'))
}

type Walked = { readonly direction: Direction; readonly way: Way; readonly result: LoggedWay }

function judge(
  machine: MachineView,
  ruleset: RulesetDocument,
  name: string,
  names: readonly string[],
): PostureResult[] {
  const read = createConditionReader(ruleset.sets)
  const families = usesIpv6(machine, name) ? (['ip', 'ip6'] as const) : (['ip'] as const)
  const walked = waysOf(machine, name, names).flatMap(({ direction, way }) =>
    families.map((family): Walked => ({ direction, way, result: walkLogging(ruleset, read, way, family) })),
  )
  const results: PostureResult[] = []
  const isTunnel = tunnelPlaces(machine, ruleset)
  for (const verdict of ['accept', 'drop'] as const) {
    const none = linesOf(walked, name, ({ logged, place }) => logged === 'no' && !isTunnel.has(place), verdict)
    // A way from peers on which nothing at all is logged leaves no proof; a rule that is passed over leaves a hole in it.
    const isBlind = walked.some(
      ({ direction, result }) =>
        direction !== 'output' &&
        direction !== 'forward-out' &&
        !result.hasLog &&
        result.decisions.some((each) => each.verdict === verdict && each.logged === 'no' && !isTunnel.has(each.place)),
    )
    if (none.length > 0) results.push(unlogged(name, verdict, none, isBlind))
  }
  const limited = [...new Set(walked.flatMap(({ result }) => result.limitedLogs))]
  const thin = linesOf(walked, name, ({ logged }) => logged === 'limited')
  if (thin.length > 0) results.push(rateLimited(name, thin, limited))
  if (walked.some(({ result }) => result.isCutShort))
    results.push({
      kind: 'not-checked',
      reason: `${name}: the ruleset jumps deeper, or has more rules, than are followed.`,
    })
  const hidden = [...new Set(walked.flatMap(({ result }) => result.hidden))]
  if (hidden.length > 0)
    results.push({
      kind: 'not-checked',
      reason: `${name}: ${hidden.length === 1 ? 'a rule decides' : `${hidden.length} rules decide`} by what nft does not show of rules of iptables-nft, or leave it to a program: ${hidden[0] ?? ''}${hidden.length > 1 ? ' and others' : ''}.`,
    })
  if (results.length > 0) return results
  const ways = isHost(machine) ? 'input and output' : 'forward in both directions, tunnel to tunnel, input and output'
  return [{ kind: 'passed', text: `${name}: every decision about new connections is logged: ${ways}.` }]
}

/**
 * Rules that accept the datagrams of the tunnels themselves (`udp dport 51820 accept`), as every gateway needs one. Most name no link, so
 * that peers meet it too; the port answers nobody from inside.
 */
function tunnelPlaces({ wireguard }: MachineView, ruleset: RulesetDocument): ReadonlySet<string> {
  const ports = new Set((wireguard?.interfaces ?? []).map(({ listenPort }) => listenPort).filter((port) => port > 0))
  const isOwnPort = ({ name, body }: Statement) => {
    const payload = property(property(body, 'left'), 'payload')
    const [port, op] = [property(body, 'right'), textProperty(body, 'op')]
    const isPort = textProperty(payload, 'protocol') === 'udp' && textProperty(payload, 'field') === 'dport'
    return name === 'match' && op === '==' && isPort && typeof port === 'number' && ports.has(port)
  }
  const chains = [...ruleset.chains.values()].filter(({ hook }) => hook === 'input')
  return new Set(
    chains.flatMap((chain) =>
      chain.rules
        .filter((rule) => rule.handle !== '' && rule.statements.some(isOwnPort))
        .map((rule) => `${chain.family} ${chain.table} ${chain.name} handle ${rule.handle}`),
    ),
  )
}

function linesOf(
  walked: readonly Walked[],
  name: string,
  holds: (decision: LoggedWay['decisions'][number]) => boolean,
  verdict?: 'accept' | 'drop',
): string[] {
  const lines = walked.flatMap(({ direction, way, result }) =>
    result.decisions
      .filter((decision) => holds(decision) && (verdict === undefined || decision.verdict === verdict))
      .map((decision) => {
        const other = way.input === name ? way.output : way.input
        const between = direction === 'between' && other !== name ? ` with ${other}` : ''
        return `${DIRECTIONS[direction]}${between}: ${decision.place}`
      }),
  )
  return [...new Set(lines)]
}

function unlogged(name: string, verdict: 'accept' | 'drop', lines: readonly string[], isBlind: boolean): PostureResult {
  const what = verdict === 'accept' ? 'accepted' : 'refused'
  const count = lines.length === 1 ? 'one place' : `${lines.length} places`
  return {
    kind: 'finding',
    subject: `${name} ${verdict}`,
    severity: isBlind ? 3 : 2,
    text: `${name}: new connections are ${what} without a log line, in ${count} of the ruleset.`,
    evidence: shown(lines),
    mend: [
      `# put a log with a prefix of its own into each rule named: … log prefix "wg-${verdict === 'accept' ? 'accept' : 'drop'}: " ${verdict}`,
      '# for a policy, as the last rule of its chain: … log prefix "wg-drop: "',
      'peertrail init          # shows rules for ways without any log, as a diff',
    ],
    about: { 'wireguard.interface.name': name },
    exception: null,
  }
}

function rateLimited(name: string, lines: readonly string[], limited: readonly string[]): PostureResult {
  return {
    kind: 'finding',
    subject: `${name} limited`,
    severity: 2,
    text: `${name}: a rate limit decides which new connections are logged; nothing counts those it leaves out.`,
    evidence: shown([...limited.map((place) => `limit before log: ${place}`), ...lines]),
    mend: [
      '# take `limit rate` off the log rules named: nft -a list ruleset, then nft replace rule … handle …',
      '# where floods must not fill the disk, log to NFLOG (log group 1) and let ulogd write',
    ],
    about: { 'wireguard.interface.name': name },
    exception: null,
  }
}

function shown(lines: readonly string[]): string[] {
  const left = lines.length - LINES_MAX
  return left > 0 ? [...lines.slice(0, LINES_MAX), `and ${left} more`] : [...lines]
}

function waysOf(machine: MachineView, name: string, names: readonly string[]): { direction: Direction; way: Way }[] {
  const others = otherLinks(machine, names)
  const own: { direction: Direction; way: Way }[] = [
    { direction: 'input', way: { hook: 'input', input: name, output: '' } },
    { direction: 'output', way: { hook: 'output', input: '', output: name } },
  ]
  if (isHost(machine)) return own
  return [
    ...others.map((output) => ({ direction: 'forward-in' as const, way: forward(name, output) })),
    ...others.map((input) => ({ direction: 'forward-out' as const, way: forward(input, name) })),
    ...names.slice(0, LINKS_MAX).map((output) => ({ direction: 'between' as const, way: forward(name, output) })),
    ...own,
  ]
}

function forward(input: string, output: string): Way {
  return { hook: 'forward', input, output }
}

/** A machine that forwards nothing has no ways through it. */
function isHost({ facts }: MachineView): boolean {
  const isOff = (name: string) => facts?.sysctls[name] === '0'
  return isOff('net.ipv4.ip_forward') && isOff('net.ipv6.conf.all.forwarding')
}

/** Where links are not known, those that rules name stand in for them, and one that no rule names. */
function otherLinks({ facts, ruleset }: MachineView, names: readonly string[]): string[] {
  const links = factOf(facts?.links)
  const isOther = (name: string) => name !== 'lo' && name !== '' && !names.includes(name)
  // Facts of another network namespace have other links than the dump.
  const isHere = isKnown(links) && names.every((name) => links.some((link) => link.name === name))
  const found = isHere
    ? links.filter(({ kind }) => kind !== 'loopback' && kind !== 'wireguard').map((link) => link.name)
    : [...(ruleset === null ? [] : namedLinks(ruleset)), ANY_LINK]
  const others = found.filter(isOther).slice(0, LINKS_MAX)
  return others.length === 0 ? [ANY_LINK] : others
}

/** Names that conditions of the ruleset compare interfaces with. */
function namedLinks(ruleset: RulesetDocument): string[] {
  const read = createConditionReader(ruleset.sets)
  const found = new Set<string>()
  for (const chain of ruleset.chains.values())
    for (const rule of chain.rules)
      for (const { name, body } of rule.statements)
        for (const { fields, rows } of name === 'match' ? read(body, chain) : [])
          if (fields[0] === 'iifname' || fields[0] === 'oifname')
            for (const [span] of rows) if (typeof span?.low === 'string' && span.low === span.high) found.add(span.low)
  return [...found].sort()
}
