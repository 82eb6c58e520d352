/**
 * Judges the log rules: on every WireGuard interface a new connection should meet a rule with `log` in each of four ways, with a prefix
 * of its own and a verdict that can be told. What no rule logs is in no document: no verdict, no denied attempt.
 */

import { safeText } from '../safe-text.ts'
import { isKnown } from '../sources/hostfacts/facts.ts'
import { createConditionReader } from '../sources/nftables/rule-condition.ts'
import { type MetLog, type Way, walkRules } from '../sources/nftables/rule-walk.ts'
import { type LogRule, parseRuleset } from '../sources/nftables/ruleset.ts'
import { readRulesetDocument } from '../sources/nftables/ruleset-document.ts'
import { type Finding, type Judgement, listText } from './finding.ts'
import type { MachineFacts } from './machine-facts.ts'
import { installCommand } from './mend-commands.ts'

/** The ways of packets through an interface, in the words of the screen. */
const DIRECTIONS = {
  'forward-in': 'from peers to what lies behind the gateway (forward, iifname)',
  'forward-out': 'from behind the gateway to peers (forward, oifname)',
  input: 'from peers to the gateway itself (input)',
  output: 'from the gateway itself to peers (output)',
} as const

export type Direction = keyof typeof DIRECTIONS

export type LogCoverage = {
  /** By interface: directions in which no log rule can be met. */
  readonly lacking: ReadonlyMap<string, readonly Direction[]>
  /** Directions logged towards some links only, `wg0 forward-in: eth1`. */
  readonly partial: readonly string[]
  /** Log rules met, each once. */
  readonly rules: readonly LogRule[]
  /** LOG targets of iptables-nft, whose prefixes the listing does not show. */
  readonly hidden: readonly MetLog[]
  /** Base chains that refuse the rest without a log. */
  readonly silentDrops: readonly string[]
}

/** Other links looked at; further ones are taken to be like these. */
const LINKS_MAX = 8

/** Null when the ruleset is not known, or is none. */
export function logCoverage(facts: MachineFacts): LogCoverage | null {
  if (!isKnown(facts.ruleset)) return null
  const document = readRulesetDocument(facts.ruleset)
  const ruleset = parseRuleset(facts.ruleset)
  if ('problem' in document || 'problem' in ruleset) return null
  const read = createConditionReader(document.sets)
  const all = [...ruleset.rules.values()].flat()
  const lacking = new Map<string, Direction[]>()
  const partial: string[] = []
  const met = new Map<string, MetLog>()
  const silentDrops = new Set<string>()
  for (const name of facts.wireguard.names) {
    for (const direction of directionsOf(facts)) {
      const walks = waysOf(direction, name, facts.links).map((way) => ({ way, ...walkRules(document, read, way) }))
      for (const { logs, silentDrops: drops } of walks) {
        for (const log of logs) met.set(`${log.ruleset} ${log.handle}`, log)
        for (const drop of drops) silentDrops.add(drop)
      }
      const unseen = walks.filter(({ logs }) => logs.length === 0)
      if (unseen.length === walks.length) lacking.set(name, [...(lacking.get(name) ?? []), direction])
      else if (unseen.length > 0)
        partial.push(
          `${name} ${direction}: ${listText(unseen.map(({ way }) => (way.input === name ? way.output : way.input)))}`,
        )
    }
  }
  return {
    lacking,
    partial,
    rules: all.filter(({ ruleset: place, handle }) => met.has(`${place} ${handle}`)),
    hidden: [...met.values()].filter(({ isHidden }) => isHidden),
    silentDrops: [...silentDrops],
  }
}

/** A machine that forwards nothing has no ways through it. */
function directionsOf({ host }: MachineFacts): Direction[] {
  const isOff = (name: string) => host.sysctls[name] === '0'
  const isHost = isOff('net.ipv4.ip_forward') && isOff('net.ipv6.conf.all.forwarding')
  return isHost ? ['input', 'output'] : ['forward-in', 'forward-out', 'input', 'output']
}

function waysOf(direction: Direction, name: string, links: readonly string[]): Way[] {
  const others = links.length === 0 ? ['eth0'] : links.slice(0, LINKS_MAX)
  switch (direction) {
    case 'input':
      return [{ hook: 'input', input: name, output: '' }]
    case 'output':
      return [{ hook: 'output', input: '', output: name }]
    case 'forward-in':
      return others.map((output) => ({ hook: 'forward', input: name, output }))
    case 'forward-out':
      return others.map((input) => ({ hook: 'forward', input, output: name }))
    default:
      return direction satisfies never
  }
}

/** `Log rules`. */
export function judgeLogRules(facts: MachineFacts): Judgement {
  const area = 'Log rules'
  const { ruleset, wireguard, host, family } = facts
  if (wireguard.names.length === 0) return { area, wells: [], findings: [] }
  if (host.programs['nft'] === '') return { area, wells: [], findings: [noNft(installCommand(family, 'nftables'))] }
  if (!isKnown(ruleset)) return { area, wells: [], findings: [rulesetUnseen(facts, ruleset.problem)] }
  const coverage = logCoverage(facts)
  if (coverage === null) return { area, wells: [], findings: [rulesetUnseen(facts, 'nft printed no ruleset')] }
  const { lacking, rules } = coverage
  const whole = wireguard.names.filter((name) => !lacking.has(name))
  return {
    area,
    wells: [
      ...(whole.length === 0 ? [] : [`${listText(whole)}: new connections are logged in every direction`]),
      ...(rules.length === 0 ? [] : [prefixText(rules)]),
      ...(directionsOf(facts).length === 2
        ? ['this machine forwards nothing (ip_forward is 0): only its own packets count']
        : []),
    ],
    findings: [
      ...lackingFindings(lacking, directionsOf(facts).length),
      ...partialFindings(coverage.partial),
      ...verdictFindings(rules),
      ...sampledFindings(rules),
      ...groupFindings(facts, rules),
      ...hiddenFindings(coverage.hidden),
      ...silentFindings(coverage.silentDrops, wireguard.names),
      ...namespaceFindings(facts),
    ],
  }
}

function prefixText(rules: readonly LogRule[]): string {
  const prefixes = [...new Set(rules.map(({ prefix }) => prefix.trim()).filter((prefix) => prefix !== ''))]
  const shown = prefixes.slice(0, 6).map((prefix) => `"${prefix}"`)
  return `prefixes ${shown.join(', ')}${prefixes.length > 6 ? `, and ${prefixes.length - 6} more` : ''}`
}

function noNft(install: string): Finding {
  return {
    id: 'no-nft',
    severity: 'missing',
    what: 'The program nft is not installed.',
    consequence: 'Verdicts are read from the ruleset. Without it only prefixes named in pipeline.yaml have one.',
    mend: [install],
  }
}

function rulesetUnseen({ isNetAdmin }: MachineFacts, problem: string): Finding {
  return isNetAdmin
    ? {
        id: 'nft-fails',
        severity: 'missing',
        what: `The ruleset cannot be listed: ${problem}`,
        consequence: 'Verdicts are read from it. Without it only prefixes named in pipeline.yaml have one.',
        mend: ['nft -j -a list ruleset'],
      }
    : {
        id: 'ruleset-unseen',
        severity: 'unseen',
        what: 'The ruleset could not be looked at: that takes CAP_NET_ADMIN.',
        consequence: 'Whether packets of peers are logged is not known.',
        mend: ['sudo peertrail doctor'],
      }
}

/** Interfaces that lack the same are told of together. */
function lackingFindings(lacking: LogCoverage['lacking'], directionCount: number): Finding[] {
  const alike = Map.groupBy(lacking, ([, directions]) => directions.join())
  return [...alike.values()].map((group) => {
    const names = listText(group.map(([name]) => name))
    const directions = group[0]?.[1] ?? []
    const isAll = directions.length === directionCount
    return {
      id: 'no-log-rule',
      severity: 'missing',
      what: isAll
        ? `${names}: no log rule sees any packet.`
        : `${names}: no log rule sees packets ${listText(directions.map((each) => DIRECTIONS[each]))}.`,
      consequence: `These connections have no verdict and no proof of their interface${directions.includes('forward-in') ? '; what is refused leaves no trace' : ''}.`,
      mend: ['peertrail init          # shows the rules as a diff', 'peertrail init --apply  # loads them'],
    }
  })
}

function partialFindings(partial: readonly string[]): Finding[] {
  return partial.map((text) => {
    const [, name = '', direction = '', links = ''] = /^(\S+) (\S+): (.*)$/.exec(text) ?? []
    return {
      id: 'log-rule-partial',
      severity: 'missing',
      what: `${name}: packets ${direction === 'forward-in' ? 'to' : 'from'} ${links} meet no log rule, those of other links do.`,
      consequence: 'These connections have no verdict and no proof of their interface.',
      mend: [`# extend the rule in your ruleset, or: peertrail init --apply`],
    }
  })
}

function placeOf({ prefix, ruleset, handle }: LogRule): string {
  return `${prefix === '' ? 'without prefix' : `"${prefix.trim()}"`} (${ruleset}, handle ${handle})`
}

function verdictFindings(rules: readonly LogRule[]): Finding[] {
  const unnamed = rules.filter(({ prefix, group }) => prefix === '' && group < 0)
  const unclear = rules.filter(({ prefix, verdict }) => prefix !== '' && verdict === 'unknown')
  return [
    ...unnamed.map(
      (rule): Finding => ({
        id: 'no-prefix',
        severity: 'wrong',
        what: `A log rule has no prefix: ${rule.ruleset}, handle ${rule.handle}.`,
        consequence: 'Its lines cannot be told from those of other rules: they have neither rule nor verdict.',
        mend: [`# give it a prefix of its own, ended by a blank: log prefix "wg-accept: "`],
      }),
    ),
    ...unclear.map(
      (rule): Finding => ({
        id: 'no-verdict',
        severity: 'missing',
        what: `The verdict of log rule ${placeOf(rule)} cannot be told.`,
        consequence:
          'What is logged there may be accepted, dropped or rejected by later rules: documents say `unknown`.',
        mend: [
          `# put the log into the rule that decides (… log prefix "wg-accept: " accept), or name the verdict in pipeline.yaml: hosts.NAME.prefixes: [{ match: "${safeText(rule.prefix)}", verdict: accepted }]`,
        ],
      }),
    ),
  ]
}

function sampledFindings(rules: readonly LogRule[]): Finding[] {
  return rules
    .filter(({ sampled }) => sampled)
    .map((rule) => ({
      id: 'sampled-rule',
      severity: 'wrong',
      what: `Log rule ${placeOf(rule)} is limited: it logs some of its packets and not the others.`,
      consequence:
        'What a limit leaves out leaves no trace. Every minute of this prefix counts as sampled, none as complete.',
      mend: [
        `nft -a list chain ${rule.ruleset}`,
        `# then nft replace rule ${rule.ruleset} handle ${rule.handle} … without limit rate`,
      ],
    }))
}

function groupFindings({ processes, seesProcesses, family }: MachineFacts, rules: readonly LogRule[]): Finding[] {
  const groups = [...new Set(rules.filter(({ group }) => group >= 0).map(({ group }) => group))].sort((a, b) => a - b)
  if (groups.length === 0 || processes.includes('ulogd') || !seesProcesses) return []
  return [
    {
      id: 'group-without-ulogd',
      severity: 'wrong',
      what: `Rules log to group ${listText(groups.map(String))}, and no ulogd runs to take the packets.`,
      consequence: 'They are logged nowhere: the kernel gives them up without a word.',
      mend: [
        installCommand(family, 'ulogd'),
        'install -m 0644 deploy/ulogd/ulogd.conf /etc/ulogd.conf',
        `systemctl enable --now ${family === 'redhat' ? 'ulogd' : 'ulogd2'}`,
      ],
    },
  ]
}

function hiddenFindings(hidden: readonly MetLog[]): Finding[] {
  if (hidden.length === 0) return []
  const places = [...new Set(hidden.map(({ ruleset }) => ruleset))]
  return [
    {
      id: 'iptables-log',
      severity: 'missing',
      what: `iptables logs in ${listText(places.slice(0, 4))}; the ruleset does not show the prefixes of such rules.`,
      consequence: 'Their lines are read and have no verdict, unless pipeline.yaml names it.',
      mend: [
        'iptables-save | grep LOG',
        '# then in pipeline.yaml, hosts.NAME.prefixes: { match: "PREFIX ", verdict: dropped }',
      ],
    },
  ]
}

function silentFindings(drops: readonly string[], names: readonly string[]): Finding[] {
  return drops.map((chain) => ({
    id: 'silent-drop',
    severity: 'missing',
    what: `What ${chain} refuses at its end is not logged.`,
    consequence: 'Refused attempts of peers leave no trace: neither in the log nor in connection tracking.',
    // The way in is what matters most; output chains see no iifname.
    mend: [
      `nft add rule ${chain} ${/output/.test(chain) ? 'oifname' : 'iifname'} ${names.length === 1 ? `"${names[0]}"` : `'{ ${names.map((name) => `"${name}"`).join(', ')} }'`} log prefix '"wg-deny: "'`,
      '# and the same at the end of that chain in the file the ruleset is loaded from',
    ],
  }))
}

/** nf_log_all_netns exists outside of namespaces only. */
function namespaceFindings({ host, namespaces }: MachineFacts): Finding[] {
  const value = host.sysctls['net.netfilter.nf_log_all_netns']
  if (value === '1') return []
  if (typeof value === 'string' && namespaces.length > 0)
    return [
      {
        id: 'log-in-namespaces',
        severity: 'advice',
        what: `nf_log_all_netns is 0, and there are other network namespaces (${listText(namespaces.slice(0, 3))}${namespaces.length > 3 ? ', …' : ''}).`,
        consequence:
          'Log rules inside of them write nothing, silently. It matters where WireGuard or the firewall lives in one.',
        mend: [
          'sysctl -w net.netfilter.nf_log_all_netns=1',
          'install -m 0644 deploy/sysctl/60-peertrail.conf /etc/sysctl.d/',
        ],
      },
    ]
  // The other settings are there and this one is not: we are inside of a namespace ourselves.
  if (typeof value !== 'string' && typeof host.sysctls['net.netfilter.nf_conntrack_acct'] === 'string')
    return [
      {
        id: 'log-inside-namespace',
        severity: 'unseen',
        what: 'This is the inside of a network namespace; whether log rules write anything here is set outside of it.',
        consequence: 'With nf_log_all_netns = 0 they write nothing, silently.',
        mend: ['# on the machine around this one: sysctl net.netfilter.nf_log_all_netns'],
      },
    ]
  return []
}
