/**
 * The newest ruleset of each gateway as of a time: from files that are named, from a capture directory, else from the journals a daemon
 * keeps beside its store (live/state-place.ts), which are laid out like a capture.
 */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { isMachineName } from '../machine-names.ts'
import { quoted } from '../safe-text.ts'
import { type CaptureHost, findCapture } from '../sources/capture.ts'
import { type RulesetDocument, readRulesetDocument } from '../sources/nftables/ruleset-document.ts'
import { splitRulesetDumps } from '../sources/nftables/ruleset-history.ts'
import type { Micros } from '../time.ts'
import { readWhole } from './read-whole.ts'

export type FoundRuleset = {
  readonly document: RulesetDocument
  /** Null: not dated. */
  readonly at: Micros | null
  /** For people: `gw1/ruleset.json`. */
  readonly place: string
}

export type RulesetPlaces = {
  /** GATEWAY=FILE each: output of `nft -j -a list ruleset`, or such dumps with dated lines. */
  readonly files: readonly string[]
  /** A capture directory; '' = none. */
  readonly capture: string
  /** Journals of a daemon; looked at only without the others, and where they are there. */
  readonly journals: string
}

export type FoundRulesets = {
  readonly byGateway: ReadonlyMap<string, FoundRuleset>
  /** What could not be read, for people; not yet fit for a terminal. */
  readonly notes: readonly string[]
}

/** Dumps with a later date are left out. Throws AppError `usage` for a file that is named and holds no ruleset, `not-a-capture`. */
export async function newestRulesets(places: RulesetPlaces, until: Micros): Promise<FoundRulesets> {
  const byGateway = new Map<string, FoundRuleset>()
  const notes: string[] = []
  for (const text of places.files) {
    const cut = text.indexOf('=')
    const [gateway, path] = [text.slice(0, Math.max(0, cut)), text.slice(cut + 1)]
    if (!isMachineName(gateway) || path === '')
      throw new AppError('usage', `--rules: expected GATEWAY=FILE, found ${quoted(text)}`, {
        advice: 'Such as --rules gw1=ruleset.json, with the output of `nft -j -a list ruleset` on gw1 in the file.',
      })
    const problems: string[] = []
    const found = await newestIn([{ name: path, path, isGzip: path.endsWith('.gz') }], '', until, problems)
    if (found === null)
      throw new AppError(
        'usage',
        `--rules: ${quoted(path, 200)} holds no ruleset${problems.length === 0 ? '' : `: ${problems.join('; ')}`}`,
        {
          advice: 'Write the output of `nft -j -a list ruleset` into it, as root on the gateway.',
        },
      )
    byGateway.set(gateway, found)
  }
  const directory = places.capture !== '' ? places.capture : places.files.length === 0 ? places.journals : ''
  if (directory === '' || (places.capture === '' && !(await isDirectory(directory)))) return { byGateway, notes }
  const { hosts } = await findCapture(directory).catch((error: unknown) => {
    // Journals without anything in them yet are no reason to stop.
    if (places.capture === '' && error instanceof AppError) return { hosts: [] as readonly CaptureHost[] }
    throw error
  })
  for (const { name, sources } of hosts) {
    if (byGateway.has(name)) continue
    const files = sources.flatMap(({ kind, files: own }) => (kind === 'ruleset' || kind === 'ruleset-dump' ? own : []))
    const found = await newestIn(files, `${name}/`, until, notes)
    if (found !== null) byGateway.set(name, found)
  }
  return { byGateway, notes }
}

type File = { readonly name: string; readonly path: string; readonly isGzip: boolean }

/** The newest dump that can be read; an undated one only where no dated one is. */
async function newestIn(
  files: readonly File[],
  prefix: string,
  until: Micros,
  notes: string[],
): Promise<FoundRuleset | null> {
  const dumps: { readonly at: Micros | null; readonly text: string; readonly place: string }[] = []
  for (const file of files) {
    const place = `${prefix}${file.name}`
    const read = await readWhole(file, 'utf8')
    if ('problem' in read) notes.push(`${place} ${read.problem}`)
    else if (!read.text.trimStart().startsWith('#')) dumps.push({ at: null, text: read.text, place })
    else
      for (const dump of splitRulesetDumps(read.text)) {
        if (dump.at !== null && dump.at <= until) dumps.push({ at: dump.at, text: dump.text, place })
      }
  }
  const age = (at: Micros | null) => at ?? Number.NEGATIVE_INFINITY
  for (const { at, text, place } of dumps.toSorted((a, b) => (age(a.at) === age(b.at) ? 0 : age(b.at) - age(a.at)))) {
    const document = readRulesetDocument(text)
    if (!('problem' in document)) return { document, at, place }
    notes.push(`${place} ${document.problem}`)
  }
  return null
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}

/** Where the daemon that writes to a store keeps what it saw of commands, unless its pipeline says otherwise. */
export function journalsBeside(store: string): string {
  return join(`${store.replace(/\/+$/, '')}-state`, 'journals')
}
