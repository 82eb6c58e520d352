/**
 * The site's slow-changing documents: `nft -j list ruleset`, `wg show all dump` and the inventory, as a capture directory
 * holds them (design 8.1, 8.2; grammars: libnftables-json(5), wg(8)).
 */
import { GATEWAY, GATEWAY_ADDRESS, GROUPS, RULES, type SitePeer, type SiteRule, WG_INTERFACE } from './site.ts'

/** The ruleset in the order of RULES; a logging rule carries its verdict. */
export function rulesetJson(): string {
  const table = { family: 'inet', table: 'edge' }
  const chain = { ...table, name: 'forward_wg', handle: 1, type: 'filter', hook: 'forward', prio: 0, policy: 'drop' }
  const nat = { ...table, name: 'pre_nat', handle: 2, type: 'nat', hook: 'prerouting', prio: -100, policy: 'accept' }
  const established = [
    { match: { op: 'in', left: { ct: { key: 'state' } }, right: ['established', 'related'] } },
    { accept: null },
  ]
  const rules = [established, ...RULES.map(ruleExpressions)].map((expr, i) => ({
    rule: { ...table, chain: 'forward_wg', handle: i + 3, expr },
  }))
  const translations = RULES.flatMap((rule, i) =>
    rule.dialled === null ? [] : [{ rule: { ...table, chain: 'pre_nat', handle: 100 + i, expr: translation(rule) } }],
  )
  const metainfo = { version: '1.0.6', release_name: 'Lester Gooch #5', json_schema_version: 1 }
  const head = [{ metainfo }, { table: { family: 'inet', name: 'edge', handle: 1 } }, { chain }, { chain: nat }]
  return JSON.stringify({ nftables: [...head, ...rules, ...translations] })
}

function ruleExpressions(rule: SiteRule): object[] {
  const address = rule.family === 4 ? 'ip' : 'ip6'
  const port =
    rule.protocol === 'ICMP'
      ? equals({ meta: { key: 'l4proto' } }, 'icmp')
      : equals({ payload: { protocol: rule.protocol.toLowerCase(), field: 'dport' } }, rule.destination.port)
  return [
    equals({ meta: { key: 'iifname' } }, WG_INTERFACE),
    equals({ payload: { protocol: address, field: 'daddr' } }, rule.destination.ip),
    port,
    { match: { op: 'in', left: { ct: { key: 'state' } }, right: 'new' } },
    { log: { prefix: rule.prefix } },
    { [rule.verdict]: null },
  ]
}

function translation(rule: SiteRule): object[] {
  return [
    equals({ meta: { key: 'iifname' } }, WG_INTERFACE),
    equals({ payload: { protocol: 'ip', field: 'daddr' } }, GATEWAY_ADDRESS),
    equals({ payload: { protocol: 'tcp', field: 'dport' } }, rule.dialled?.port ?? 0),
    { dnat: { family: 'ip', addr: rule.destination.ip, port: rule.destination.port } },
  ]
}

function equals(left: object, right: string | number): object {
  return { match: { op: '==', left, right } }
}

/** Rows of one poll of `wg show all dump`; `seconds` is the gateway's clock, from which handshakes are dated. */
export function snapshotText(peers: readonly SitePeer[], iso: string, seconds: number, poll: number): string {
  const key = `${'A'.repeat(42)}A=`
  const rows = peers.map((peer, i) => {
    const handshake = seconds - ((seconds + i * 7) % 120)
    const endpoint = `198.51.100.${(i % 250) + 1}:${20_000 + i}`
    return `${WG_INTERFACE}\t${peer.publicKey}\t(none)\t${endpoint}\t${peer.v4}/32,${peer.v6}/128\t${handshake}\t${poll * 1000 + i}\t${poll * 3000 + i}\toff\n`
  })
  return `# ${iso} ${GATEWAY}\n${WG_INTERFACE}\t(hidden)\t${key}\t51820\toff\n${rows.join('')}`
}

/** Every peer documented with owner, group and both addresses; every destination catalogued; every group allowed. */
export function inventoryYaml(peers: readonly SitePeer[], sources: readonly string[]): string {
  const owners = [...new Set(peers.map((peer) => peer.owner))].sort()
  const resources = RULES.filter((rule) => rule.protocol !== 'ICMP')
  return [
    'version: 1',
    'people:',
    ...owners.map((email) => `  - { email: ${email}, name: ${email.slice(0, email.indexOf('@'))} }`),
    'gateways:',
    `  - { name: ${GATEWAY}, interfaces: [${WG_INTERFACE}], sources: [${sources.join(', ')}] }`,
    'peers:',
    ...peers.flatMap((peer) => [
      `  - name: ${peer.name}`,
      '    kind: device',
      `    owner: ${peer.owner}`,
      `    groups: [${peer.group}]`,
      '    device: ThinkPad T14',
      `    gateway: ${GATEWAY}`,
      `    interface: ${WG_INTERFACE}`,
      '    keys:',
      `      - { public_key: "${peer.publicKey}", since: 2026-01-10 }`,
      '    allowed_ips:',
      `      - ${peer.v4}/32`,
      `      - "${peer.v6}/128"`,
    ]),
    'resources:',
    ...resources.map(
      (rule) =>
        `  - { name: ${resourceName(rule)}, addresses: ["${rule.destination.ip}"], ports: [${rule.protocol.toLowerCase()}/${rule.destination.port}], owner: data-team, classification: restricted }`,
    ),
    'policy:',
    `  - { groups: [${GROUPS.join(', ')}], resources: [${resources.map(resourceName).join(', ')}] }`,
    '',
  ].join('\n')
}

/** `[edge] wg-allow web: ` → `allow-web`. */
function resourceName(rule: SiteRule): string {
  return rule.prefix.slice(rule.prefix.indexOf('wg-') + 3, -2).replace(' ', '-')
}
