/**
 * The sender's part of a user-space message:
 * `pid=1637 uid=0 auid=1002 ses=2 msg='op=PAM:session_open grantors=pam_unix acct="alice" exe="/usr/sbin/sshd" hostname=10.77.1.2
 * addr=10.77.1.2 terminal=ssh res=success'`.
 *
 * Authority: lib/audit_logging.c of audit-userspace, PAM, shadow, sudo's linux_audit.c, OpenSSH's audit-linux.c. Nothing in it
 * is escaped: whoever has CAP_AUDIT_WRITE writes what it likes, and a remote client chooses `acct` (formats.md 3.8, traps 3
 * and 4). So `'` ends nothing but the line, and only ` key=` of the list below starts a field: `op=adding user to group` is
 * one value. Of a key that repeats the first counts, but for the five that libaudit itself appends behind the caller's text:
 * of those the last.
 */
import { canonicalAddress } from '../../address.ts'
import { decodeBytes } from '../../event-json.ts'
import { decodedName, decodedText, idOf, plainText } from './encoding.ts'
import type { UserMessage } from './facts.ts'

type Draft = { -readonly [Key in keyof UserMessage]: UserMessage[Key] }
type Read = (message: Draft, value: string) => void
/** `bit`: marks the key as seen. `isLast`: the last of its name counts. */
type Field = { readonly bit: number; readonly isLast: boolean; readonly read: Read }

const START = " msg='"
const BLANK = 32
const QUOTE = 34
/** Characters of the longest key in the list. */
const KEY_LENGTH_MAX = 9
/** A port in decimal. */
const PORT = /^\d{1,5}$/
const PORT_MAX = 65535

const LAST: readonly (readonly [string, Read])[] = [
  ['exe', (message, value) => (message.exe = decodedText(value))],
  ['hostname', (message, value) => (message.hostname = plainText(value))],
  ['addr', (message, value) => (message.addr = canonicalAddress(value) ?? '')],
  ['terminal', (message, value) => (message.terminal = plainText(value))],
  ['res', (message, value) => (message.res = decodeBytes(value))],
]
const FIRST: readonly (readonly [string, Read])[] = [
  ['op', (message, value) => (message.op = plainText(value))],
  ['acct', (message, value) => (message.acct = decodedName(value))],
  ['id', (message, value) => (message.id = idOf(value))],
  ['cwd', (message, value) => (message.cwd = decodedText(value))],
  ['cmd', (message, value) => (message.cmd = decodedText(value))],
  ['unit', (message, value) => (message.unit = plainText(value))],
  ['comm', (message, value) => (message.comm = decodedText(value))],
  ['grantors', (message, value) => (message.grantors = plainText(value))],
  ['laddr', (message, value) => (message.laddr = canonicalAddress(value) ?? '')],
  ['lport', (message, value) => (message.lport = portOf(value))],
  ['rport', (message, value) => (message.rport = portOf(value))],
  ['fp', (message, value) => (message.fp = plainText(value))],
  // Not kept, but they end the value before them.
  ...['text', 'kind', 'direction', 'spid', 'suid', 'cipher', 'ksize', 'mac', 'pfs', 'grp', 'data'].map(
    (key): readonly [string, Read] => [key, () => undefined],
  ),
]

const FIELDS: ReadonlyMap<string, Field> = new Map([
  ...FIRST.map(([key, read], i): [string, Field] => [key, { bit: 1 << i, isLast: false, read }]),
  ...LAST.map(([key, read]): [string, Field] => [key, { bit: 0, isLast: true, read }]),
])

/** What the message says; null when the record has no `msg='`. */
export function readUserMessage(body: string): UserMessage | null {
  const start = body.indexOf(START)
  if (start < 0) return null
  const from = start + START.length
  const close = body.lastIndexOf("'")
  const message = emptyMessage()
  readFields(message, body, from, close < from ? body.length : close)
  return message
}

function emptyMessage(): Draft {
  return {
    op: '',
    acct: '',
    id: -1,
    exe: '',
    hostname: '',
    addr: '',
    terminal: '',
    res: '',
    cwd: '',
    cmd: '',
    unit: '',
    comm: '',
    grantors: '',
    laddr: '',
    lport: -1,
    rport: -1,
    fp: '',
  }
}

function readFields(message: Draft, text: string, from: number, end: number): void {
  let seen = 0
  let field: Field | undefined
  let valueFrom = from
  let at = from
  // Behind the closing quote of a quoted value: what stands between it and the next field is no part of it.
  let quoted = from
  while (at < end) {
    const next = fieldAt(text, at, end)
    if (next === undefined) {
      at = nextWord(text, at, end)
      continue
    }
    seen = readOne(message, field, text.substring(valueFrom, quoted > valueFrom ? quoted : at - 1), seen)
    field = next.field
    valueFrom = next.valueFrom
    quoted = quotedEnd(text, valueFrom, end)
    at = nextWord(text, quoted, end)
  }
  readOne(message, field, text.substring(valueFrom, quoted > valueFrom ? quoted : end), seen)
}

/** Reads a value whose end is found; gives the keys seen so far. */
function readOne(message: Draft, field: Field | undefined, value: string, seen: number): number {
  if (field === undefined || (seen & field.bit) !== 0) return seen
  field.read(message, value)
  return seen | field.bit
}

/** The field of the list that starts at `at`. */
function fieldAt(text: string, at: number, end: number): { field: Field; valueFrom: number } | undefined {
  const last = Math.min(end, at + KEY_LENGTH_MAX + 1)
  for (let i = at; i < last; i++) {
    const code = text.charCodeAt(i)
    if (code === 61) {
      const field = FIELDS.get(text.substring(at, i))
      return field && { field, valueFrom: i + 1 }
    }
    if (code < 97 || code > 122) return undefined
  }
  return undefined
}

/** Behind the closing quote of a value, when one opens at `from` and closes before a blank or the end; else `from`. */
function quotedEnd(text: string, from: number, end: number): number {
  if (text.charCodeAt(from) !== QUOTE) return from
  const close = text.indexOf('"', from + 1)
  const isClosed = close >= 0 && close < end && (close + 1 === end || text.charCodeAt(close + 1) === BLANK)
  return isClosed ? close + 1 : from
}

function nextWord(text: string, from: number, end: number): number {
  const blank = text.indexOf(' ', from)
  return blank < 0 || blank >= end ? end : blank + 1
}

function portOf(value: string): number {
  return PORT.test(value) && Number(value) <= PORT_MAX ? Number(value) : -1
}
