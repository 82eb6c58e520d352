/** Refused documents, for tests: small, each with an id of its own. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { DeadLetter } from '../../../src/sinks/elasticsearch/dead-letters.ts'
import { letterFiles, letterLines } from '../../../src/sinks/elasticsearch/letter-files.ts'
import { parseLetter } from '../../../src/sinks/elasticsearch/letter-line.ts'
import { SECOND } from '../../../src/time.ts'
import { START } from '../../store/made-events.ts'

export const FIREWALL = 'logs-wireguard.firewall-default'

export function madeLetter(n: number, parts: Partial<DeadLetter> = {}): DeadLetter {
  const id = `id${String(n).padStart(8, '0')}`
  return {
    at: START + n * SECOND,
    stream: FIREWALL,
    id,
    status: 400,
    type: 'document_parsing_exception',
    reason: `[1:${n}] failed to parse field [source.ip] of type [ip] in document with id '${id}'. Preview of field's value: 'x${n}'`,
    document: `{"@timestamp":"2026-11-22T15:00:00.000${n % 10}Z","event":{"id":"${id}"},"source":{"ip":"x${n}"}}`,
    ...parts,
  }
}

export const lettersOf = (from: number, to: number): DeadLetter[] =>
  Array.from({ length: to - from }, (_, n) => madeLetter(from + n))

export const idsOf = (letters: readonly DeadLetter[]): string[] => letters.map(({ id }) => id)

/** All that lie in a directory, in the order of the files; twice where they stand twice. */
export function lettersIn(dir: string): DeadLetter[] {
  return letterFiles(dir).flatMap((path) => [...letterLines(path)].map(parseLetter).filter((letter) => letter !== null))
}

/** Names of everything in a directory, with how many bytes each has. */
export function sizesIn(dir: string): Record<string, number> {
  return Object.fromEntries(
    readdirSync(dir)
      .sort()
      .map((name) => [name, statSync(join(dir, name)).size]),
  )
}
