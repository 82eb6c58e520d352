/** The sentences of an exposure report, plain text for any page; names in them are as they came. */
import { type Access, type Reached, targetOf } from '../../posture/reach-access.ts'
import { byDestination, destinationText, servicesText } from '../../posture/reach-text.ts'
import type { Doubt } from '../../sources/nftables/reach-traveller.ts'
import { shortKeyText } from '../revocation/revocation-tables.ts'
import type { ExposedResource, Exposure } from './exposure.ts'

/** Services of a destination, destinations and peers in one sentence. */
const [SERVICES_MAX, DESTINATIONS_MAX, PEERS_MAX] = [8, 8, 6]

/** What a doubt is called, and what would end it. */
export const DOUBT_TEXTS: { readonly [doubt in Doubt]: string } = {
  set: 'a set that packets or time fill decides',
  limit: 'a rate limit, quota or count decides',
  expression: 'an expression that is not evaluated here decides',
  'way-out':
    'the rules let it out by some interfaces only, and the ruleset does not say which one its address is routed to',
  size: 'the rules cut packets into more parts than are followed',
}

/** What no such report can show. */
export const EXPOSURE_METHOD: readonly string[] = [
  'Reach is worked out from the rules of the gateway alone: what the rules of other machines, routes and reverse path filters add is not looked at.',
  'A resource on the gateway itself is known as such only where the inventory names the gateway among its hosts, or where its address is one of the tunnel that no peer holds (perhaps).',
  'Use is what was recorded; nothing recorded is no proof of no use.',
]

/** `ivy`, `key eVzV4u2wsQZ+…`. */
export function exposedName({ peer }: Exposure): string {
  return peer.name === '' ? `key ${shortKeyText(peer.publicKey)}` : peer.name
}

/** One sentence: what would be open. */
export function exposureSummary(exposure: Exposure): string {
  const { peer } = exposure
  const name = exposedName(exposure)
  return `If ${peer.name === '' ? name : `the key of ${name}`} leaked today: ${openSummary(exposure)}`
}

/** What would be open, without whose key it is: the end of a sentence. */
export function openSummary({ resources, access, peer, isUseKnown }: Exposure): string {
  const usedCount = resources.filter(({ used }) => used !== null && used.connected > 0).length
  const use =
    isUseKnown || usedCount > 0
      ? `it was used with ${counted(usedCount, 'resource')} in the period`
      : 'what it was used for in the period is not known'
  if (!peer.isRunning) return `nothing by this tunnel, the key does not run; ${use}.`
  if (access === null) return `reach not stated, the rules are not known; ${use}.`
  const open = resources.filter(isReachedByRules)
  const over = open.filter(({ isDocumented }) => !isDocumented).length
  const reach = open.length === 0 ? 'no documented resource' : counted(open.length, 'resource')
  const beyond = access.beyond.length > 0 ? ', and addresses beyond the catalogue' : ''
  const policy =
    open.length === 0 ? '' : over === 0 ? ', all granted by policy' : `, ${over} of them granted by no policy`
  return `the rules let it reach ${reach}${policy}${beyond}; ${use}.`
}

/** What a rule leaves open to doubt counts: a leak is judged by the worst. */
export function isReachedByRules({ byRules }: ExposedResource): boolean {
  return byRules === 'yes' || byRules === 'maybe'
}

/** What is open besides resources, a label and a text each. */
export function openTexts(
  { peer }: Exposure,
  { beyond, peers, gateway }: Access,
): readonly (readonly [string, string])[] {
  const own = gateway.map((part) => ({ family: part.family, box: targetOf(part), certainty: part.certainty, part }))
  const met = [...Map.groupBy(peers, ({ publicKey }) => publicKey)]
  const told = met.slice(0, PEERS_MAX).map(([publicKey, prefixes]) => {
    const places = prefixes.map(({ prefix, reached }) => {
      const [widest] = byDestination(reached)
      return widest === undefined ? prefix : `${prefix} ${servicesText(widest, SERVICES_MAX)}`
    })
    return `${shortKeyText(publicKey)} ${places.join(', ')}`
  })
  const more = met.length - told.length
  return [
    [
      'Beyond the catalogue',
      beyond.length === 0 ? 'no address that is no resource' : `${spaceText(beyond)}; resources and peers aside`,
    ],
    [
      'Other peers',
      met.length === 0
        ? 'no other peer'
        : `${counted(met.length, 'other peer')}: ${told.join('; ')}${more > 0 ? ` and ${more} more` : ''}`,
    ],
    ['The gateway', own.length === 0 ? `nothing on ${peer.gateway} itself` : `${peer.gateway} itself: ${ownText(own)}`],
  ]
}

/** As the rules have it, not cut by what is documented. */
function spaceText(beyond: readonly Reached[]): string {
  const parts = [...new Set(beyond.map(({ part }) => part))]
  const isDoubtful = parts.every(({ certainty }) => certainty === 'maybe')
  const text = placesText(
    parts.map((part) => ({ family: part.family, box: targetOf(part) })),
    DESTINATIONS_MAX,
  )
  return isDoubtful ? `perhaps ${text}` : text
}

/** Which of the addresses are its own is not known here: what is open on most of them is what counts. */
function ownText(own: readonly Reached[]): string {
  const widest = (['4', '6'] as const).flatMap((family) =>
    byDestination(own.filter((each) => String(each.family) === family)).slice(0, 1),
  )
  return [...new Set(widest.map((each) => `IPv${each.family} ${servicesText(each, SERVICES_MAX)}`))].join('; ')
}

/** `172.30.51.68 tcp/22, tcp/5432; … and 3 more`. */
export function placesText(reached: readonly Pick<Reached, 'family' | 'box'>[], most: number): string {
  const places = byDestination(reached)
  const told = places.slice(0, most).map((each) => `${destinationText(each)} ${servicesText(each, SERVICES_MAX)}`)
  const more = places.length - told.length
  return `${told.join('; ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** `1 resource`, `2 resources`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
