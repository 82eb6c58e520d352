/**
 * Deterministic event ids (design 4.1, 13): 48 bits of milliseconds, so that ids sort by time, and 120 bits over the source
 * identity; base32hex (RFC 4648), lower case: 10 + 24 characters. The same input gives the same id, whenever and wherever it
 * is read, so a sink can refuse a document it already has.
 */
import { hash } from 'node:crypto'
import { type Micros, MS } from './time.ts'

const DIGITS = '0123456789abcdefghijklmnopqrstuv'
const TIME_DIGITS = 10
const OFFSET_DIGITS = 10
export const FILE_IDENTITY_DIGITS = 14

/** Ids of lines: file identity and byte offset need no hashing, and cost a tenth of it. */
export function createLineIds(): (at: Micros, fileIdentity: string, offset: number) => string {
  const time = createTimeDigits()
  return (at, fileIdentity, offset) => time(at) + fileIdentity + toDigits(offset, OFFSET_DIGITS)
}

/** Ids of everything that has its own identity or is derived: over the parts in order, each ended by NUL. */
export function createHashedIds(): (at: Micros, ...parts: readonly (string | number)[]) => string {
  const time = createTimeDigits()
  return (at, ...parts) => time(at) + hashDigits(parts.join('\0'), 24)
}

/**
 * Ids of documents about something that has 120 hashed bits of its own (24 digits): 105 of them, the microsecond and the kind of
 * document (0 to 31). No second hash for each of its documents.
 */
export function createDerivedIds(): (at: Micros, identity: string, kind: number) => string {
  const time = createTimeDigits()
  return (at, identity, kind) => {
    const micros = ((at % MS) + MS) % MS
    return time(at) + identity.slice(0, 21) + DIGITS[micros >> 5] + DIGITS[micros & 31] + DIGITS[kind]
  }
}

/** `digits` characters base32hex of SHA-256 over UTF-8 text, at most 51. */
export function hashDigits(text: string, digits: number): string {
  // As text: a Buffer made for 32 bytes costs more than hashing them.
  const bytes = hash('sha256', text, 'binary')
  let bits = 0
  let held = 0
  let next = 0
  for (let i = 0; i < digits; i++) {
    if (bits < 5) {
      held = ((held << 8) | bytes.charCodeAt(next++)) & 0xfff
      bits += 8
    }
    bits -= 5
    SCRATCH[i] = DIGITS.charCodeAt((held >>> bits) & 31)
  }
  return SCRATCH.toString('latin1', 0, digits)
}

/** Reused: hashing is synchronous. */
const SCRATCH = Buffer.alloc(51)

/** Identity of a file: host and its first line, so that rotated, renamed and copied files keep their ids. */
export function fileIdentity(host: string, firstLine: string): string {
  return hashDigits(`file\0${host}\0${firstLine}`, FILE_IDENTITY_DIGITS)
}

function createTimeDigits(): (at: Micros) => string {
  let cachedMs = Number.NaN
  let cached = ''
  return (at) => {
    const ms = Math.max(0, Math.floor(at / MS))
    if (ms !== cachedMs) {
      cachedMs = ms
      cached = toDigits(ms, TIME_DIGITS)
    }
    return cached
  }
}

function toDigits(value: number, count: number): string {
  return value.toString(32).padStart(count, '0')
}
