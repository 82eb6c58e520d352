/** `SHA256SUMS` in the form of sha256sum(1), so that a recipient without peertrail can check a folder: `sha256sum -c SHA256SUMS`. */

export type Sum = { readonly name: string; readonly sha256: string }

/** A line a file, sorted by name. Names are ours (isFileName): none needs an escape. */
export function printSums(sums: readonly Sum[]): string {
  return sums
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, sha256 }) => `${sha256}  ${name}\n`)
    .join('')
}

/** Hashes by name of the lines that are of that form; what else a file holds is seen by printing it again. */
export function readSums(text: string): ReadonlyMap<string, string> {
  const sums = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, sha256, name] = /^([\da-f]{64}) {2}(\S+)$/.exec(line) ?? []
    if (sha256 !== undefined && name !== undefined) sums.set(name, sha256)
  }
  return sums
}
