/** Which version of our own messages this release writes and reads; it reads its predecessor's (design 2.11). */

/** Version of messages this release writes. */
export const SCHEMA_VERSION = 1

/** Names of headers every message of ours carries. */
export const HEADERS = {
  schema: 'peertrail-schema',
  /** `event.id` of what it holds, where that has one. */
  id: 'event-id',
  /** `flow`, `line`, `audit`, … (relay/messages.ts), or the dataset of a document. */
  kind: 'kind',
} as const
