/**
 * Where outer addresses are, by a database in MaxMind's file format (MaxMind DB file format 2.0) that the operator brings: city
 * databases of MaxMind, DB-IP and others. Such data is a guess about a provider's customers, never evidence of a person's place.
 */
import { Reader } from 'mmdb-lib'
import { AppError } from '../errors.ts'

export type Location = {
  /** Degrees. */
  readonly latitude: number
  readonly longitude: number
  /** ISO 3166 code; '' = not said. */
  readonly country: string
  /** The place lies within this of the point. */
  readonly accuracyKm: number
}

/** Null: the database does not know the address, or not where it is. */
export type Locate = (address: string) => Location | null

/** Where a record does not say how exact it is: about the size of a region. */
const ACCURACY_DEFAULT_KM = 100

/** `bytes`: the whole file. Throws AppError `cannot-read` when it is none; `file` is only for that message. */
export function openGeoDatabase(bytes: Uint8Array, file: string): Locate {
  const reader = openReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), file)
  return (address) => {
    try {
      return toLocation(reader.get(address))
    } catch {
      // A damaged record, or text that is no address: not known.
      return null
    }
  }
}

function openReader(bytes: Buffer, file: string): { get(address: string): unknown } {
  try {
    return new Reader(bytes)
  } catch (error) {
    throw new AppError('cannot-read', `${file} is no database in MaxMind's format`, {
      cause: error,
      advice: 'Give a city database (.mmdb) such as GeoLite2-City or DB-IP City Lite.',
    })
  }
}

function toLocation(record: unknown): Location | null {
  const location = member(record, 'location')
  const latitude = numberOf(location, 'latitude', 90)
  const longitude = numberOf(location, 'longitude', 180)
  if (latitude === null || longitude === null) return null
  const country = member(member(record, 'country'), 'iso_code')
  const accuracy = member(location, 'accuracy_radius')
  return {
    latitude,
    longitude,
    country: typeof country === 'string' ? country : '',
    accuracyKm: typeof accuracy === 'number' && accuracy >= 0 ? accuracy : ACCURACY_DEFAULT_KM,
  }
}

function numberOf(record: unknown, name: string, max: number): number | null {
  const value = member(record, name)
  return typeof value === 'number' && Math.abs(value) <= max ? value : null
}

function member(record: unknown, name: string): unknown {
  if (typeof record !== 'object' || record === null || !Object.hasOwn(record, name)) return undefined
  // hasOwn just proved that it has the member; of which type, the caller asks.
  return (record as Readonly<Record<string, unknown>>)[name]
}
