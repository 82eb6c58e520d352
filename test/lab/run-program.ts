/** Programs of the lab's own making, one after another and without a shell. */
import { spawnSync } from 'node:child_process'

/** What a run gave; `status` is -1 when it could not be started or was ended by a signal. */
export type ProgramEnd = { readonly status: number; readonly stdout: string; readonly stderr: string }

/** Bytes of output: the whole store as JSON passes here. */
const OUTPUT_BYTES_MAX = 512 * 1024 * 1024
/** Nothing that is run here takes longer, except apt-get. */
const PATIENCE_MS = 60_000

/** Never throws. */
export function attempt(argv: readonly string[], input = '', patienceMs = PATIENCE_MS): ProgramEnd {
  const [program = '', ...rest] = argv
  const end = spawnSync(program, rest, {
    input,
    encoding: 'utf8',
    maxBuffer: OUTPUT_BYTES_MAX,
    timeout: patienceMs,
  })
  return { status: end.status ?? -1, stdout: end.stdout ?? '', stderr: end.error?.message ?? end.stderr ?? '' }
}

/** What it printed. Throws when it did not end with status 0; the message holds no input, which may be a key. */
export function run(argv: readonly string[], input = ''): string {
  const { status, stdout, stderr } = attempt(argv, input)
  if (status !== 0) throw new Error(`${argv.join(' ')}: status ${status}: ${stderr.trim().slice(0, 500)}`)
  return stdout
}
