/** What a tier of partition cores may hold in memory. */

export type TierLimits = {
  /** Inputs that wait in all cores of a process together, some 1 kB each; where messages are larger than 4 kB on average they count for as much more. Above, no more is read than must be. */
  readonly waiting: number
  /** Above: not everybody is waited for any more. */
  readonly waitingHard: number
  /** Progress messages that one partition holds: above, no more is read of them by the whole process until it has taken some. */
  readonly held: number
}

export const TIER_LIMITS: TierLimits = { waiting: 200_000, waitingHard: 600_000, held: 100_000 }
