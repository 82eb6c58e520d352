/**
 * What every tier does with a message before it uses it: is it one of ours, and of a version this release reads? What is not is
 * poison: it goes to the dead letters with its reason, and the partition goes on. What is newer stops the tier: skipping it would
 * lose it (design 2.11).
 */
import { AppError } from '../../errors.ts'
import type { Incoming } from '../../kafka/bus.ts'
import { HEADERS, SCHEMA_VERSION } from '../../kafka/schema-version.ts'
import { quoted } from '../../safe-text.ts'

export type Received =
  | { readonly kind: 'message'; readonly value: Buffer }
  /** `reason`: short, for the letter. */
  | { readonly kind: 'poison'; readonly reason: string }

/** A version is a small count: what has more digits is no version of anybody's. */
const VERSION_FORM = /^[1-9]\d{0,8}$/

/** Throws AppError `newer-message` for what only a newer release can read. */
export function received(incoming: Incoming): Received {
  const { value, headers } = incoming
  const text = headers[HEADERS.schema]
  if (text === undefined) return poison('no schema version: not written by peertrail')
  if (!VERSION_FORM.test(text)) return poison(`schema version ${quoted(text)} is none`)
  if (Number(text) > SCHEMA_VERSION) throw newerMessage(incoming, text)
  return value === null ? poison('no value') : { kind: 'message', value }
}

function poison(reason: string): Received {
  return { kind: 'poison', reason }
}

function newerMessage({ topic, partition, offset }: Incoming, version: string): AppError {
  return new AppError(
    'newer-message',
    `${topic}, partition ${partition}, offset ${offset}: written by a newer release (schema version ${version}; this one reads up to ${SCHEMA_VERSION})`,
    {
      advice:
        'Nothing was skipped: run the release that wrote it, or a later one, and the partition goes on where it stands. Update tiers before the machines that ship to them.',
    },
  )
}
