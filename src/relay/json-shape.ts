/**
 * Shapes of JSON that came from elsewhere, checked by hand: fast, total, and with reasons short enough to show. What a message says is
 * believed only as far as it was looked at here. Each throws Error with its reason.
 */
import type { Micros } from '../time.ts'

/** A parsed JSON object. Members are asked for by name, so that `__proto__` is a member like any other and none of ours. */
export type JsonObject = { readonly [name: string]: unknown }

/** Characters of a name, of any text that is shown in a status or is part of a key. */
export const NAME_MAX = 1_024

/** The object a text is; any other JSON is refused, as is what is none. */
export function parseObject(text: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error('no JSON')
  }
  return objectOf(value, 'message')
}

/** An object that is no array. */
export function objectOf(value: unknown, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${what} is no object`)
  // An object that is no array has members by name, whatever they are.
  return value as JsonObject
}

/** A list of at most `max` parts. */
export function listOf(value: unknown, what: string, max: number): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${what} is no list`)
  if (value.length > max) throw new Error(`${what} has ${value.length} parts, more than ${max}`)
  return value
}

/** Any text, also an empty one. */
export function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new Error(`${what} is no text`)
  return value
}

/** Not empty, at most NAME_MAX characters. */
export function nameOf(value: unknown, what: string): string {
  const text = textOf(value, what)
  if (text === '' || text.length > NAME_MAX) throw new Error(`${what} has ${text.length} characters`)
  return text
}

const NOT_LATIN1 = /[^\u0000-\u00ff]/

/** One character a byte. */
export function latin1Of(value: unknown, what: string): string {
  const text = textOf(value, what)
  if (NOT_LATIN1.test(text)) throw new Error(`${what} is no latin1`)
  return text
}

/** True or false. */
export function flagOf(value: unknown, what: string): boolean {
  if (typeof value !== 'boolean') throw new Error(`${what} is neither true nor false`)
  return value
}

/** An integer of 0 or more. */
export function countOf(value: unknown, what: string): number {
  const number = integerOf(value, what)
  if (number < 0) throw new Error(`${what} is negative`)
  return number
}

/** A safe integer, also a negative one. */
export function integerOf(value: unknown, what: string): number {
  if (!Number.isSafeInteger(value)) throw new Error(`${what} is no integer`)
  // isSafeInteger is true for numbers alone.
  return value as number
}

/** A time. Microseconds that are a safe integer lie between 1684 and 2255: every one of them can be printed. */
export function instantOf(value: unknown, what: string): Micros {
  return integerOf(value, what)
}

/** One of the texts of `all`. */
export function oneOf<T extends string>(value: unknown, what: string, all: readonly T[]): T {
  const found = all.find((each) => each === value)
  if (found === undefined) throw new Error(`${what} is none of ${all.join(', ')}`)
  return found
}
