/**
 * The shape of an inventory file (design 8.2), one value at a time; what needs two values to judge is in inventory-checks.ts.
 * Dates are instants and prefixes canonical from here on. Prefixes with host bits are masked, as `wg set` does.
 */
import { z } from 'zod'
import { canonicalAddress, canonicalPrefix } from '../address.ts'
import { interfaceName, machineName } from '../machine-names.ts'
import { DURATION_EXPECTED, INSTANT_EXPECTED, parseDuration, parseInstant } from '../quantities.ts'
import { matching, parsed, section, words } from '../schema-problems.ts'

/** A Curve25519 key: 32 bytes, so the last of the 43 characters has its two low bits clear. */
const PUBLIC_KEY = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/
const EMAIL = /^[^\s@\p{Cc}]{1,64}@[^\s@\p{Cc}]{1,253}$/u
const SERVICE = /^(tcp|udp|udplite|sctp|dccp)\/([1-9]\d{0,4})$/

export function isPublicKey(text: string): boolean {
  return PUBLIC_KEY.test(text)
}

const email = matching('expected an e-mail address', (text) => EMAIL.test(text))
const publicKey = matching('expected a public key: 44 characters of base64 for 32 bytes', isPublicKey)
const instant = parsed(INSTANT_EXPECTED, parseInstant).nullable()
const duration = parsed(DURATION_EXPECTED, parseDuration)
const address = parsed('expected an IP address', canonicalAddress)
const prefix = parsed('expected an address or prefix such as 10.8.0.2/32 or fd08::/64', canonicalPrefix)
const service = matching('expected transport and port such as tcp/5432', isService)
const GROUPS_EXPECTED = 'expected the name of a group'
const groups = z.array(words(GROUPS_EXPECTED))
const source = z.enum(['nftables', 'conntrack', 'wireguard', 'auditd', 'hostfacts'])

const period = { since: instant.optional(), until: instant.optional() }

const person = section({ email, name: words(), groups: groups.optional(), until: instant.optional() })

const gateway = section({ name: machineName, interfaces: z.array(interfaceName), sources: z.array(source).optional() })

const host = section({ name: machineName, addresses: z.array(address).optional(), sources: z.array(source).optional() })

const allowedIp = z.union([prefix, section({ prefix, requirement: words().optional(), expires: instant.optional() })], {
  error: 'expected a prefix, or keys with values: prefix, requirement, expires',
})

const peer = section({
  name: words(),
  kind: z.enum(['device', 'site', 'server']),
  owner: email.nullable().optional(),
  owners: z.array(section({ email, ...period })).optional(),
  groups: groups.optional(),
  device: words().optional(),
  gateway: machineName,
  interface: interfaceName,
  keys: z.array(section({ public_key: publicKey, ...period })),
  allowed_ips: z.array(allowedIp).optional(),
  requirement: words().optional(),
  expires: instant.optional(),
  rotate_every: duration.optional(),
})

const resource = section({
  name: words(),
  addresses: z.array(prefix),
  ports: z.array(service).optional(),
  owner: words().optional(),
  classification: words().optional(),
})

const policyLine = section({ groups, resources: z.array(words()), ...period })

const exception = section({
  check: words(),
  peer: words(),
  reason: words(),
  approved_by: words(),
  until: instant.optional(),
})

export const inventorySchema = section({
  version: z.literal(1),
  people: z.array(person).optional(),
  gateways: z.array(gateway).optional(),
  hosts: z.array(host).optional(),
  peers: z.array(peer).optional(),
  resources: z.array(resource).optional(),
  policy: z.array(policyLine).optional(),
  exceptions: z.array(exception).optional(),
})

export type InventoryDocument = z.output<typeof inventorySchema>

/** JSON Schema (draft 2020-12) of inventory files, for editors. */
export function inventoryJsonSchema(): object {
  return z.toJSONSchema(inventorySchema, { io: 'input' })
}

function isService(text: string): boolean {
  const match = SERVICE.exec(text)
  return match !== null && Number(match[2]) <= 65_535
}
