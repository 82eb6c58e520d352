/** Asks a program of this machine once, within limits, and finds out versions. */
import type { Clock } from '../live/clock.ts'
import { runCommand } from '../live/collectors/run-command.ts'
import { safeText } from '../safe-text.ts'
import { hideKeys } from '../sources/hostfacts/fact-schemas.ts'
import { type Fact, isKnown } from '../sources/hostfacts/facts.ts'

const TIMEOUT_MS = 5_000
/** A ruleset with every country's prefixes is some 20 MiB. */
const BYTES_MAX = 64 * 1024 * 1024
/** Characters of what a program said on stderr. */
const SAID_MAX = 200

/** Standard output as UTF-8. `path`: where the program is, '' = nowhere. Never rejects. */
export async function askProgram(
  name: string,
  path: string,
  args: readonly string[],
  clock: Clock,
): Promise<Fact<string>> {
  if (path === '') return { problem: `${name} is not installed` }
  const { stdout, stderr, problem } = await runCommand(
    [path, ...args],
    { timeoutMs: TIMEOUT_MS, bytesMax: BYTES_MAX },
    clock,
  ).done
  if (problem === '') return stdout.toString('utf8')
  const said = hideKeys(safeText(stderr.trim().split('\n', 1).join(''))).slice(0, SAID_MAX)
  return { problem: said === '' ? `${name}: ${problem}` : `${name}: ${said}` }
}

/** Programs whose version decides something, and how they are asked. */
const VERSIONS: readonly (readonly [program: string, argument: string])[] = [
  ['wg', '--version'],
  ['nft', '--version'],
  ['conntrack', '--version'],
  ['auditctl', '-v'],
  ['ulogd', '--version'],
  ['journalctl', '--version'],
]

/** `1.0.20210914` of `wireguard-tools v1.0.20210914 - …`; programs that are not there are left out. Never rejects. */
export async function programVersions(
  programs: Readonly<Record<string, string>>,
  clock: Clock,
): Promise<Record<string, string>> {
  const told = await Promise.all(
    VERSIONS.map(async ([name, argument]): Promise<[string, string][]> => {
      const path = programs[name] ?? ''
      if (path === '') return []
      const text = await askProgram(name, path, [argument], clock)
      const version = isKnown(text) ? /\d+(?:\.\d+)+|\b\d{3}\b/.exec(text)?.[0] : undefined
      return version === undefined ? [] : [[name, version]]
    }),
  )
  return Object.fromEntries(told.flat())
}
