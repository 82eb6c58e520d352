/** What a command writes hidden before it is whole must not stay when the command is told to end: it is half a report, full of names. */
import { rmSync } from 'node:fs'

/** From the keyboard, from a service manager, from a terminal that is gone. */
const ENDS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Removes a file or folder of that path at a signal, which then ends the process as it would have. Returns what ends the waiting. */
export function removeAtSignal(path: string): () => void {
  const end = (signal: NodeJS.Signals) => {
    leave()
    rmSync(path, { recursive: true, force: true })
    process.kill(process.pid, signal)
  }
  const leave = () => {
    for (const signal of ENDS) process.off(signal, end)
  }
  for (const signal of ENDS) process.once(signal, end)
  return leave
}
