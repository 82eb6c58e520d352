/**
 * Somebody changed the packet filter or emptied the connection table of a machine: the kernel's own NETFILTER_CFG records, and nft,
 * iptables and `conntrack -D`, `-F` as commands. By whom decides how much it weighs: a login that came through the tunnel, another login, or a
 * program without any.
 *
 * Programs without a login (a container runtime, fail2ban, the boot) change rules all day: one finding for each program of a machine, and
 * none for what happens around a start of auditd, which is how a boot looks.
 */
import { type Event, fieldOf } from '../event.ts'
import { quoteText } from '../kql/print-query.ts'
import { DAY, MINUTE, type Micros, SECOND } from '../time.ts'
import type { Detection, DetectionAbout, DetectionContext, DetectionKind } from './catalogue/detection.ts'
import { createEscalating, type Raised, type SavedEscalating } from './catalogue/escalating.ts'
import { exceptionFor, excused } from './catalogue/exceptions.ts'
import {
  aboutLogin,
  accountOf,
  baseName,
  commandText,
  listed,
  placeOfLogin,
  queryOfLogin,
  sessionOfPeer,
} from './catalogue/login-words.ts'
import { type Described, peerName } from './catalogue/thresholds.ts'

/** Changes within this time of the first are one finding. */
const WINDOW: Micros = MINUTE
/** By the same login or program nothing is told again until it was quiet for this long. */
const SUPPRESSION: Micros = DAY
/** Rules are loaded at most this long before or after auditd starts at boot. */
const BOOT: Micros = 2 * MINUTE
/** Starts of auditd that are remembered, the latest of each machine. */
const STARTS_MAX = 20_000

const BY_PROGRAM = 1
const BY_LOGIN = 2
const BY_PEER = 3

/** What changes the filter or the table, as KQL. */
const CHANGES =
  'wireguard.change.target : "nftables" or (event.action : "executed" and process.executable : */conntrack)'

const ABOUT: DetectionAbout = {
  id: 'firewall-changed',
  title: 'Firewall rules or connection table changed',
  severity: 2,
  origin: 'detection',
  description:
    'Rules of nftables or iptables were changed, or connection tracking entries deleted. On a gateway that can open a way past the ' +
    'policy, or stop the packet log that all of this is built on.',
  runbook: [
    'Who was it: the login session of the finding, else the program.',
    'What changed: `nft -a list ruleset` against the rules you keep; `peertrail posture` holds logging rules against the interfaces.',
    "Did the packet log go on: `peertrail search 'event.dataset : wireguard.coverage and event.action : source-gap'`.",
    'A change nobody ordered: load the kept rules again, and look at all that the session did.',
  ],
  attack: [
    { id: 'T1562.004', name: 'Disable or Modify System Firewall', tactic: { id: 'TA0005', name: 'Defense Evasion' } },
  ],
  limits: {
    window: '60 s from the first change',
    boot: 'a program without a login is not told of within 2 min of a start of auditd on that machine',
    severity: "low: a program without a login; medium: a login; high: a peer's login",
  },
  suppression: SUPPRESSION,
  baseline: 0,
  query: `event.dataset : "wireguard.audit" and (${CHANGES})`,
  knownGaps: [
    'Only machines with auditd are seen; a change through another netlink program than nft and iptables shows by NETFILTER_CFG alone.',
    'Which network namespace was changed is not recorded: a container that starts looks like a change of its host.',
    'A program without a login that was told of today is not told of again while it goes on, whatever it changes.',
    'Who restarts auditd from a service just before or after is taken for a boot.',
  ],
}

type Saved = { readonly starts: Map<string, Micros>; readonly findings: SavedEscalating }

export const firewallChanged: DetectionKind = {
  about: ABOUT,
  reads: ['wireguard.coverage'],
  wants: (event) =>
    fieldOf(event, 'event.action') === 'source-started' && fieldOf(event, 'wireguard.coverage.source') === 'auditd',
  tallies: [{ reads: ['wireguard.audit'], span: 10 * SECOND, keyOf, distinctOf: changeWords }],
  open,
}

function open({ emit, inventory, saved: before }: DetectionContext): Detection {
  // What was saved under the detection's id is what `save` below gave.
  const saved = before as Saved | undefined
  /** By machine, the latest. */
  const starts = saved?.starts ?? new Map<string, Micros>()
  const describe = (found: Raised): Described | null => {
    const { first, firstAt, rank } = found
    const start = starts.get(first['host.name'] ?? '')
    const isBoot = start !== undefined && Math.abs(start - firstAt) <= BOOT
    if (rank === BY_PROGRAM && isBoot) return null
    return {
      ...describeChange(found),
      ...excused(exceptionFor(inventory, ABOUT.id, first['wireguard.peer.name'] ?? '', firstAt)),
    }
  }
  const findings = createEscalating({ about: ABOUT, window: WINDOW, isRenewed: true, describe }, emit, saved?.findings)
  return {
    observe({ fields, at }) {
      // What a finding may know of starts is the same whenever it is asked: those before it was closed.
      findings.tick(at)
      const host = fields['host.name'] ?? ''
      const latest = Math.max(starts.get(host) ?? at, at)
      starts.delete(host)
      starts.set(host, latest)
      if (starts.size <= STARTS_MAX) return
      const oldest = starts.keys().next()
      if (oldest.done !== true) starts.delete(oldest.value)
    },
    tally(tally) {
      const [rank, subject = ''] = tally.key.split('\0')
      findings.add(subject, Number(rank), tally)
    },
    tick: (watermark) => findings.tick(watermark),
    save: () => ({ starts, findings: findings.save() }) satisfies Saved,
  }
}

/** `rank\0subject`: who did it. */
function keyOf(event: Event): string | null {
  if (!isChange(event)) return null
  const session = sessionOfPeer(event)
  if (session !== null) return `${BY_PEER}\0${session}`
  const host = fieldOf(event, 'host.name') ?? ''
  const login = fieldOf(event, 'auditd.session')
  if (login !== undefined) return `${BY_LOGIN}\0${host} login session ${login}`
  return `${BY_PROGRAM}\0${host} ${fieldOf(event, 'process.executable') ?? fieldOf(event, 'process.name') ?? 'unknown program'}`
}

function isChange(event: Event): boolean {
  if (fieldOf(event, 'event.outcome') === 'failure') return false
  if (fieldOf(event, 'wireguard.change.target') === 'nftables')
    // Counters that are read and set to zero; nothing else begins so.
    return fieldOf(event, 'auditd.data.op')?.startsWith('nft_reset') !== true
  if (fieldOf(event, 'event.action') !== 'executed') return false
  const executable = fieldOf(event, 'process.executable')
  return (
    executable !== undefined && baseName(executable) === 'conntrack' && isDeletion(fieldOf(event, 'process.args') ?? [])
  )
}

function isDeletion(words: readonly string[]): boolean {
  return words.some((word) => /^(-[DF]|--delete|--flush)$/.test(word))
}

/** The command where there is one, else what the kernel says was done. */
function changeWords(event: Event): string {
  const words = fieldOf(event, 'process.args')
  if (words !== undefined) return commandText(words)
  const op = fieldOf(event, 'auditd.data.op') ?? 'a change'
  const table = fieldOf(event, 'auditd.data.table')
  return table === undefined ? op : `${op} in table ${table}`
}

function describeChange({ rank, distinct, first, count }: Raised): Described {
  const host = first['host.name'] ?? 'a host'
  const what = `${count === 1 ? 'a change' : `${count} changes`} of firewall or connection table`
  const details = `: ${listed(distinct)}`
  if (rank === BY_PEER)
    return {
      summary: `${peerName(first)} made ${what} on ${placeOfLogin(first)}${details}`,
      severity: 3,
      about: aboutLogin(first),
      query: `${queryOfLogin(first)} and (${CHANGES})`,
    }
  if (rank === BY_LOGIN) {
    const account = accountOf(first)
    return {
      summary: `login session ${first['auditd.session'] ?? ''}${account === '' ? '' : ` of ${account}`} made ${what} on ${host}${details}`,
      severity: 2,
      about: aboutLogin(first),
      query: `${queryOfLogin(first)} and (${CHANGES})`,
    }
  }
  const program = first['process.executable'] ?? first['process.name'] ?? 'a program that was not recorded'
  return {
    summary: `${program} made ${what} on ${host}, without a login${details}`,
    severity: 1,
    about: aboutLogin(first),
    query: `host.name : ${quoteText(host)} and (${CHANGES})`,
  }
}
