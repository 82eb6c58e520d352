/**
 * Where a new version of the inventory says something else about the time before it was first used. Such a change may be a correction or
 * a cover-up; nobody can tell from the records, so it is listed.
 */
import type { Inventory } from '../../identity/inventory.ts'
import type { Period } from '../../identity/inventory-entries.ts'
import { compareText } from '../../kql/text-match.ts'
import { ALL_TIME } from '../../store/event-reader.ts'
import type { Micros } from '../../time.ts'
import { stampText } from '../revocation/revocation-text.ts'
import type { InventoryVersion, InventoryVersions } from './inventory-versions.ts'
import { type KnownHolders, knownHolders } from './known-holders.ts'
import type { BackdatedChange, Holder } from './names.ts'

/** Changes that are told; more of them are counted. */
export const BACKDATED_MAX = 500

/** Newest first. `total` counts those beyond BACKDATED_MAX too. */
export function backdatedChanges(versions: InventoryVersions): { changes: BackdatedChange[]; total: number } {
  const byHash = new Map(versions.versions.map((version) => [version.hash, version]))
  const holders = new Map<string, KnownHolders>()
  const changes: BackdatedChange[] = []
  for (const { before, after, at } of transitions(versions)) {
    const [was, is] = [byHash.get(before), byHash.get(after)]
    if (!isReadable(was) || !isReadable(is)) continue
    for (const version of [was, is])
      if (!holders.has(version.hash)) holders.set(version.hash, knownHolders(version.inventory))
    const differing = differences(
      { inventory: was.inventory, holders: holders.get(before) ?? knownHolders(was.inventory) },
      { inventory: is.inventory, holders: holders.get(after) ?? knownHolders(is.inventory) },
      at,
    )
    changes.push(...differing.map(({ about, text }) => ({ inventory: after, firstSeen: at, about, text })))
  }
  changes.sort(
    (a, b) =>
      b.firstSeen - a.firstSeen || compareText(a.text, b.text) || (a.about ?? -Infinity) - (b.about ?? -Infinity),
  )
  return { changes: changes.slice(0, BACKDATED_MAX), total: changes.length }
}

function isReadable(
  version: InventoryVersion | undefined,
): version is InventoryVersion & { readonly inventory: Inventory } {
  return version !== undefined && version.inventory !== null
}

/** From which version to which, each pair once, when the first gateway took the step. Gateways follow one another at their own pace. */
function transitions({ uses }: InventoryVersions): { before: string; after: string; at: Micros }[] {
  const current = new Map<string, string>()
  const found = new Map<string, { before: string; after: string; at: Micros }>()
  for (const { gateway, at, hash } of uses) {
    const before = current.get(gateway)
    current.set(gateway, hash)
    if (before === undefined || before === hash) continue
    const step = `${before} ${hash}`
    if (!found.has(step)) found.set(step, { before, after: hash, at })
  }
  return [...found.values()]
}

type Side = { readonly inventory: Inventory; readonly holders: KnownHolders }
type Difference = { readonly about: Micros | null; readonly text: string }

function differences(was: Side, is: Side, firstSeen: Micros): Difference[] {
  const keys = new Set([...was.holders.known, ...is.holders.known].map(({ publicKey }) => publicKey))
  const [wasDates, isDates] = [datesOf(was.inventory), datesOf(is.inventory)]
  return [
    ...[...keys].flatMap((key) => keyDifferences(key, was, is, wasDates.get(key), isDates.get(key), firstSeen)),
    ...policyDifferences(was.inventory, is.inventory, firstSeen),
  ]
}

function keyDifferences(
  key: string,
  was: Side,
  is: Side,
  wasDates: Period | undefined,
  isDates: Period | undefined,
  firstSeen: Micros,
): Difference[] {
  const told: Difference[] = []
  const points = [...was.holders.known, ...is.holders.known].filter(({ publicKey }) => publicKey === key)
  // A key that one side does not list: only the dates the other gives it are about it.
  const bounds = wasDates === undefined ? isDates : isDates === undefined ? wasDates : undefined
  const cuts = points.map(({ since }) => since)
  const parts = pieces(cuts, bounds, firstSeen).flatMap(({ from, to }) => {
    const at = from ?? ALL_TIME.since
    return holderDifferences(key, was.holders.at(key, at), is.holders.at(key, at)).map((part) => ({
      ...part,
      from,
      to,
    }))
  })
  told.push(...joined(parts).map((part) => toDifference(part, firstSeen)))
  if (wasDates !== undefined && isDates !== undefined) {
    const name = is.holders.known.find(({ publicKey }) => publicKey === key)?.name ?? ''
    told.push(...dateDifferences(`${keyWord(key)} (${name})`, wasDates, isDates, firstSeen))
  }
  return told
}

type Part = { readonly what: string; readonly verb: string; readonly from: Micros | null; readonly to: Micros }

/** Parts that say the same of times that follow one another are one. */
function joined(parts: readonly Part[]): Part[] {
  const result: Part[] = []
  for (const part of parts) {
    const i = result.findIndex((each) => each.what === part.what && each.verb === part.verb && each.to === part.from)
    const last = result[i]
    if (last === undefined) result.push(part)
    else result[i] = { ...last, to: part.to }
  }
  return result
}

function toDifference({ what, verb, from, to }: Part, firstSeen: Micros): Difference {
  return { about: from, text: `${what}${periodWords(from, to, firstSeen)}: ${verb}` }
}

function holderDifferences(key: string, before: Holder | null, after: Holder | null): { what: string; verb: string }[] {
  const what = keyWord(key)
  if (before === null && after === null) return []
  if (before === null) return [{ what, verb: `was not documented, is ${holderText(after)}` }]
  if (after === null) return [{ what, verb: `was ${holderText(before)}, is not documented any more` }]
  const fields: readonly (readonly [string, string, string])[] = [
    ['owner', ownerText(before), ownerText(after)],
    ['name', before.name, after.name],
    ['kind', before.kind, after.kind],
    ['device', before.device, after.device],
    ['groups', before.groups.join(', '), after.groups.join(', ')],
  ]
  return fields
    .filter(([, a, b]) => a !== b)
    .map(([field, a, b]) => ({
      what: `the ${field} of ${what} (${after.name})`,
      verb: `was ${a || 'not documented'}, is ${b || 'not documented'}`,
    }))
}

function holderText(holder: Holder | null): string {
  if (holder === null) return ''
  const owner = ownerText(holder)
  return owner === '' ? holder.name : `${holder.name} of ${owner}`
}

/** With the e-mail: two people may have one name. */
function ownerText({ ownerName, ownerEmail }: Holder): string {
  return ownerName === '' ? ownerEmail : `${ownerName} <${ownerEmail}>`
}

function dateDifferences(what: string, was: Period, is: Period, firstSeen: Micros): Difference[] {
  const told: Difference[] = []
  const sinceAt = Math.min(was.since ?? -Infinity, is.since ?? -Infinity)
  if (was.since !== is.since && sinceAt < firstSeen)
    told.push({
      about: sinceAt === -Infinity ? null : sinceAt,
      text: `the documented begin of ${what}: was ${dateWord(was.since)}, is ${dateWord(is.since)}`,
    })
  const untilAt = Math.min(was.until ?? Infinity, is.until ?? Infinity)
  if (was.until !== is.until && untilAt < firstSeen)
    told.push({
      about: untilAt,
      text: `the documented end of ${what}: was ${dateWord(was.until)}, is ${dateWord(is.until)}`,
    })
  return told
}

function policyDifferences(was: Inventory, is: Inventory, firstSeen: Micros): Difference[] {
  const [wasGrants, isGrants] = [grantsOf(was), grantsOf(is)]
  const told: Difference[] = []
  for (const [grant, { group, resource }] of new Map([...wasGrants, ...isGrants])) {
    const [before, after] = [wasGrants.get(grant)?.periods ?? [], isGrants.get(grant)?.periods ?? []]
    const cuts = [...before, ...after].flatMap(({ since, until }) => [since, until].filter((at) => at !== null))
    const parts: Part[] = []
    for (const { from, to } of pieces(cuts, undefined, firstSeen)) {
      const holds = (periods: readonly Period[]) => periods.some((each) => covers(each, from))
      const has = holds(after)
      if (holds(before) === has) continue
      const verb = has ? 'was not allowed, is allowed' : 'was allowed, is not allowed any more'
      parts.push({ what: `the policy for group ${group} and ${resource}`, verb, from, to })
    }
    told.push(...joined(parts).map((part) => toDifference(part, firstSeen)))
  }
  return told
}

function covers({ since, until }: Period, from: Micros | null): boolean {
  if (from === null) return since === null
  return (since === null || since <= from) && (until === null || from < until)
}

function grantsOf(inventory: Inventory) {
  const grants = new Map<string, { group: string; resource: string; periods: Period[] }>()
  for (const { groups, resources, since, until } of inventory.policy) {
    for (const group of groups) {
      for (const resource of resources) {
        const grant = grants.get(JSON.stringify([group, resource])) ?? { group, resource, periods: [] }
        grant.periods.push({ since, until })
        grants.set(JSON.stringify([group, resource]), grant)
      }
    }
  }
  return grants
}

/** What an inventory gives as the dates of each key; of several entries the widest. */
function datesOf(inventory: Inventory): Map<string, Period> {
  const dates = new Map<string, Period>()
  for (const { keys } of inventory.peers) {
    for (const { publicKey, since, until } of keys) {
      const other = dates.get(publicKey)
      dates.set(publicKey, {
        since: other === undefined ? since : minOf(other.since, since),
        until: other === undefined ? until : maxOf(other.until, until),
      })
    }
  }
  return dates
}

const minOf = (a: Micros | null, b: Micros | null) => (a === null || b === null ? null : Math.min(a, b))
const maxOf = (a: Micros | null, b: Micros | null) => (a === null || b === null ? null : Math.max(a, b))

/** The time before `end`, cut at the points and kept to the bounds. `from` null = since ever. In order. */
function pieces(
  cuts: readonly Micros[],
  bounds: Period | undefined,
  end: Micros,
): { from: Micros | null; to: Micros }[] {
  const first = bounds?.since ?? null
  const last = Math.min(end, bounds?.until ?? end)
  if (first !== null && first >= last) return []
  const inner = [...new Set(cuts)].filter((at) => at > (first ?? ALL_TIME.since) && at < last).sort((a, b) => a - b)
  return [first, ...inner].map((from, i) => ({ from, to: inner[i] ?? last }))
}

function periodWords(from: Micros | null, to: Micros, firstSeen: Micros): string {
  return `${from === null ? '' : ` since ${stampText(from)}`}${to >= firstSeen ? '' : ` until ${stampText(to)}`}`
}

function dateWord(at: Micros | null): string {
  return at === null ? 'none' : stampText(at)
}

/** As other reports shorten keys: eight characters. */
function keyWord(publicKey: string): string {
  return `key ${publicKey.slice(0, 8)}…`
}
