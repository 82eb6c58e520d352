/**
 * What is a person's among the documents of her keys. A key may pass from one person to another, by dated owners or by a new inventory: what
 * it did in the hands of one is nothing that the other did.
 */

import type { Query } from '../../kql/ast.ts'
import { compares, equals, exists } from '../../kql/build.ts'
import { allOf, anyOf, negate } from '../../kql/combine.ts'
import { compareText } from '../../kql/text-match.ts'
import { ALL_TIME, type EventReader } from '../../store/event-reader.ts'
import type { Micros } from '../../time.ts'
import type { Names } from './names.ts'

/** Keys that were hers at some time, and her e-mails. Without an e-mail it is a peer: its keys are meant at any time. */
export type Person = { readonly keys: readonly string[]; readonly emails: readonly string[] }

/** A stretch of time in which a key was hers, both ends included. */
export type Tenure = { readonly publicKey: string; readonly from: Micros; readonly to: Micros }

export type PersonDocuments = {
  /** By key and time. */
  readonly tenures: readonly Tenure[]
  /** Keys of the tenures, sorted. */
  readonly keys: readonly string[]
  /** Documents that name her as the owner of an end, or that have one of her keys, or one as a candidate, while it was hers. */
  readonly query: Query
}

/** By the documents of the time, or by the newest inventory, as `names` says. Throws AppError of the reader. */
export async function readPersonDocuments(reader: EventReader, person: Person, names: Names): Promise<PersonDocuments> {
  const recorded = await recordedTenures(reader, person)
  const isNow = names.mode === 'as-known-now'
  const known = isNow ? names.known.filter(({ ownerEmail }) => person.emails.includes(ownerEmail)) : []
  const told = new Set(isNow ? names.known.map(({ publicKey }) => publicKey) : [])
  const tenures = [
    ...recorded.filter(({ publicKey }) => !told.has(publicKey)),
    ...known.map(({ publicKey, since, until }) => ({ publicKey, from: since, to: until - 1 })),
  ].sort((a, b) => compareText(a.publicKey, b.publicKey) || a.from - b.from)
  const keys = [...new Set(tenures.map(({ publicKey }) => publicKey))]
  const all = new Set([...person.keys, ...keys])
  const others = !isNow
    ? []
    : names.known
        .filter(({ publicKey, ownerEmail }) => all.has(publicKey) && !person.emails.includes(ownerEmail))
        .map(({ publicKey, since, until }) => ({ publicKey, from: since, to: until - 1 }))
  return { tenures, keys, query: queryOf(person, tenures, others, told) }
}

/** Keys that only she is recorded with are hers at any time; of others, from her first document to her last. */
async function recordedTenures(reader: EventReader, { keys, emails }: Person): Promise<Tenure[]> {
  if (keys.length === 0) return []
  const groups = await reader.groups(
    { datasets: null, ...ALL_TIME, query: equals('wireguard.peer.public_key', keys) },
    ['wireguard.peer.public_key', 'wireguard.peer.owner.email'],
  )
  return [...keys].flatMap((publicKey) => {
    const owned = groups.filter(({ values }) => values[0] === publicKey && typeof values[1] === 'string')
    const own = owned.filter(({ values }) => emails.includes(String(values[1])))
    if (own.length === owned.length) return [{ publicKey, from: ALL_TIME.since, to: ALL_TIME.until }]
    if (own.length === 0) return []
    return [
      {
        publicKey,
        from: own.reduce((least, { oldest }) => Math.min(least, oldest), ALL_TIME.until),
        to: own.reduce((most, { newest }) => Math.max(most, newest), ALL_TIME.since),
      },
    ]
  })
}

function queryOf(
  { emails }: Person,
  tenures: readonly Tenure[],
  others: readonly Tenure[],
  told: ReadonlySet<string>,
): Query {
  const named = anyOf([
    equals('wireguard.peer.owner.email', emails),
    equals('wireguard.target_peer.owner.email', emails),
    // Somebody else may have typed her name.
    allOf([equals('related.user', emails), negate(exists('wireguard.peer.owner.email'))]),
  ])
  const theirs = anyOf(others.map((each) => during(each, isEnd(each.publicKey))))
  return anyOf([
    allOf([named, negate(theirs)]),
    ...tenures.map((each) =>
      // What the newest inventory knows holds whatever a document says.
      during(
        each,
        anyOf([
          told.has(each.publicKey) ? isEnd(each.publicKey) : isUnownedEnd(each.publicKey),
          isCandidate(each.publicKey),
        ]),
      ),
    ),
  ])
}

function isEnd(key: string): Query {
  return anyOf([equals('wireguard.peer.public_key', [key]), equals('wireguard.target_peer.public_key', [key])])
}

/** Without a documented owner: nobody else's. */
function isUnownedEnd(key: string): Query {
  return anyOf([
    allOf([equals('wireguard.peer.public_key', [key]), negate(exists('wireguard.peer.owner.email'))]),
    allOf([equals('wireguard.target_peer.public_key', [key]), negate(exists('wireguard.target_peer.owner.email'))]),
  ])
}

function isCandidate(key: string): Query {
  return equals('wireguard.attribution.candidates', [key])
}

function during({ from, to }: Tenure, query: Query): Query {
  return allOf([
    query,
    ...(from <= ALL_TIME.since ? [] : [compares('@timestamp', '>=', from)]),
    ...(to >= ALL_TIME.until - 1 ? [] : [compares('@timestamp', '<=', to)]),
  ])
}
