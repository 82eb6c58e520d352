/** Where an evidence pack is written: the files of a folder, of which the pack is made (tar-gz.ts). */
export type EvidenceOutlet = {
  /** A file of lines. Names are ours, at most one folder deep: `documents.ndjson`, `inventories/a4614d680f4a44d5.yaml`. */
  open(name: string): EvidenceFile
  /** A whole file at once. */
  add(name: string, content: string | Buffer): Promise<void>
}

export type EvidenceFile = {
  /** Whole lines, each ended by LF. Resolves when there is room for more. */
  write(text: string): Promise<void>
  /** How many lines there were. */
  end(rows: number): Promise<void>
}
