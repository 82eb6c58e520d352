/**
 * Facts that only programs tell: audit rules and state (auditctl), the clock (timedatectl, chronyc).
 *
 *   auditctl -l:        -w /etc/wireguard -p wa -k wireguard
 *   auditctl -s:        enabled 1
 *   timedatectl show:   NTPSynchronized=yes
 *   chronyc -n -c tracking:   C0248F71,192.36.143.113,3,1795345602.1,0.000012,…
 *
 * Authority: auditctl(8), timedatectl(1), chronyc(1) (CSV of `-c`: reference id, address, stratum, reference time, system time, …).
 */
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { safeText } from '../../safe-text.ts'
import { hideKeys } from '../../sources/hostfacts/fact-schemas.ts'
import type { AuditFacts, ChronyFacts, ClockFacts, Fact } from '../../sources/hostfacts/facts.ts'
import { isKnown } from '../../sources/hostfacts/facts.ts'
import type { Clock } from '../clock.ts'
import { runCommand } from '../collectors/run-command.ts'

/** What doctor and the collectors ask for. */
const PROGRAMS = [
  'wg',
  'wg-quick',
  'nft',
  'conntrack',
  'auditctl',
  'journalctl',
  'ulogd',
  'sysctl',
  'timedatectl',
  'chronyc',
  'apt-cache',
]

/** A unit's PATH may lack sbin, where most of them are. */
const FOLDERS = ['usr/local/sbin', 'usr/local/bin', 'usr/sbin', 'usr/bin', 'sbin', 'bin']

const LIMITS = { timeoutMs: 5_000, bytesMax: 1024 * 1024 }
const RULES_MAX = 2_000
const LINE_MAX = 1_000
/** Characters of what a program said on stderr. */
const SAID_MAX = 200

/** Absolute path of each program, '' where it is not found. */
export function programFacts(root: string): Record<string, string> {
  return Object.fromEntries(
    PROGRAMS.map((name) => [name, FOLDERS.map((dir) => join(root, dir, name)).find(isProgram) ?? '']),
  )
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Each is asked once, within LIMITS. */
export async function auditFacts(programs: Readonly<Record<string, string>>, clock: Clock): Promise<AuditFacts> {
  const [rules, status] = await Promise.all([
    lines(programs, 'auditctl', ['-l'], clock),
    lines(programs, 'auditctl', ['-s'], clock),
  ])
  return {
    rules: isKnown(rules) ? rules.filter((rule) => rule !== 'No rules').slice(0, RULES_MAX) : rules,
    status: isKnown(status) ? pairs(status, ' ') : status,
  }
}

/** What systemd says of the clock. */
export async function systemdClock(
  programs: Readonly<Record<string, string>>,
  clock: Clock,
): Promise<Fact<ClockFacts>> {
  const shown = await lines(programs, 'timedatectl', ['show'], clock)
  if (!isKnown(shown)) return shown
  const said = new Map(Object.entries(pairs(shown, '=')))
  const yes = (name: string) => (said.has(name) ? said.get(name) === 'yes' : null)
  return { timezone: said.get('Timezone') ?? '', isNtpOn: yes('NTP'), isSynchronized: yes('NTPSynchronized') }
}

/** What chronyd says of the clock. */
export async function chronyClock(
  programs: Readonly<Record<string, string>>,
  clock: Clock,
): Promise<Fact<ChronyFacts>> {
  const shown = await lines(programs, 'chronyc', ['-n', '-c', 'tracking'], clock)
  if (!isKnown(shown)) return shown
  const [, reference = '', stratum = '', , offset = ''] = (shown[0] ?? '').split(',')
  if (!/^\d+$/.test(stratum) || offset === '' || Number.isNaN(Number(offset))) {
    return { problem: 'chronyc did not answer in its usual form' }
  }
  return { reference, stratum: Number(stratum), offset: Number(offset) }
}

async function lines(
  programs: Readonly<Record<string, string>>,
  name: string,
  rest: readonly string[],
  clock: Clock,
): Promise<Fact<string[]>> {
  const program = programs[name] ?? ''
  if (program === '') return { problem: `${name} is not installed` }
  const { stdout, stderr, problem } = await runCommand([program, ...rest], LIMITS, clock).done
  if (problem !== '') {
    const said = hideKeys(safeText(stderr.trim().replaceAll('\n', ' '))).slice(0, SAID_MAX)
    return { problem: `${name}: ${problem}${said === '' ? '' : `: ${said}`}` }
  }
  const told = stdout.toString('latin1').split('\n')
  return told.filter((line) => line.trim() !== '').map((line) => hideKeys(line).slice(0, LINE_MAX))
}

/** `name<separator>value` lines, sorted by name: printed facts are compared. */
function pairs(told: readonly string[], separator: string): Record<string, string> {
  const found = told.flatMap((line): [string, string][] => {
    const at = line.indexOf(separator)
    return at > 0 ? [[line.slice(0, at), line.slice(at + separator.length)]] : []
  })
  return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)))
}
