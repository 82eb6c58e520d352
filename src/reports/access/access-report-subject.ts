/** What an access report is about: all, one resource, some keys. A name that neither inventory nor records know is told with its neighbours. */
import { AppError } from '../../errors.ts'
import type { Query } from '../../kql/ast.ts'
import { equals } from '../../kql/build.ts'
import { nearest } from '../../nearest.ts'
import { quoted } from '../../safe-text.ts'
import { ALL_TIME, type EventReader } from '../../store/event-reader.ts'
import type { Names } from '../names/names.ts'
import { type Catalogue, readCatalogue } from './access-report-catalogue.ts'
import type { AccessFilter } from './access-rows.ts'

/** Names told when one is not known. */
const KNOWN_MAX = 20

/** `catalogue`: of the period; what it does not know may be documented at another time. Throws AppError `usage`. */
export async function checkSubject(
  reader: EventReader,
  { resource, keys, unknown = '' }: AccessFilter,
  catalogue: Catalogue,
  names: Names,
): Promise<void> {
  const isOutside =
    (resource !== '' && resource !== 'uncatalogued' && !catalogue.resources.some(({ name }) => name === resource)) ||
    keys.some((key) => !catalogue.keys.has(key))
  if (!isOutside) return
  const ever = await readCatalogue(reader, { from: ALL_TIME.since, to: ALL_TIME.until })
  const known = ever.resources.map(({ name }) => name)
  if (resource !== '' && resource !== 'uncatalogued' && !known.includes(resource)) {
    const isRecorded = await hasRecord(reader, equals('wireguard.resource.name', [resource]))
    if (!isRecorded) throw unknownResource(resource, known)
  }
  for (const key of unknown === '' ? keys : []) {
    const isDocumented = ever.keys.has(key) || names.known.some(({ publicKey }) => publicKey === key)
    if (isDocumented || (await hasRecord(reader, equals('wireguard.peer.public_key', [key])))) continue
    const near = nearest(key, ever.keys)
    throw new AppError('usage', `no peer with the key ${quoted(key)} in the inventory or in the records`, {
      advice: near === null ? '`peertrail peers` lists them.' : `Did you mean ${quoted(near)}?`,
    })
  }
}

async function hasRecord(reader: EventReader, query: Query): Promise<boolean> {
  return (await reader.places({ datasets: null, ...ALL_TIME, query }, 'newest', 1, null)).length > 0
}

function unknownResource(resource: string, known: readonly string[]): AppError {
  const near = nearest(resource, known)
  const listed = known.slice(0, KNOWN_MAX).map((name) => quoted(name))
  const rest = known.length > KNOWN_MAX ? ` and ${known.length - KNOWN_MAX} more` : ''
  const advice =
    known.length === 0
      ? 'No resource is documented in the inventory of the records.'
      : `Known are: ${listed.join(', ')}${rest}.`
  return new AppError('usage', `no resource ${quoted(resource)} in the inventory or in the records`, {
    advice: near === null ? advice : `Did you mean ${quoted(near)}?`,
  })
}

/** `all resources`; `customer-db`; `customer-db, by alice-laptop (9JMC3f…)`; `all resources, by alice@example.com with …`. */
export function subjectText(
  { resource, keys, owners = [], unknown = '' }: AccessFilter,
  nameOf: (publicKey: string) => string,
): string {
  const what = resource === '' ? 'all resources' : resource
  if (unknown !== '') return `${what}, by ${unknown}`
  if (owners.length > 0)
    return `${what}, by ${owners.join(', ')}${keys.length === 0 ? '' : ` with ${keys.map(nameOf).join(', ')}`}`
  return keys.length === 0 ? what : `${what}, by ${keys.map(nameOf).join(', ')}`
}
