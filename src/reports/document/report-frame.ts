/** What stands around a report wherever it is shown, whatever kind it is. */
export type ReportFrame = {
  /** Deterministic: the same question of the same records has the same. */
  readonly reportId: string
  /** Of peertrail. */
  readonly software: string
  /** What was asked: `store`, `https://es:9200`. Fit for a terminal; no path of a machine. */
  readonly source: string
  /** The command that gives it again, for a person: `peertrail report access --since … --until …`. */
  readonly command: string
  readonly names: 'as-recorded' | 'as-known-now'
  readonly isPseudonymised: boolean
  /** Files beside the page, with their rows; empty when there are none. */
  readonly files: readonly { readonly name: string; readonly rows: number }[]
}
