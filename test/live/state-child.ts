/** A process that holds a state file and commits checkpoints to it, for tests that end it: at the nth step of a name, or while it waits. */
import { writeSync } from 'node:fs'
import { freeze, openStateFile } from '../../src/live/state-file.ts'
import { madeEngine } from './made-engine.ts'

export type StateTask = {
  readonly dir: string
  readonly commits: number
  readonly killAt: string
  readonly times: number
}

// Also imported, for its type.
if (import.meta.filename === process.argv[1]) {
  // A test of ours wrote it.
  const { dir, commits, killAt, times } = JSON.parse(process.argv[2] ?? '') as StateTask
  let left = times
  const state = openStateFile(dir, 1, (name) => {
    if (name === killAt && --left === 0) process.kill(process.pid, 'SIGKILL')
  })
  for (let n = 1; n <= commits; n++) {
    state.commit(freeze(n, madeEngine(n), new Map([['log', `cursor ${n}`]])), new Map([['ndjson', `position ${n}`]]))
    writeSync(1, `ack ${n}\n`)
  }
  writeSync(1, 'holding\n')
  for await (const _ of process.stdin);
}
