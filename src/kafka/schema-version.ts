/** Which version of our own messages this release writes and reads; it reads its predecessor's (design 2.11). */

/**
 * Version of messages this release writes. A field more is a version more (test/kafka/schema-version.test.ts): a release that does not know
 * the field then stops and says so, where it would make dead letters of all documents of machines that were updated before it.
 */
export const SCHEMA_VERSION = 1

/** Names of headers every message of ours carries. */
export const HEADERS = {
  schema: 'peertrail-schema',
  /** `event.id` of what it holds, where that has one. */
  id: 'event-id',
  /** `flow`, `line`, `audit`, … (relay/messages.ts), or the dataset of a document. */
  kind: 'kind',
} as const
