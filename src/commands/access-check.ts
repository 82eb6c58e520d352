/** Reads an access log back: its lines in order, and whether each is the one that was written after the one before. */
import { hash } from 'node:crypto'
import { createReadStream, lstatSync } from 'node:fs'
import { join } from 'node:path'
import { type AccessHead, type AccessLine, EMPTY_ACCESS, parseAccessLine } from './access-entry.ts'
import { accessFiles, LINE_BYTES_MAX, readHeads } from './access-folder.ts'

export type AccessCheck = {
  readonly lines: number
  /** Of the last line. */
  readonly head: AccessHead
  /** What is not as it was written, one sentence each. */
  readonly problems: readonly string[]
  /** Lines whose writer was stopped within them: they count for nothing. */
  readonly torn: number
  /** Lines before the oldest that is kept, removed as there were too many. */
  readonly removed: number
}

/** Problems that are named one by one. */
const PROBLEMS_MAX = 100

type Walk = {
  head: AccessHead
  torn: number
  lines: number
  /** What the head says of the last line it knows. */
  readonly last: AccessHead | null
  readonly problems: string[]
}

/**
 * Null where there is no access log; what has its name and is no folder is a problem. `each` is given every line that can be read. May run beside those who write: a line that comes
 * while this reads is not seen. Throws what the file system says.
 */
export async function checkAccess(
  folder: string,
  each: (line: AccessLine, text: string) => void,
): Promise<AccessCheck | null> {
  const problems: string[] = []
  const found = lstatSync(folder, { throwIfNoEntry: false })
  if (found === undefined) return null
  if (!found.isDirectory()) {
    problems.push('something else stands where the access log was: it is no folder')
    return { lines: 0, head: EMPTY_ACCESS, problems, torn: 0, removed: 0 }
  }
  // Read before the lines: who appends meanwhile is ahead of it, never behind.
  const heads = headsIn(folder, problems)
  const files = accessFiles(folder)
  const base = heads?.base ?? EMPTY_ACCESS
  const walk: Walk = { head: base, torn: 0, lines: 0, last: heads?.last ?? null, problems }
  for (const { file, first } of files) {
    if (first > walk.head.count + 1)
      problems.push(`lines ${walk.head.count + 1} to ${first - 1} of the access log are missing, before ${file}`)
    await checkFile(walk, folder, file, each)
  }
  if (heads !== null && walk.head.count < heads.last.count)
    problems.push(
      `the access log ends at line ${walk.head.count} instead of ${heads.last.count}: its end was cut off or changed`,
    )
  if (heads === null && files.length > 0)
    problems.push('the head of the access log is gone: an end that was cut off would not show')
  if (walk.torn > 0 && heads !== null && walk.lines < heads.last.count - base.count)
    problems.push(`${walk.torn} lines of the access log cannot be read`)
  return {
    lines: walk.lines,
    head: walk.head,
    problems: problems.slice(0, PROBLEMS_MAX),
    torn: walk.torn,
    removed: base.count,
  }
}

function headsIn(folder: string, problems: string[]) {
  try {
    return readHeads(folder)
  } catch {
    problems.push('the head of the access log cannot be read')
    return null
  }
}

async function checkFile(
  walk: Walk,
  folder: string,
  file: string,
  each: (line: AccessLine, text: string) => void,
): Promise<void> {
  for await (const { text, isWhole } of linesIn(join(folder, file))) {
    const line = parseAccessLine(text)
    if (line === null) {
      // What it stood for is missed by the line after it, when it was ever whole.
      if (isPart(text)) walk.torn++
      else if (isWhole || text !== '')
        walk.problems.push(
          `after line ${walk.head.count} of the access log (${file}) stands what peertrail did not write`,
        )
      continue
    }
    const { number, previous } = line.peertrail.access
    if (number !== walk.head.count + 1)
      walk.problems.push(`line ${number} of the access log follows line ${walk.head.count} (${file}): some are missing`)
    else if (previous !== walk.head.hash)
      walk.problems.push(
        `line ${number} of the access log (${file}) does not fit the one before: one of the two was changed`,
      )
    walk.head = { count: number, hash: hash('sha256', text) }
    if (number === walk.last?.count && walk.head.hash !== walk.last.hash)
      walk.problems.push(`line ${number} of the access log (${file}) is not the one that was written last`)
    walk.lines++
    each(line, text)
  }
}

/** How every line begins (accessLine). */
const BEGIN = '{"@timestamp":"'

/** Whether a writer that was stopped may have left this: the beginning of a line, or the zeros a file system puts in its place. */
function isPart(text: string): boolean {
  if (text === '') return false
  if (/^\0+$/.test(text)) return true
  if (!text.startsWith(BEGIN)) return BEGIN.startsWith(text)
  try {
    JSON.parse(text)
    return false
  } catch {
    return true
  }
}

/** Lines without their end; one beyond LINE_BYTES_MAX comes cut. */
async function* linesIn(path: string): AsyncGenerator<{ readonly text: string; readonly isWhole: boolean }> {
  let rest = Buffer.alloc(0)
  for await (const chunk of createReadStream(path)) {
    // Without an encoding, chunks are buffers.
    rest = Buffer.concat([rest, chunk as Buffer])
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      yield { text: rest.toString('utf8', 0, end), isWhole: true }
      rest = rest.subarray(end + 1)
    }
    if (rest.length > LINE_BYTES_MAX) rest = rest.subarray(0, LINE_BYTES_MAX)
  }
  if (rest.length > 0) yield { text: rest.toString('utf8'), isWhole: false }
}
