/**
 * Lines in an ENRICHED audit.log that no auditd meant to write: auditd interprets the path of a local socket unescaped, so a
 * path with LFs continues on lines of its own, and any local user may choose it (formats.md 3.8, trap 1):
 *
 *   type=SOCKADDR msg=audit(…): saddr=01007A0A74797065…^]SADDR={ saddr_fam=local path=z
 *   type=USER_LOGIN msg=audit(1795345500.000:99): pid=1 uid=0 auid=0 ses=9 msg='op=login acct=root' }
 *
 * Proven: as many lines behind a SOCKADDR as its memory holds LFs, when they are what that memory says, or no records
 * while its interpretation is unfinished; and any line that ends in ` }` without the separator an enriched record has.
 *
 * Not proven, and therefore records: a line whose stamp or serial alone is odd. Gaps of thousands of serials, reboots and old
 * stamps are all real; `doubt.ts` keeps such a line from moving clocks and boots.
 */
import { readHead } from './head.ts'
import { lineFeedsOf } from './socket-address.ts'

export type InjectedLines = {
  /** Why a line is part of another record's text; '' when it may be a record. Must see every line, in order. */
  judge(text: string): '' | 'path-line-feed' | 'enriched-tail'
  /** A SOCKADDR record that was believed: `body` as the kernel wrote it, `enriched` as auditd did. */
  sockaddr(body: string, enriched: string, isSyslog: boolean): void
  /** A line with auditd's separator came: this log is ENRICHED. */
  enriched(): void
  save(): SavedInjectedLines
}

export type SavedInjectedLines = {
  readonly expected: string[]
  readonly isUnfinished: boolean
  readonly isEnriched: boolean
}

const LF = '\n'
/** Before auditd's own part. */
const SEPARATOR = '\x1d'

export function createInjectedLines(saved?: SavedInjectedLines): InjectedLines {
  /** Lines that may still follow the last SOCKADDR, as its memory says them. */
  let expected: string[] = saved?.expected ?? []
  let isUnfinished = saved?.isUnfinished ?? false
  let isEnriched = saved?.isEnriched ?? false

  /** How far into the expected lines this one reaches; 0 = it is none of them. */
  function matched(whole: string): number {
    const text = withoutCr(whole)
    for (const [index, line] of expected.entries()) {
      // Only the last of them has the closing brace that auditd adds.
      if (text === line || (index === expected.length - 1 && text === `${line} }`)) return index + 1
    }
    return 0
  }

  return {
    judge(text) {
      const endsOpen = text.endsWith(' }') && !text.includes(SEPARATOR)
      if (expected.length > 0) {
        const count = matched(text)
        // A log that went through grep lacks lines in between; what follows there may be a record again.
        const isRest = count > 0 || endsOpen || (isUnfinished && readHead(text) === null)
        expected = isRest && (count > 0 || !endsOpen) ? expected.slice(Math.max(count, 1)) : []
        if (isRest) return 'path-line-feed'
      }
      return isEnriched && endsOpen ? 'enriched-tail' : ''
    },
    sockaddr(body, enriched, isSyslog) {
      // Family 1, of a little endian machine; lineFeedsOf counts no other without knowing the machine.
      if (!body.startsWith('saddr=01')) return
      const saddr = memoryOf(body)
      const text = isSyslog ? body : enriched
      const from = text.indexOf('SADDR={')
      if (from < 0 || !saddr.includes('0A')) return
      expected = pathLines(saddr, lineFeedsOf(saddr))
      isUnfinished = !text.endsWith(' }')
    },
    enriched() {
      isEnriched = true
    },
    save: () => ({ expected, isUnfinished, isEnriched }),
  }
}

/** Hex digits of `saddr=`, the record's first field. */
function memoryOf(body: string): string {
  const end = body.indexOf(' ')
  return body.slice('saddr='.length, end < 0 ? body.length : end)
}

/** What stands behind each of the first `count` LFs of a socket's path, up to the next one. */
function pathLines(saddr: string, count: number): string[] {
  // Two bytes of family; an abstract name has a NUL before it.
  const path = Buffer.from(saddr.slice(4), 'hex').toString('latin1')
  const name = path.startsWith('\0') ? path.slice(1) : path
  const end = name.indexOf('\0')
  const lines = (end < 0 ? name : name.slice(0, end)).split(LF).slice(1, count + 1)
  const found = lines.map(withoutCr)
  while (found.length < count) found.push('')
  return found
}

/** The reader of lines takes a CR before the LF away. */
function withoutCr(text: string): string {
  return text.endsWith('\r') ? text.slice(0, -1) : text
}
