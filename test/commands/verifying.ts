/** `verify PATH` as a person runs it, in this process. */
import { join } from 'node:path'
import { expect } from 'vitest'
import { makeKeyPair, readSigner, type Signer, writeNewFiles } from '../../src/commands/signing-key.ts'
import { runVerify, type VerifyArguments } from '../../src/commands/verify.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

export type Problem = { file: string; what: string; expected: string; found: string }
export type Told = { exit: number; problems: Problem[]; text: string; json: Record<string, unknown> }

/** Both forms of the answer; no store is near. */
export async function verify(path: string, args: Partial<VerifyArguments> = {}): Promise<Told> {
  const environment = { PEERTRAIL_STORE: join(path, 'no-such-store') }
  const run = async (isJson: boolean) => {
    const terminal = createMemoryTerminal()
    const all = { path, store: '', pipeline: '', publicKey: '', anchors: [], isJson, ...args }
    return { exit: await runVerify(all, environment, terminal), printed: terminal.printed() }
  }
  const { exit, printed } = await run(true)
  const people = await run(false)
  expect(people.exit).toBe(exit)
  // What the command printed of itself.
  const json = JSON.parse(printed) as Record<string, unknown>
  return { exit, problems: json['problems'] as Problem[], text: people.printed, json }
}

/** A pair in files of a folder. */
export function makeKey(place: string, name: string): { signer: Signer; publicKey: string } {
  const { privateKey, publicKey } = makeKeyPair()
  writeNewFiles([
    { path: join(place, name), text: privateKey, isPrivate: true },
    { path: join(place, `${name}.pub`), text: publicKey, isPrivate: false },
  ])
  return { signer: readSigner(join(place, name)), publicKey: join(place, `${name}.pub`) }
}

/** `FILE WHAT` of each. */
export const namesOf = (problems: readonly Problem[]) => problems.map(({ file, what }) => `${file} ${what}`)
