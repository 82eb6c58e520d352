/**
 * `report reveal`: reads the mapping beside a pseudonymised report and says who is meant. Who does that is recorded before anything is
 * shown: the pseudonyms were made so that it happens for a reason.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import {
  MAPPING_BYTES_MAX,
  MAPPING_FILE,
  type OpenedMapping,
  openMapping,
} from '../reports/privacy/pseudonym-mapping.ts'
import type { UsedPseudonym } from '../reports/privacy/pseudonyms.ts'
import { quoted, safeText } from '../safe-text.ts'
import { reasonOf } from '../store/write-error.ts'
import type { Micros } from '../time.ts'
import { recordAccess } from './access-log.ts'
import { printJson } from './ascii-json.ts'
import { readSecretFile } from './signing-key.ts'
import type { Environment } from './store-place.ts'
import type { Terminal } from './terminal.ts'

export type RevealArguments = {
  readonly path: string
  /** Empty = all. */
  readonly pseudonyms: readonly string[]
  /** File with the secret. */
  readonly key: string
  readonly isJson: boolean
}

export type RevealContext = { readonly terminal: Terminal; readonly environment: Environment; readonly now: Micros }

/**
 * Exit 0; 1: one that was asked for is not in this report. Throws AppError `bad-secret` for another secret than the report was made
 * with, `usage`, `cannot-read`.
 */
export async function runReveal(
  { path, pseudonyms, key, isJson }: RevealArguments,
  { terminal, environment, now }: RevealContext,
): Promise<number> {
  const secret = readSecretFile(key)
  const file = mappingFile(path)
  const used = usedOf(openMapping(secret, readMapping(file)), file, key)
  const found = pseudonyms.length === 0 ? used : used.filter((each) => pseudonyms.includes(each.pseudonym))
  const missing = [...new Set(pseudonyms)].filter((each) => !found.some(({ pseudonym }) => pseudonym === each))
  const exit = missing.length > 0 ? 1 : 0
  await recordAccess(
    { dir: '', name: `report ${path}` },
    {
      action: 'report-revealed',
      // Not where the secret lies.
      command: ['report', 'reveal', path, ...pseudonyms],
      at: now,
      period: null,
      query: pseudonyms.join(' '),
      documents: found.length,
      report: null,
      exit,
    },
    environment,
    terminal,
  )
  terminal.out(isJson ? printJson({ pseudonyms: found, missing }) : linesOf(found))
  for (const each of missing) terminal.err(`${quoted(each)} is not in this report\n`)
  return exit
}

function linesOf(found: readonly UsedPseudonym[]): string {
  const width = Math.max(0, ...found.map(({ pseudonym }) => pseudonym.length))
  return found
    .map(({ pseudonym, texts }) => `${safeText(pseudonym).padEnd(width)}  ${texts.map(safeText).join(' · ')}\n`)
    .join('')
}

function usedOf(mapping: OpenedMapping, file: string, key: string): readonly UsedPseudonym[] {
  switch (mapping.is) {
    case 'open':
      return mapping.used
    case 'other-secret':
      throw new AppError('bad-secret', `${safeText(file)} was made with another secret than ${safeText(key)}`, {
        advice: 'Name the file that --pseudonymise was given when this report was made.',
      })
    case 'damaged':
      throw new AppError('cannot-read', `${safeText(file)} was changed since it was written, or cut`, {
        advice: '`peertrail verify` on the folder names what differs from the report as it was made.',
      })
    case 'no-mapping':
      throw new AppError('usage', `${safeText(file)} holds no pseudonyms`, {
        advice: 'Name the folder of a report that was made with --pseudonymise, or its pseudonyms.json.',
      })
    default:
      return mapping satisfies never
  }
}

/** A folder stands for the file in it. */
function mappingFile(path: string): string {
  try {
    return statSync(path).isDirectory() ? join(path, MAPPING_FILE) : path
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

function readMapping(file: string): string {
  let descriptor = -1
  try {
    // A pipe without a writer would be waited for.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
    const stat = fstatSync(descriptor)
    if (!stat.isFile() || stat.size > MAPPING_BYTES_MAX)
      throw new Error(`it is no file of at most ${MAPPING_BYTES_MAX >> 20} MiB`)
    return readFileSync(descriptor, 'utf8')
  } catch (cause) {
    throw unreadable(file, cause)
  } finally {
    if (descriptor >= 0) closeSync(descriptor)
  }
}

function unreadable(path: string, cause: unknown): AppError {
  return new AppError('cannot-read', `cannot read ${safeText(path)}: ${safeText(reasonOf(cause))}`, {
    cause,
    advice: 'Name the folder of a report that was made with --pseudonymise, or its pseudonyms.json.',
  })
}
