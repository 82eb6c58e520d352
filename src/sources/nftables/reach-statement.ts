/**
 * What a statement does to a packet that meets it, told from its name: nothing, a verdict, a change, or something only state can tell.
 * A statement that is not known here may do anything.
 *
 * Authority: libnftables-json(5), nft(8) STATEMENTS; net/netfilter/nft_*.c for when one ends its rule.
 */
import { type Doubt, type Passage, type Traveller, withDoubt } from './reach-traveller.ts'
import { CONDITIONAL, NEUTRAL } from './rule-verdict.ts'
import { property, type Statement, textProperty } from './ruleset-document.ts'

export type Act =
  | { readonly kind: 'nothing' | 'leave' | 'accept' | 'drop' | 'return' | 'any' | 'map' }
  /** What follows in the rule holds for some of the packets, nobody knows which. */
  | { readonly kind: 'perhaps'; readonly why: Doubt }
  | { readonly kind: 'change'; readonly change: (traveller: Traveller) => Traveller }
  | { readonly kind: 'go'; readonly target: string; readonly isGoto: boolean }
  | { readonly kind: 'translate'; readonly name: 'dnat' | 'redirect' }

/** Targets of iptables-nft that decide nothing. */
const XT_NEUTRAL = new Set([
  'LOG',
  'NFLOG',
  'ULOG',
  'TRACE',
  'TCPMSS',
  'CLASSIFY',
  'SET',
  'AUDIT',
  'CHECKSUM',
  'DSCP',
  'TTL',
  'HL',
])
/** Source NAT, which ends its chain. */
const XT_ACCEPT = new Set(['MASQUERADE', 'SNAT'])

export function actOf(statement: Statement, { hook, family }: Pick<Passage, 'hook' | 'family'>): Act {
  const { name, body } = statement
  switch (name) {
    case 'accept':
    case 'snat':
    case 'masquerade':
      return { kind: 'accept' }
    case 'drop':
      return { kind: 'drop' }
    case 'reject':
      return rejected(body, family)
    case 'return':
      return { kind: 'return' }
    case 'continue':
      return { kind: 'leave' }
    case 'jump':
    case 'goto':
      return { kind: 'go', target: textProperty(body, 'target'), isGoto: name === 'goto' }
    case 'vmap':
      return { kind: 'map' }
    case 'dnat':
    case 'redirect':
      return hook === 'prerouting' ? { kind: 'translate', name } : { kind: 'accept' }
    case 'notrack':
      return { kind: 'change', change: (traveller) => ({ ...traveller, state: 'untracked' }) }
    case 'mangle':
      return mangled(body)
    case 'xt':
      return extension(body)
    default:
      if (NEUTRAL.has(name)) return { kind: 'nothing' }
      if (!CONDITIONAL.has(name)) return { kind: 'any' }
      return { kind: 'perhaps', why: name === 'set' || name === 'map' ? 'set' : 'limit' }
  }
}

/** The answer's protocol is a demand, too, which the listing leaves out: `reject with icmpv6 …` lets IPv4 pass. */
function rejected(body: unknown, family: Passage['family']): Act {
  const type = textProperty(body, 'type')
  if ((type === 'icmp' && family === 6) || (type === 'icmpv6' && family === 4)) return { kind: 'leave' }
  return { kind: 'drop' }
}

function mangled(body: unknown): Act {
  const [key, value] = [property(body, 'key'), property(body, 'value')]
  if (textProperty(property(key, 'meta'), 'key') === 'mark')
    return { kind: 'change', change: (traveller) => ({ ...traveller, mark: markOf(value, traveller) }) }
  if (textProperty(property(key, 'ct'), 'key') === 'mark')
    return {
      kind: 'change',
      // Where there is no entry nothing is written.
      change: (traveller) =>
        traveller.state === 'invalid' || traveller.state === 'untracked'
          ? traveller
          : { ...traveller, ctMark: markOf(value, traveller) },
    }
  const field = textProperty(property(key, 'payload'), 'field')
  const isPayload = property(key, 'payload') !== undefined
  // Type of service and hop count are no part of what rules are followed by here.
  if (!isPayload || ['dscp', 'ecn', 'ttl', 'hoplimit'].includes(field)) return { kind: 'nothing' }
  return {
    kind: 'change',
    change: (traveller) => ({
      ...traveller,
      isLost: true,
      isDoubtful: true,
      mayAccept: true,
      mayDrop: true,
      why: withDoubt(traveller.why, ['expression']),
    }),
  }
}

function markOf(value: unknown, { mark, ctMark }: Traveller): number | null {
  if (typeof value === 'number') return value
  if (textProperty(property(value, 'meta'), 'key') === 'mark') return mark
  return textProperty(property(value, 'ct'), 'key') === 'mark' ? ctMark : null
}

/** What iptables-nft writes; the listing shows no arguments. */
function extension(body: unknown): Act {
  const name = textProperty(body, 'name')
  if (textProperty(body, 'type') === 'match') return { kind: 'perhaps', why: 'expression' }
  if (XT_NEUTRAL.has(name)) return { kind: 'nothing' }
  if (XT_ACCEPT.has(name)) return { kind: 'accept' }
  if (name === 'MARK' || name === 'CONNMARK')
    return { kind: 'change', change: (traveller) => ({ ...traveller, mark: null, ctMark: null }) }
  return { kind: 'any' }
}
