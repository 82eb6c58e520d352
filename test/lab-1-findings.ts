/**
 * What a replay of lab-1 must find, by its truth alone: rule, machine, peer's key and what tells it from others of the same rule. And
 * the same of documents.
 */
import type { Fields } from '../src/fields.ts'
import type { Truth } from './lab-1-acts.ts'

const RULES_OF_PLANTED: ReadonlyMap<string, string> = new Map([
  ['peer_not_in_inventory', 'unknown-peer'],
  ['expired_peer_still_active', 'key-expired'],
  ['counters_grow_with_stale_handshake', 'one-way-traffic'],
])
const SOURCES_OF_GAPS: ReadonlyMap<string, string> = new Map([
  ['kern.log', 'nftables'],
  ['wg.snapshots', 'wireguard'],
])

/** Sorted, each once. */
export function expectedFindings(truth: readonly Truth[]): string[] {
  return [...new Set([...ofPeers(truth), ...ofFlows(truth), ...ofLogins(truth), ...ofSources(truth)])].sort()
}

/** As `expectedFindings` words them. */
export function findingLine(finding: Fields): string {
  const rule = finding['rule.id'] ?? ''
  const host = finding['host.name'] ?? ''
  const key = finding['wireguard.peer.public_key'] ?? ''
  switch (rule) {
    case 'undocumented-access':
      return words(rule, host, key, finding['wireguard.resource.name'])
    case 'port-scan':
      return words(rule, host, key, finding['destination.ip'])
    case 'watched-file':
    case 'privilege-from-peer':
      return words(rule, host, key, `session ${finding['auditd.session'] ?? ''}`)
    case 'collection-gap':
    case 'forged-lines':
      return words(rule, host, finding['wireguard.coverage.source'])
    case 'overbroad-allowed-ips':
      return words(rule, host, key, finding['wireguard.finding.subject']?.split(' ').at(-1))
    default:
      return words(rule, host, key)
  }
}

function ofPeers(truth: readonly Truth[]): string[] {
  return truth.flatMap(({ kind, what = '', gateway, key, live = [], documented = [] }) => {
    if (kind !== 'planted') return []
    const rule = RULES_OF_PLANTED.get(what)
    if (rule !== undefined) return [words(rule, gateway, key)]
    if (what !== 'allowed_ips_broader_than_documented') return []
    return live
      .filter((prefix) => !documented.includes(prefix))
      .map((prefix) => words('overbroad-allowed-ips', gateway, key, prefix))
  })
}

function ofFlows(truth: readonly Truth[]): string[] {
  return truth.flatMap(({ kind, gateway, key, policy, expect, connected, resource, spans, peer, dst }) => {
    if (kind === 'scan') {
      const one = truth.find((flow) => flow.kind === 'flow' && flow.peer === peer)
      return [words('port-scan', one?.gateway, one?.key, dst)]
    }
    if (kind !== 'flow') return []
    return [
      ...(policy === 'violation' && expect === 'accept' && connected === true
        ? [words('undocumented-access', gateway, key, resource ?? '')]
        : []),
      ...(spans === 'key rotation' || spans === 'revocation' ? [words('holder-changed', gateway, key)] : []),
      ...(spans === 'revocation' ? [words('survived-removal', gateway, key)] : []),
    ]
  })
}

function ofLogins(truth: readonly Truth[]): string[] {
  return truth.flatMap(({ kind, host, key, ses, commands = [], expect_audit: isAudited, peer }) => {
    if (kind === 'file_access' && isAudited === true) return [words('watched-file', host, key, `session ${ses}`)]
    if (kind === 'ssh' && commands.some((command) => command.startsWith('sudo ')))
      return [words('privilege-from-peer', host, key, `session ${ses}`)]
    if (kind === 'hostile_exec') {
      const login = truth.find(
        (each) =>
          each.kind === 'ssh' && each.peer === peer && each.commands?.some((command) => command.includes('hostile')),
      )
      return [words('hostile-process-name', host, login?.key)]
    }
    if (kind !== 'hostile_login') return []
    return [words('hostile-login', host, truth.find((flow) => flow.kind === 'flow' && flow.peer === peer)?.key)]
  })
}

function ofSources(truth: readonly Truth[]): string[] {
  return truth.flatMap(({ kind, source = '', gateway, host, expect_absent: isAbsent = false }) => {
    if (kind === 'gap') return [words('collection-gap', gateway, SOURCES_OF_GAPS.get(source) ?? source)]
    if (kind !== 'forged' || isAbsent) return []
    return [source === 'audit' ? words('forged-lines', host, 'auditd') : words('forged-lines', gateway, 'nftables')]
  })
}

function words(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(' ')
}
