/** What the lab asks of the traffic program of a host. Times are Micros. */

export type Order =
  | {
      readonly what: 'tcp'
      readonly source: string
      readonly sourcePort: number
      readonly destination: string
      readonly port: number
      /** Stays open until `close`. */
      readonly isHeld: boolean
      readonly patienceMs: number
    }
  | {
      readonly what: 'udp'
      readonly source: string
      readonly sourcePort: number
      readonly destination: string
      readonly port: number
      readonly patienceMs: number
    }
  | { readonly what: 'ping'; readonly source: string; readonly destination: string; readonly patienceMs: number }
  | { readonly what: 'close'; readonly sourcePort: number }
  | { readonly what: 'listen'; readonly tcp: readonly number[]; readonly udp: readonly number[] }

/** `result`: connected, refused, no-answer, closed, listening, or `failed: …`. */
export type OrderResult = { readonly result: string; readonly from: number; readonly to: number }
