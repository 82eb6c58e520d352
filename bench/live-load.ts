/** What the writer of a live measurement is told, and what it says afterwards. */

export type LiveLoad = { readonly linesPerSecond: number; readonly seconds: number }

/** Printed as one line of JSON by live-writer.ts when everything is written. */
export type Written = {
  readonly packets: number
  readonly news: number
  readonly destroys: number
  /** Of all files together. */
  readonly bytes: number
}

/** Of the gateway, and of the inventory the daemon is given. */
export const LIVE_PEERS = 300

/** Polls come this long before the first packet: an attribution is certain between two polls only. */
export const LEAD_MS = 3_000
