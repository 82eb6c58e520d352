/** Lines of an audit log from few words, and what the decoder makes of them. */
import { createAuditDecoder } from '../../../src/sources/auditd/decoder.ts'
import type { AuditEvent } from '../../../src/sources/auditd/record.ts'
import type { Line, Notice, Remark, SourceFile, Suspect, Tally, Unparsed } from '../../../src/sources/source.ts'
import { SECOND } from '../../../src/time.ts'

export type Emitted = AuditEvent | Remark

export type Decoded = {
  readonly items: readonly Emitted[]
  readonly events: readonly AuditEvent[]
  readonly notices: readonly Notice[]
  readonly lost: readonly (Suspect | Unparsed)[]
  readonly tally: Tally
  readonly limits: ReadonlyMap<string, number>
}

export const T0 = 1_795_344_889
export const FILE: SourceFile = { name: 'audit.log', identity: 'abcdefghijklmn' }

/** `seconds` count from T0, with three digits that matter. */
export function line(seconds: number, serial: number, type: string, body = 'pid=1', node = ''): string {
  const stamp = (T0 + seconds).toFixed(3)
  return `${node === '' ? '' : `node=${node} `}type=${type} msg=audit(${stamp}:${serial}): ${body}`
}

/** The three lines of a system call. */
export function call(seconds: number, serial: number, node = ''): string[] {
  return ['SYSCALL', 'CWD', 'PROCTITLE'].map((type) => line(seconds, serial, type, `pid=${serial}`, node))
}

/** A user-space message: an event of one line. */
export function user(seconds: number, serial: number, node = ''): string {
  return line(seconds, serial, 'USER_ACCT', "pid=7 uid=0 auid=1000 ses=3 msg='op=x res=success'", node)
}

export function located(lines: readonly string[]): Line[] {
  let offset = 0
  return lines.map((text) => {
    const at = offset
    offset += text.length + 1
    return { text, offset: at, flaw: '' }
  })
}

export function decode(lines: readonly string[]): Decoded {
  return decodeLines(located(lines))
}

export function decodeLines(lines: readonly Line[]): Decoded {
  const items: Emitted[] = []
  const decoder = createAuditDecoder({}, (item) => items.push(item))
  for (const each of lines) decoder.push(each, FILE)
  decoder.end()
  return {
    items,
    events: items.filter((item) => item.kind === 'audit'),
    notices: items.filter((item) => item.kind === 'notice'),
    lost: items.filter((item) => item.kind === 'suspect' || item.kind === 'unparsed'),
    tally: decoder.tally,
    limits: new Map(decoder.limits().map(({ name, count }) => [name, count])),
  }
}

/** `12 SYSCALL CWD PROCTITLE`, with what is not usual about the event behind it. */
export function told(event: AuditEvent): string {
  const { serial, node, boot, part, records, completeness, dropped } = event
  const types = records.map(({ name }) => name).join(' ')
  const odd = [
    node === '' ? '' : `node=${node}`,
    boot === 0 ? '' : `boot=${boot}`,
    part === 0 ? '' : `part=${part}`,
    completeness === 'complete' ? '' : completeness,
    dropped === 0 ? '' : `dropped=${dropped}`,
  ].filter((each) => each !== '')
  return [serial, types, ...odd].join(' ')
}

/** Seconds after T0. */
export function since(at: number): number {
  return at / SECOND - T0
}
