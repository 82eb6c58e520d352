/** `who` and `peers` as a person runs them, in this process. */
import { runPeers } from '../../src/commands/peers.ts'
import { runWho } from '../../src/commands/who.ts'
import { parseInstant } from '../../src/quantities.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

/** What `now` means in tests: after the demo. */
export const NOW = parseInstant('2026-11-22T16:00:00Z') ?? 0

export type Options = {
  readonly at?: string
  readonly within?: string
  readonly gateway?: string
  readonly isJson?: boolean
  readonly isCsv?: boolean
  readonly color?: boolean
}

export type Told = { readonly exit: number; readonly printed: string; readonly said: string }

/** `who ADDRESS` on the store in `dir`. */
export async function who(dir: string, address: string, options: Options = {}): Promise<Told> {
  const { at = '', within = '', gateway = '', isJson = false, color = false } = options
  const terminal = createMemoryTerminal(color)
  const exit = await runWho({ address, at, within, gateway, isJson, store: dir, pipeline: '' }, NOW, {}, terminal)
  return { exit, printed: terminal.printed(), said: terminal.said() }
}

/** The first line and the exit status. */
export async function headOf(dir: string, address: string, options: Options = {}): Promise<string> {
  const { exit, printed } = await who(dir, address, options)
  return `${exit} ${printed.split('\n\n')[0]?.split('\nat ')[0]?.split('\nas of ')[0]?.replaceAll('\n', ' ')}`
}

/** The JSON answer. */
// biome-ignore lint/suspicious/noExplicitAny: documents of the command's own, read only by tests
export async function whoJson(dir: string, address: string, options: Options = {}): Promise<any> {
  return JSON.parse((await who(dir, address, { ...options, isJson: true })).printed)
}

/** `peers` on the store in `dir`. */
export async function peers(dir: string, options: Options = {}): Promise<Told> {
  const { at = '', gateway = '', isJson = false, isCsv = false, color = false } = options
  const terminal = createMemoryTerminal(color)
  const exit = await runPeers({ at, gateway, isJson, isCsv, store: dir, pipeline: '' }, NOW, {}, terminal)
  return { exit, printed: terminal.printed(), said: terminal.said() }
}
