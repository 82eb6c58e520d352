/** Crash points of `peertrail run`, for tests of what a kill leaves behind. */
import type { Environment } from './store-place.ts'

/** Named points at which tests end the process as a power loss would: `PEERTRAIL_CRASH_AT=checkpoint-written:3` = the third time. */
export function crashAt({ PEERTRAIL_CRASH_AT: wanted = '' }: Environment): (name: string) => void {
  const [point = '', times = '1'] = wanted.split(':')
  if (point === '') return () => {}
  let left = Number(times)
  return (name) => {
    if (name === point && --left === 0) process.kill(process.pid, 'SIGKILL')
  }
}
