/**
 * Rules that let peers reach more than the policy grants. The rules of the newest listing are walked for every key of the newest poll,
 * and what they let through is laid over the catalogue. Told by resource, so that one rule that is too wide is one finding; peers an
 * exception names are told one by one.
 */
import { allAddresses, contains } from '../address-range.ts'
import type { Severity } from '../finding-document.ts'
import type { PeerRow } from '../sources/wireguard/record.ts'
import type { MachineView, PostureCheck, PostureResult, PostureView } from './check.ts'
import { NO_INVENTORY, NO_POLL } from './not-known.ts'
import { isGateway } from './posture-view.ts'
import { type Reached, targetOf } from './reach-access.ts'
import { blockingRules, type Overreacher } from './reach-mend.ts'
import { keysLookedAt, overreachOf, type PeerOverreach } from './reach-overreach.ts'
import { regionsOf } from './reach-regions.ts'
import { byDestination, destinationText, servicesText } from './reach-text.ts'
import { aboutPeer, peerText, prefixesText } from './shown-peer.ts'
import { EXTERNAL_REMOTE_SERVICES } from './techniques.ts'

const ID = 'reach-beyond-policy'
/** Of the texts of a catalogue, those that stand for what hurts most when it is read by others. */
const SENSITIVE = new Set(['restricted', 'confidential', 'secret'])
/** Names in a sentence, lines of evidence, services and destinations of one line. */
const [NAMES_MAX, LINES_MAX, SERVICES_MAX, DESTINATIONS_MAX] = [6, 24, 6, 4]

export const NO_RULESET =
  'No ruleset is known: live it takes root to run `nft -j -a list ruleset`, in a capture it stands in ruleset.json or ruleset.snapshots.'
const NO_RESOURCES = 'The inventory names no resources, so there is nothing to lay the rules over.'

export const reachBeyondPolicy: PostureCheck = {
  id: ID,
  title: 'Rules reach beyond the policy',
  description:
    'The rules of the gateway let peers open connections that no line of the documented policy grants. Either the rules are too wide, or the policy lacks a line.',
  severity: 2,
  attack: [EXTERNAL_REMOTE_SERVICES],
  origin: 'posture',
  area: 'Reach',
  knownGaps: [
    'Rules of other machines, routes and reverse path filters are not looked at: what the rules let out may still end elsewhere.',
    'What depends on sets that packets fill, on limits or on expressions that are not evaluated counts as possible.',
    "The gateway's own addresses are known from stored configuration and from a host of its name in the inventory: a resource on another of them is judged as if it lay behind the gateway.",
    'The way out of an address is taken from AllowedIPs; for all others every interface is possible.',
  ],
  look: (machine, view) => {
    if (!isGateway(machine, view)) return []
    const { inventory } = view
    if (machine.wireguard === null) return [{ kind: 'not-checked', reason: NO_POLL }]
    if (inventory === null) return [{ kind: 'not-checked', reason: NO_INVENTORY }]
    if (machine.ruleset === null) return [{ kind: 'not-checked', reason: NO_RULESET }]
    if (inventory.resources.length === 0) return [{ kind: 'not-checked', reason: NO_RESOURCES }]
    const { peers } = machine.wireguard
    if (peers.length === 0) return []
    const { regions, isWhole } = regionsOf(inventory.resources)
    const { host: gateway, at, ruleset: document } = machine
    const addresses = storedAddresses(machine)
    const all = overreachOf({ gateway, at, document, peers, inventory, regions, addresses })
    const named = new Set(inventory.exceptions.filter(({ check }) => check === ID).map(({ peer }) => peer))
    const excepted = all.filter(({ name }) => name !== '' && named.has(name))
    const others = all.filter((each) => !excepted.includes(each))
    const results = [
      ...byResource(others, machine),
      ...bySpace(others, machine),
      ...byPeers(others),
      ...byGateway(others),
      ...excepted.flatMap((each) => ofOne(each, machine, view)),
    ]
    const left = limits(peers.length, isWhole, all)
    // What was not looked at cannot pass.
    return [...results, ...left, ...(left.length > 0 ? [] : passed(results))]
  },
}

/** `Address` of the stored configuration, which has host bits and a length. */
function storedAddresses({ stored }: MachineView): string[] {
  const all = [...(stored?.values() ?? [])].flatMap(({ conf }) => conf.addresses)
  return all.map((address) => address.split('/', 1)[0] ?? '')
}

function passed(results: readonly PostureResult[]): PostureResult[] {
  return results.length > 0
    ? []
    : [{ kind: 'passed', text: 'The rules let no peer reach more than the policy grants.' }]
}

function limits(peers: number, isWhole: boolean, all: readonly PeerOverreach[]): PostureResult[] {
  const reasons: string[] = []
  const left = peers - keysLookedAt(peers)
  if (left > 0) reasons.push(`${left} more peers are not looked at.`)
  if (!isWhole)
    reasons.push('The catalogue has more resources than are compared; its least specific ones are left out.')
  const cut = all.filter(({ access }) => !access.isWhole).length
  if (cut > 0)
    reasons.push(`The rules for ${cut} peers have more parts than are followed; what was not is told as possible.`)
  return reasons.map((reason) => ({ kind: 'not-checked', reason }))
}

/** One finding for each resource and interface. */
function byResource(all: readonly PeerOverreach[], machine: MachineView): PostureResult[] {
  const rows = all.flatMap((each) => each.resources.map((reached) => ({ each, reached })))
  const groups = Map.groupBy(rows, ({ each, reached }) => `${each.peer.interface}\0${reached.resource.name}`)
  return [...groups].flatMap(([subject, group]): PostureResult[] => {
    const [first] = group
    if (first === undefined) return []
    const { resource } = first.reached
    const { interface: name } = first.each.peer
    const isSure = group.some(({ reached }) => reached.certainty === 'yes')
    const kind = resource.classification === '' ? '' : ` (${resource.classification})`
    const overreachers = group.map(({ each, reached }): Overreacher => ({ peer: each.peer, reached: reached.reached }))
    return [
      {
        kind: 'finding',
        subject,
        severity: severityOf(resource.classification, isSure),
        text: `${countText(group.length, 'peer')} on ${name} ${isSure ? 'can' : 'can perhaps'} reach "${resource.name}"${kind}, and policy grants it to none of them: ${namesText(group.map(({ each }) => each))}.`,
        evidence: sharedLines(group.map(({ each, reached }) => ({ each, text: reachedText(reached.reached) }))),
        mend: [
          '# grant it in the policy of the inventory, or close it, for example:',
          ...blockingRules(machine.ruleset, name, overreachers),
        ],
        about: {
          'host.name': machine.host,
          'wireguard.interface.name': name,
          'wireguard.resource.name': resource.name,
          'wireguard.resource.owner': resource.owner === '' ? undefined : resource.owner,
          'wireguard.resource.classification': resource.classification === '' ? undefined : resource.classification,
        },
        exception: null,
      },
    ]
  })
}

/** Address space beyond resources and peers: one finding for all peers that reach the same of it. */
function bySpace(all: readonly PeerOverreach[], machine: MachineView): PostureResult[] {
  const rows = all.filter(({ beyond }) => beyond.length > 0)
  const groups = Map.groupBy(rows, ({ peer, beyond }) => `${peer.interface}\0${spaceLines(beyond).join()}`)
  return [...groups.values()].flatMap((group): PostureResult[] => {
    const [first] = group
    if (first === undefined) return []
    const { interface: name } = first.peer
    const isSure = first.beyond.some(({ certainty }) => certainty === 'yes')
    const isAny = first.beyond.some(({ part }) => contains(part.destination, allAddresses(part.family)))
    return [
      {
        kind: 'finding',
        subject: `${name}\0beyond\0${spaceLines(first.beyond).join()}`,
        severity: isSure && isAny ? 2 : 1,
        text: `${countText(group.length, 'peer')} on ${name} ${isSure ? 'can' : 'can perhaps'} reach addresses that are no documented resource: ${namesText(group)}.`,
        evidence: capped(spaceLines(first.beyond)),
        mend: [
          '# name what they need as resources and grant it, and let the rules accept nothing else: policy drop in the forward chain',
        ],
        about: { 'host.name': machine.host, 'wireguard.interface.name': name },
        exception: null,
      },
    ]
  })
}

/** From peer to peer: nothing in a policy grants that. */
function byPeers(all: readonly PeerOverreach[]): PostureResult[] {
  const groups = Map.groupBy(
    all.filter(({ peers }) => peers.length > 0),
    ({ peer }) => peer.interface,
  )
  return [...groups].map(([name, group]): PostureResult => {
    const isSure = group.some(({ peers }) => peers.some(({ certainty }) => certainty === 'yes'))
    return {
      kind: 'finding',
      subject: `${name}\0peers`,
      severity: isSure ? 2 : 1,
      text: `${countText(group.length, 'peer')} on ${name} ${isSure ? 'can' : 'can perhaps'} open connections to other peers: ${namesText(group)}.`,
      evidence: capped(
        group.map((each) => {
          const places = each.peers
            .slice(0, DESTINATIONS_MAX)
            .map(({ prefix, reached }) => `${prefix} ${servicesOf(reached)}`)
          const more = each.peers.length - places.length
          return `${who(each)}: ${places.join('; ')}${more > 0 ? ` and ${more} more` : ''}`
        }),
      ),
      mend: [
        `# if peers are to be apart: nft insert rule FAMILY TABLE CHAIN iifname "${name}" oifname "${name}" ct state new drop`,
      ],
      about: { 'wireguard.interface.name': name },
      exception: null,
    }
  })
}

/** The gateway's own services, where the rules keep none of them from the peers. */
function byGateway(all: readonly PeerOverreach[]): PostureResult[] {
  const isOpen = ({ access }: PeerOverreach) =>
    access.gateway.some(
      (part) => part.certainty === 'yes' && Number(part.protocol.high) - Number(part.protocol.low) > 64,
    )
  const groups = Map.groupBy(all.filter(isOpen), ({ peer }) => peer.interface)
  return [...groups].map(
    ([name, group]): PostureResult => ({
      kind: 'finding',
      subject: `${name}\0gateway`,
      severity: 1,
      text: `${countText(group.length, 'peer')} on ${name} can open every port of the gateway itself: ${namesText(group)}.`,
      evidence: [`no rule of hook input keeps new connections from ${name} out`],
      mend: [`# let the input chain accept what peers need, and drop the rest: iifname "${name}" ct state new drop`],
      about: { 'wireguard.interface.name': name },
      exception: null,
    }),
  )
}

/** A peer that an exception names: told alone, so that the exception can excuse it. */
function ofOne(each: PeerOverreach, machine: MachineView, view: PostureView): PostureResult[] {
  const { peer, resources, beyond } = each
  if (resources.length === 0 && beyond.length === 0) return []
  const names = resources.map(({ resource }) => `"${resource.name}"`)
  const rest = beyond.length === 0 ? [] : ['addresses that are no documented resource']
  const severities = resources.map((reached) =>
    severityOf(reached.resource.classification, reached.certainty === 'yes'),
  )
  return [
    {
      kind: 'finding',
      subject: `${peer.interface}\0${peer.publicKey}`,
      severity: severities.includes(3) ? 3 : severities.includes(2) ? 2 : 1,
      text: `${who(each)} can reach what no policy grants it: ${[...capped(names, NAMES_MAX), ...rest].join(', ')}.`,
      evidence: capped([
        ...resources.map((one) => `"${one.resource.name}": ${reachedText(one.reached)}`),
        ...spaceLines(beyond),
      ]),
      mend: [
        '# grant it in the policy of the inventory, or close it, for example:',
        ...blockingRules(machine.ruleset, peer.interface, [{ peer, reached: resources.flatMap((one) => one.reached) }]),
      ],
      about: aboutPeer(machine, view, { ...peer, row: rowOf(machine, peer) }),
      exception: null,
    },
  ]
}

function severityOf(classification: string, isSure: boolean): Severity {
  const isSensitive = SENSITIVE.has(classification.toLowerCase())
  return isSensitive ? (isSure ? 3 : 2) : isSure ? 2 : 1
}

function rowOf({ wireguard }: MachineView, { interface: name, publicKey }: PeerOverreach['peer']): PeerRow | null {
  return wireguard?.peers.find((row) => row.interface === name && row.publicKey === publicKey) ?? null
}

/** `172.30.51.138 tcp/80, tcp/443`, several destinations parted by semicolons. */
function reachedText(reached: readonly Reached[]): string {
  const places = byDestination(reached)
  const told = places
    .slice(0, DESTINATIONS_MAX)
    .map((each) => `${destinationText(each)} ${servicesText(each, SERVICES_MAX)}`)
  const more = places.length - told.length
  const isOpen = reached.every(({ certainty }) => certainty === 'maybe')
  return `${told.join('; ')}${more > 0 ? ` and ${more} more destinations` : ''}${isOpen ? ' (perhaps)' : ''}`
}

function servicesOf(reached: readonly Reached[]): string {
  const [first] = byDestination(reached)
  return first === undefined ? '' : servicesText(first, SERVICES_MAX)
}

/** One line for all that reach the same: `172.30.51.68 tcp/22: "ivy" (10.8.0.2/32), "oak" (10.8.0.3/32)`. */
function sharedLines(rows: readonly { readonly each: PeerOverreach; readonly text: string }[]): string[] {
  const groups = Map.groupBy(rows, ({ text }) => text)
  return capped([...groups].map(([text, group]) => `${text}: ${capped(group.map(({ each }) => who(each))).join(', ')}`))
}

/** As the rules have it, not cut by what is documented: `any IPv6 address: everything`. */
function spaceLines(beyond: readonly Reached[]): string[] {
  const parts = [...new Set(beyond.map(({ part }) => part))]
  return byDestination(parts.map((part) => ({ family: part.family, box: targetOf(part) }))).map(
    (each) => `${destinationText(each)}: ${servicesText(each, SERVICES_MAX)}`,
  )
}

function who({ name, peer }: PeerOverreach): string {
  return `${peerText(name, peer.publicKey)} (${prefixesText(peer.allowedIps)})`
}

function namesText(group: readonly PeerOverreach[]): string {
  return capped(
    group.map(({ name, peer }) => peerText(name, peer.publicKey)),
    NAMES_MAX,
  ).join(', ')
}

function capped(lines: readonly string[], most = LINES_MAX): string[] {
  return lines.length <= most ? [...lines] : [...lines.slice(0, most - 1), `and ${lines.length - most + 1} more`]
}

function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
