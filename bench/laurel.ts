/**
 * LAUREL doing the same work: records on standard input, coalesced by (node, time, serial), addresses and titles decoded,
 * arguments as arrays, JSON lines into one file. It does less than peertrail: no ECS names, no action or outcome, no line as it
 * was, no session. What looks at the machine it runs on (processes, containers, scripts) is off: the log is from elsewhere.
 * Authority: laurel(8) and the configuration that comes with 0.5.1. Nothing outside its work directory.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Job } from './measure.ts'
import { type PeerProgram, writeConfig } from './peer-program.ts'

export type LaurelJob = {
  readonly job: Job
  readonly output: string
  /** Lines it could not read; made with the first. */
  readonly errors: string
  /** Before each run: it appends to what is there. */
  forget(): void
}

/** More than any output here, so that it never rotates. */
const FILE_BYTES_MAX = 1_000_000_000_000

export function laurelJob(program: PeerProgram, workDirectory: string, input: string): LaurelJob {
  const directory = join(workDirectory, 'laurel')
  const configuration = `directory = "${directory}"
statusreport-period = 0
[auditlog]
file = "laurel.ndjson"
size = ${FILE_BYTES_MAX}
generations = 1
[debug.parse-error-log]
file = "errors.log"
size = ${FILE_BYTES_MAX}
generations = 1
[transform]
execve-argv = [ "array" ]
[translate]
universal = true
user-db = false
[enrich]
pid = false
execve-env = []
container = false
script = false
`
  const config = writeConfig(join(workDirectory, 'laurel.toml'), configuration)
  return {
    job: { command: program.path, args: ['-c', config], env: program.env, input },
    output: join(directory, 'laurel.ndjson'),
    errors: join(directory, 'errors.log'),
    forget() {
      rmSync(directory, { recursive: true, force: true })
      mkdirSync(directory, { recursive: true })
    },
  }
}

/** `laurel 0.5.1`; the program says the number alone. */
export function laurelVersion(program: PeerProgram): string {
  const said = execFileSync(program.path, ['--version'], { env: { ...process.env, ...program.env } })
  return `laurel ${said.toString().trim()}`
}
