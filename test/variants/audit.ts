/** Audit logs of the hosts as other kernels, daemons, settings and transports would have written them: the same events. */
import { typeOfName } from '../../src/sources/auditd/record-type.ts'
import { type CaptureCase, edit, remove } from './case.ts'
import { joined } from './layout.ts'
import type { Random } from './random.ts'

const LOG = /\/audit\.log/
export const AUDITED = ['db1', 'app1'] as const

/** One record of a file, with the lines that an attacker's socket path put behind it. */
export type AuditLine = {
  readonly name: string
  /** As written. */
  readonly seconds: string
  readonly millis: string
  readonly serial: number
  /** Behind `audit(…): `, with auditd's own part. */
  readonly body: string
  /** Lines behind it that are part of its text, each with its LF. */
  readonly tail: string
}

const HEAD = /^type=(\S+) msg=audit\((\d+)\.(\d{3}):(\d+)\): ?(.*)$/s

/** The lab's logs: `type=` first, every line ends in LF. */
export function readLines(text: string): AuditLine[] {
  const lines: AuditLine[] = []
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const head = isInjected(line) ? null : HEAD.exec(line)
    const last = lines.at(-1)
    if (head !== null) {
      const [, name = '', seconds = '', millis = '', serial = '', body = ''] = head
      lines.push({ name, seconds, millis, serial: Number(serial), body, tail: '' })
    } else if (last !== undefined) lines[lines.length - 1] = { ...last, tail: `${last.tail}${line}\n` }
  }
  return lines
}

export function writeLine({ name, seconds, millis, serial, body, tail }: AuditLine): string {
  return `type=${name} msg=audit(${seconds}.${millis}:${serial}): ${body}\n${tail}`
}

/** Ends like auditd's part of a socket address and has none of its own. */
export function isInjected(line: string): boolean {
  return line.endsWith(' }') && !line.includes('\x1d')
}

/** Each file by itself, its records changed, left out or doubled. */
export function editRecords(
  one: CaptureCase,
  change: (lines: readonly AuditLine[], name: string) => readonly AuditLine[],
): void {
  edit(one, LOG, (text, name) => change(readLines(text), name).map(writeLine).join(''))
}

/** `log_format = RAW`: nothing is interpreted, so no path spills over either. */
export function asRaw(one: CaptureCase): void {
  editRecords(one, (lines) => lines.map((line) => ({ ...line, body: withoutNames(line.body), tail: '' })))
}

function withoutNames(body: string): string {
  const at = body.indexOf('\x1d')
  return at < 0 ? body : body.slice(0, at)
}

/** `name_format` of auditd.conf. */
export function withNode(one: CaptureCase, node: string): void {
  edit(one, LOG, (text) =>
    readLines(text)
      .map((line) => `node=${node} ${writeLine(line)}`)
      .join(''),
  )
}

/** The kernel's multicast, one message a line: EOE behind events of several records, nothing of the daemon itself. */
export function asMulticast(one: CaptureCase): void {
  editRecords(one, (lines) => lines.filter(({ name }) => !name.startsWith('DAEMON_')))
  addEnds(one)
  edit(one, LOG, (text) =>
    readLines(text)
      .map((line) => {
        const { name, seconds, millis, serial, body } = line
        return `${typeOfName(name)}|audit(${seconds}.${millis}:${serial}): ${withoutNames(body)}\n`
      })
      .join(''),
  )
}

/** `journalctl -o json -a _TRANSPORT=audit` beside other entries; the log files are gone. */
export function asJournal(one: CaptureCase): void {
  for (const host of AUDITED) {
    const entries = readLines(joined(one, `${host}/audit.log`))
      .filter(({ name }) => !name.startsWith('DAEMON_'))
      .map((line, index) => journalEntry(line, index, host))
    remove(one, new RegExp(`^${host}/audit\\.log`))
    const other = { _TRANSPORT: 'syslog', MESSAGE: 'type=LOGIN msg=audit(1.000:1): pid=1 ses=9', __CURSOR: 's=1' }
    one.files.set(`${host}/journal.json`, [...entries, JSON.stringify(other)].map((entry) => `${entry}\n`).join(''))
  }
}

function journalEntry({ name, seconds, millis, serial, body }: AuditLine, index: number, host: string): string {
  const at = `${seconds}${millis}000`
  return JSON.stringify({
    __CURSOR: `s=1b0c;i=${index.toString(16)};b=77d0;m=1;t=${at};x=${index}`,
    __REALTIME_TIMESTAMP: `${seconds}${millis}731`,
    _SOURCE_REALTIME_TIMESTAMP: at,
    _BOOT_ID: '77d0c1f2a8544a1c9c9f3a5d5a2b6e01',
    _HOSTNAME: host,
    _TRANSPORT: 'audit',
    _AUDIT_TYPE: String(typeOfName(name)),
    _AUDIT_TYPE_NAME: name,
    _AUDIT_ID: String(serial),
    SYSLOG_IDENTIFIER: 'audit',
    MESSAGE: `${name} ${withoutNames(body)}`,
  })
}

/** EOE behind the last record of every event of several. */
export function addEnds(one: CaptureCase): void {
  editRecords(one, (lines) => {
    const last = new Map(lines.map((line, index) => [keyOf(line), index]))
    const counts = new Map<string, number>()
    for (const line of lines) counts.set(keyOf(line), (counts.get(keyOf(line)) ?? 0) + 1)
    return lines.flatMap((line, index) => {
      const isEnd = last.get(keyOf(line)) === index && (counts.get(keyOf(line)) ?? 0) > 1
      return isEnd ? [line, { ...line, name: 'EOE', body: '', tail: '' }] : [line]
    })
  })
}

export function withoutTypes(one: CaptureCase, type: RegExp): void {
  editRecords(one, (lines) => lines.filter(({ name }) => !type.test(name)))
}

/** No rule on accept: connections leave no record. */
export function withoutAccepts(one: CaptureCase): void {
  editRecords(one, (lines) => {
    const accepts = new Set(
      lines.filter(({ name, body }) => name === 'SYSCALL' && / syscall=(43|288) /.test(body)).map(keyOf),
    )
    return lines.filter((line) => !accepts.has(keyOf(line)))
  })
}

/**
 * Under load: events begin in their order, and each further record of one comes up to `spread` lines later, behind the one
 * before it. That is how the kernel's queue mixes them. `within`: no later than that many seconds of the log's time.
 */
export function interleave(
  one: CaptureCase,
  spread: number,
  random: Random,
  within: number = Number.POSITIVE_INFINITY,
): void {
  editRecords(one, (lines) => {
    const places = new Map<string, number>()
    const clock = clockOf(lines)
    const placed = lines.map((line, index) => {
      const before = places.get(keyOf(line))
      const later = before === undefined ? index : Math.max(index, before) + random.next() * spread
      const last = clock.findLastIndex((at) => at <= (clock[index] ?? 0) + within)
      const place = Math.min(later, Math.max(last, before ?? 0))
      places.set(keyOf(line), place)
      return { line, place }
    })
    return placed.sort((a, b) => a.place - b.place).map(({ line }) => line)
  })
}

/** Running maximum of the stamps, in seconds, at each line. */
function clockOf(lines: readonly AuditLine[]): number[] {
  let clock = 0
  return lines.map(({ seconds, millis }) => {
    clock = Math.max(clock, Number(`${seconds}.${millis}`))
    return clock
  })
}

/** Records of each event in any order, in the places they had; arguments go on in theirs, and the title ends an event. */
export function shuffleEvents(one: CaptureCase, random: Random): void {
  editRecords(one, (lines) => {
    const groups = Map.groupBy(lines, keyOf)
    for (const [key, group] of groups) {
      const free = group.filter(({ name }) => name !== 'PROCTITLE' && name !== 'EXECVE')
      for (let i = free.length - 1; i > 0; i--) {
        const j = random.below(i + 1)
        const held = free[i]
        const other = free[j]
        if (held === undefined || other === undefined) continue
        free[i] = other
        free[j] = held
      }
      const isFixed = ({ name }: AuditLine) => name === 'PROCTITLE' || name === 'EXECVE'
      groups.set(
        key,
        group.map((line) => (isFixed(line) ? line : (free.shift() ?? line))),
      )
    }
    return lines.map((line) => groups.get(keyOf(line))?.shift() ?? line)
  })
}

/** The clock of one host, ahead by whole seconds; what its log says of others' words stays as it was said. */
export function setClock(one: CaptureCase, host: string, seconds: number): void {
  editRecords(one, (lines, name) => (name.startsWith(`${host}/`) ? lines.map((line) => shifted(line, seconds)) : lines))
  one.clocks.set(host, seconds)
}

function shifted(line: AuditLine, seconds: number): AuditLine {
  return { ...line, seconds: String(Number(line.seconds) + seconds) }
}

/** The machine starts again and writes the same: serials from 1, the same login sessions, `seconds` later. No gateway saw it. */
export function addBoot(one: CaptureCase, seconds: number): void {
  for (const host of AUDITED) {
    const lines = readLines(joined(one, `${host}/audit.log`)).filter(({ name }) => !name.startsWith('DAEMON_'))
    const first = Math.min(...lines.map(({ serial }) => serial))
    const again = lines.map((line) => ({ ...shifted(line, seconds), serial: line.serial - first + 1 }))
    const text = one.files.get(`${host}/audit.log`) ?? ''
    one.files.set(`${host}/audit.log`, text + again.map(writeLine).join(''))
  }
}

export function keyOf({ seconds, millis, serial }: AuditLine): string {
  return `${seconds}.${millis}:${serial}`
}
