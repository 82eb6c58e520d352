/** What a replay told a cluster, for its summary. */

export type ClusterTotals = {
  readonly url: string
  readonly counts: ReadonlyMap<string, number>
  /** Of what was sent: records the ledger is rebuilt from, which no search shows. */
  readonly ledger: number
  /** Where refused documents lie. */
  readonly dir: string
}

/** How many documents lie in the file of refused ones. */
export function refusedOf({ counts }: ClusterTotals): number {
  return counts.get('dead-lettered') ?? 0
}
