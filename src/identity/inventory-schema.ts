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

/** Whether it can be a key of WireGuard; private and preshared keys look alike. */
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

const period = {
  since: instant.optional().describe('first moment it holds; without it, always did'),
  until: instant.optional().describe('first moment it does not hold any more; without it, still does'),
}

const person = section({
  email: email.describe('names the person everywhere in this file'),
  name: words().describe('for people'),
  groups: groups.optional().describe("count for all of the person's devices"),
  until: instant.optional().describe('when the person left: groups end then, devices keep their owner'),
})

const gateway = section({
  name: machineName.describe("in a capture: the folder's name"),
  interfaces: z.array(interfaceName).describe('its WireGuard interfaces'),
  sources: z
    .array(source)
    .optional()
    .describe('what must be there: one that never speaks is a gap from the first minute'),
  identity_enforced_by: words()
    .optional()
    .describe(
      'what makes people prove who they are before this gateway lets them in, if anything does; reports say it',
    ),
})

const host = section({
  name: machineName.describe("in a capture: the folder's name"),
  addresses: z.array(address).optional().describe('its own addresses'),
  sources: z.array(source).optional().describe('what must be there'),
})

const allowedIpSection = section({
  prefix: prefix.describe('address or prefix; host bits are masked'),
  requirement: words().optional().describe("why it is needed: a ticket, a requirement's number"),
  expires: instant.optional().describe('when it is to be looked at again'),
})
const allowedIp = z.union([prefix, allowedIpSection], {
  error: 'expected a prefix, or keys with values: prefix, requirement, expires',
})

const peer = section({
  name: words().describe('what documents call it'),
  kind: z.enum(['device', 'site', 'server']).describe("someone's machine, a network behind a key, or a server"),
  owner: email.nullable().optional().describe('who answers for it, by e-mail; either this or `owners`'),
  owners: z
    .array(section({ email: email.describe('of one of `people`'), ...period }))
    .optional()
    .describe('owners one after the other'),
  groups: groups.optional().describe("of this device alone, added to its owner's"),
  device: words().optional().describe('make and model'),
  gateway: machineName.describe('one of `gateways`'),
  interface: interfaceName.describe('the WireGuard interface it is a peer on'),
  keys: z
    .array(section({ public_key: publicKey.describe('as `wg show` prints it'), ...period }))
    .describe('its public keys; a rotation is one more line'),
  allowed_ips: z.array(allowedIp).optional().describe('what it should hold; what runs is read from `wg show`'),
  requirement: words().optional().describe('why it may connect at all'),
  expires: instant.optional().describe('when it is to be looked at again'),
  rotate_every: duration.optional().describe('how old its key may become'),
})

const resource = section({
  name: words().describe('what documents call it'),
  addresses: z.array(prefix).describe('addresses or prefixes, as they are after destination NAT'),
  ports: z.array(service).optional().describe('transport and port such as tcp/5432; without it any'),
  owner: words().optional().describe('person or team'),
  classification: words().optional().describe('in your own words'),
})

const policyLine = section({
  groups: groups.describe('any of these'),
  resources: z.array(words()).describe('may reach any of these, by name'),
  ...period,
})

const kernelPolicy = section({
  kernel_patch_window: duration.describe('how long a newer kernel that is installed may wait to be booted'),
})
const policyEntry = z.union([policyLine, kernelPolicy], {
  error: 'expected keys with values: groups and resources, or kernel_patch_window',
})

const exception = section({
  check: words().describe('the check that is excused'),
  peer: words().describe('for whom'),
  reason: words().describe('why'),
  approved_by: words().describe('by whom'),
  until: instant.optional().describe('until when; without it for good'),
})

export const inventorySchema = section({
  version: z.literal(1).describe('of this format'),
  people: z.array(person).optional().describe('who owns devices'),
  gateways: z.array(gateway).optional().describe('machines with WireGuard interfaces: what must be covered'),
  hosts: z.array(host).optional().describe('machines behind them'),
  peers: z.array(peer).optional().describe('who should hold which key'),
  resources: z
    .array(resource)
    .optional()
    .describe('what is reached; the most specific match wins: port first, then prefix'),
  policy: z
    .array(policyEntry)
    .optional()
    .describe('documented access, whose lines add up and where no line means none, and what else is prescribed'),
  exceptions: z.array(exception).optional().describe('findings that are known and accepted'),
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
