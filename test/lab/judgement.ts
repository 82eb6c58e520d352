/** One question of the judge, answered. */
export type Row = {
  readonly what: string
  /** How many there are by the truth. */
  readonly done: number
  /** Of those, found and right. */
  readonly found: number
  /** Honest answers that are not exact, where the truth allows them. */
  readonly ambiguous?: number
  readonly faults: readonly string[]
}

/** A row out of cases, each of which is right ('') or wrong in some way. */
export function rowOf(what: string, cases: readonly string[], ambiguous?: number): Row {
  const faults = cases.filter((each) => each !== '')
  const row = { what, done: cases.length, found: cases.length - faults.length, faults }
  return ambiguous === undefined ? row : { ...row, ambiguous }
}
