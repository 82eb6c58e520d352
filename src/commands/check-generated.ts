/**
 * Generated files against what this release generates (elasticsearch/generated-files.ts): which are stale, missing, or none of ours.
 * An argument stands for generated files when it lies in one of their folders, wherever the repository or package lies.
 */
import { lstat, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { GENERATED_FOLDERS, generatedFiles } from '../elasticsearch/generated-files.ts'
import { AppError, type Problem } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import { counted } from './terminal.ts'

/** A file or folder as given, and its way from the repository with `/`. */
export type GeneratedPlace = { readonly argument: string; readonly path: string }

export type GeneratedChecked = {
  readonly file: string
  /** How many files it stands for. */
  readonly count: number
  readonly summary: string
  readonly problems: readonly Problem[]
  readonly text: string
}

/** Entries of one folder that are looked at. */
const ENTRIES_MAX = 10_000

/** Null when the argument lies in no folder of generated files; whether it exists is not asked. */
export function generatedPlace(argument: string): GeneratedPlace | null {
  const steps = resolve(argument).split(sep)
  for (let i = steps.length - 1; i >= 0; i--) {
    const path = steps.slice(i).join('/')
    if (GENERATED_FOLDERS.some((folder) => path === folder || path.startsWith(`${folder}/`))) return { argument, path }
  }
  return null
}

/**
 * One entry for each file with a problem or written, one for all that are good. With `isWrite` stale and missing files are renewed;
 * throws AppError `cannot-write`. Files that are not generated are never touched.
 */
export async function checkGenerated(place: GeneratedPlace, isWrite: boolean): Promise<readonly GeneratedChecked[]> {
  const expected = [...generatedFiles()].filter(([path]) => path === place.path || path.startsWith(`${place.path}/`))
  const checked: GeneratedChecked[] = []
  let current = 0
  for (const [path, text] of expected) {
    const file = shownAs(place, path)
    const found = await textOf(file)
    if (found === text) current++
    else if (isWrite) checked.push(await renew(place, file, text))
    else checked.push(found === null ? missing(file) : stale(file, found, text))
  }
  const known = new Set(expected.map(([path]) => path))
  for (const path of await jsonFilesOf(place)) if (!known.has(path)) checked.push(unknown(shownAs(place, path)))
  if (current > 0) {
    const summary = `${counted(current, 'generated file')}, as this release makes ${current === 1 ? 'it' : 'them'}`
    checked.unshift({ file: place.argument, count: current, summary, problems: [], text: '' })
  }
  return checked
}

/** As the person would name it. */
function shownAs({ argument, path: folder }: GeneratedPlace, path: string): string {
  return path === folder ? argument : join(argument, path.slice(folder.length + 1))
}

async function renew({ argument }: GeneratedPlace, file: string, text: string): Promise<GeneratedChecked> {
  const link = await linkBelow(argument, file)
  if (link !== null)
    throw new AppError('cannot-write', `${safeText(link)} is a link, and generated files are no links`, {
      advice: 'Look where it leads, and delete it.',
    })
  try {
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  } catch (cause) {
    throw new AppError('cannot-write', `cannot write ${safeText(file)}`, { cause })
  }
  return { file, count: 1, summary: 'written', problems: [], text: '' }
}

/** The first link between what was named and a file in it; null = none. A tree may come from anywhere, and lead anywhere. */
async function linkBelow(argument: string, file: string): Promise<string | null> {
  let at = argument
  for (const step of relative(argument, file).split(sep)) {
    at = join(at, step)
    const found = await lstat(at).catch(() => null)
    if (found?.isSymbolicLink() === true) return at
  }
  return null
}

function missing(file: string): GeneratedChecked {
  return bad(file, 0, 'missing; `check --write` makes it', '')
}

function unknown(file: string): GeneratedChecked {
  return bad(file, 0, 'no file of this release; delete it, or keep it in another folder', '')
}

function stale(file: string, found: string, expected: string): GeneratedChecked {
  const [lines, wanted] = [found.split('\n'), expected.split('\n')]
  const line = lines.findIndex((text, i) => text !== wanted[i])
  // All lines there are equal: the end is missing.
  const message = 'not what this release generates, from here on; `check --write` renews it'
  return bad(file, (line === -1 ? lines.length - 1 : line) + 1, message, found)
}

function bad(file: string, line: number, message: string, text: string): GeneratedChecked {
  return { file, count: 1, summary: '', problems: [{ file, line, column: line === 0 ? 0 : 1, message }], text }
}

/** Null when there is none that can be read. */
async function textOf(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch {
    // A folder, or no right to read: writing says more.
    return null
  }
}

/** Ways from the repository of the JSON files that are there. */
async function jsonFilesOf({ argument, path }: GeneratedPlace): Promise<readonly string[]> {
  try {
    if (!(await stat(argument)).isDirectory()) return path.endsWith('.json') ? [path] : []
    const entries = await readdir(argument, { recursive: true, withFileTypes: true })
    return entries
      .slice(0, ENTRIES_MAX)
      .filter((entry) => !entry.isDirectory() && entry.name.endsWith('.json'))
      .map((entry) => [path, ...relative(argument, join(entry.parentPath, entry.name)).split(sep)].join('/'))
      .sort()
  } catch {
    // Not there: every file in it is missing, and said to be.
    return []
  }
}
