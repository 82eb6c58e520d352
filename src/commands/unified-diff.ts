/** A unified diff of two small texts (diff(1), `-u`), for files that a person should look at before they change. */

/** Lines of context around a change. */
const CONTEXT = 3
/** Lines compared one by one; longer files are shown as replaced. */
const LINES_MAX = 2_000

type Edit = { readonly sign: ' ' | '-' | '+'; readonly line: string }

/** '' when both say the same. `before`: null when there is no such file. */
export function unifiedDiff(before: string | null, after: string, path: string): string {
  if (before === after) return ''
  const edits = compare(linesOf(before ?? ''), linesOf(after))
  const head = `--- ${before === null ? '/dev/null' : path}\n+++ ${path}\n`
  return head + hunksOf(edits).join('')
}

function linesOf(text: string): string[] {
  if (text === '') return []
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
}

/** By the longest common subsequence of what lies between the equal beginning and the equal end. */
function compare(old: readonly string[], fresh: readonly string[]): Edit[] {
  let start = 0
  while (start < old.length && start < fresh.length && old[start] === fresh[start]) start++
  let end = 0
  while (end < old.length - start && end < fresh.length - start && old.at(-1 - end) === fresh.at(-1 - end)) end++
  const same = (line: string): Edit => ({ sign: ' ', line })
  return [
    ...old.slice(0, start).map(same),
    ...middle(old.slice(start, old.length - end), fresh.slice(start, fresh.length - end)),
    ...old.slice(old.length - end).map(same),
  ]
}

function middle(old: readonly string[], fresh: readonly string[]): Edit[] {
  const removed = (line: string): Edit => ({ sign: '-', line })
  const added = (line: string): Edit => ({ sign: '+', line })
  if (old.length > LINES_MAX || fresh.length > LINES_MAX) return [...old.map(removed), ...fresh.map(added)]
  // length[i * width + j]: of the longest common subsequence of what begins at i and j.
  const width = fresh.length + 1
  const length = new Uint16Array((old.length + 1) * width)
  const at = (i: number, j: number) => length[i * width + j] ?? 0
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = fresh.length - 1; j >= 0; j--) {
      length[i * width + j] = old[i] === fresh[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const edits: Edit[] = []
  let [i, j] = [0, 0]
  while (i < old.length || j < fresh.length) {
    const [before, after] = [old[i], fresh[j]]
    if (before !== undefined && before === after) {
      edits.push({ sign: ' ', line: before })
      i++
      j++
    } else if (before !== undefined && (after === undefined || at(i + 1, j) >= at(i, j + 1))) {
      edits.push(removed(before))
      i++
    } else if (after !== undefined) {
      edits.push(added(after))
      j++
    }
  }
  return edits
}

/** Changes whose contexts touch share a hunk. */
function hunksOf(edits: readonly Edit[]): string[] {
  const hunks: string[] = []
  let from = 0
  while (from < edits.length) {
    const first = edits.findIndex(({ sign }, i) => i >= from && sign !== ' ')
    if (first < 0) break
    let last = first
    for (let i = first; i < edits.length && i - last <= 2 * CONTEXT; i++) if (edits[i]?.sign !== ' ') last = i
    const start = Math.max(0, first - CONTEXT)
    const end = Math.min(edits.length, last + CONTEXT + 1)
    hunks.push(hunkText(edits, start, end))
    from = end
  }
  return hunks
}

function hunkText(edits: readonly Edit[], start: number, end: number): string {
  const count = (part: readonly Edit[], other: string) => part.filter(({ sign }) => sign !== other).length
  const [before, shown] = [edits.slice(0, start), edits.slice(start, end)]
  const range = (other: string) => {
    const lines = count(shown, other)
    // An empty range names the line before it.
    return `${count(before, other) + (lines === 0 ? 0 : 1)},${lines}`
  }
  const body = shown.map(({ sign, line }) => `${sign}${line}\n`).join('')
  return `@@ -${range('+')} +${range('-')} @@\n${body}`
}
