/** What the store tells, asked the way a person asks: by the commands of the product. Documents are looked into by dotted name. */
import { join } from 'node:path'
import { attempt } from './run-program.ts'

/** One document, and its printed text. */
export type Found = {
  readonly text: string
  /** Of a field; undefined where the document does not have it. */
  get(field: string): unknown
  /** The same as text: numbers and truths printed, '' where there is none, JSON of what has parts. */
  say(field: string): string
}

const MAIN = join(import.meta.dirname, '../../src/main.ts')
const COMMAND_PATIENCE_MS = 60_000

/** Every document of the store, oldest first. Throws when the command fails. */
export function searchAll(store: string): Found[] {
  const datasets = ['firewall', 'flow', 'audit', 'session', 'finding', 'coverage', 'peer']
  const words = ['search', '', '--json', '--limit', '0', '--oldest', ...datasets.flatMap((each) => ['--dataset', each])]
  return ask(store, words).split('\n').filter(Boolean).map(found)
}

/** The one object that `who … --json` and `peers … --json` print. */
export function askFor(store: string, words: readonly string[]): Found {
  return found(ask(store, [...words, '--json']))
}

/** Micros of a date field; NaN where there is none. */
export function timeOf(document: Found, field: string): number {
  const iso = document.get(field)
  if (typeof iso !== 'string') return Number.NaN
  // Milliseconds by Date, what is below by hand.
  const micros = /\.\d{3}(\d{3})Z$/.exec(iso)?.[1] ?? '0'
  return Date.parse(iso) * 1000 + Number(micros)
}

function ask(store: string, words: readonly string[]): string {
  const { status, stdout, stderr } = attempt(
    [process.execPath, MAIN, ...words, '--store', store],
    '',
    COMMAND_PATIENCE_MS,
  )
  // 1: done, and what was asked for is not exact.
  if (status !== 0 && status !== 1)
    throw new Error(`peertrail ${words.join(' ')}: exit ${status}: ${stderr.slice(-300)}`)
  return stdout
}

/** `text`: one JSON object. */
export function found(text: string): Found {
  const tree: unknown = JSON.parse(text)
  const get = (field: string) =>
    field.split('.').reduce<unknown>((node, name) => {
      if (typeof node !== 'object' || node === null) return undefined
      // A plain object of JSON.parse; names are looked up, never called.
      return (node as Readonly<Record<string, unknown>>)[name]
    }, tree)
  return {
    text,
    get,
    say(field) {
      const value = get(field)
      return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value)
    },
  }
}
