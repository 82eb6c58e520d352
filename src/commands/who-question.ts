/** What `who` is asked: an address, perhaps with a port, and a time that is as precise as it was written. */
import { canonicalAddress } from '../address.ts'
import { AppError } from '../errors.ts'
import { createAddressBook, type KnownAddress } from '../identity/address-book.ts'
import type { Moment } from '../identity/attribute.ts'
import { quoted } from '../safe-text.ts'
import { MINUTE, type Micros, MS, SECOND } from '../time.ts'
import { parseTimeArgument } from './time-argument.ts'

export type Question = {
  readonly address: KnownAddress
  /** -1 = none given. */
  readonly port: number
  /** The time asked for; both ends are meant. */
  readonly moment: Moment
  /** False: nobody named a time, and the newest poll there is is taken. */
  readonly isTimeGiven: boolean
  /** Flows and log lines this far away still fit. */
  readonly within: Micros
  /** '' = all. */
  readonly gateway: string
}

/** Clocks of one gateway's sources agree to within this: the same as where documents are made (correlate/line-desk.ts). */
export const STAMP_SLACK: Micros = 50 * MS

const ADDRESS_EXAMPLES = 'Give an address such as 10.8.0.2 or fd08::2, with a port as 10.8.0.2:443 or [fd08::2]:443.'
/** Longer text is no address. */
const TEXT_MAX = 64
const BRACKETS = /^\[([^\]]+)\](?::(\d{1,5}))?$/
const V4_PORT = /^([\d.]+):(\d{1,5})$/
const TIME_OF_DAY = /(?:^|[T ])\d\d:\d\d(:\d\d(?:\.(\d{1,9}))?)?(?:Z| UTC|[+-]\d\d:\d\d)?$/

/** Throws AppError `usage` for anything that is no address. The port is -1 where none is given. */
export function parseAddressPort(text: string): { readonly address: KnownAddress; readonly port: number } {
  const match = text.length > TEXT_MAX ? null : (BRACKETS.exec(text) ?? V4_PORT.exec(text))
  const canonical = text.length > TEXT_MAX ? null : canonicalAddress(match?.[1] ?? text)
  const address = canonical === null ? null : createAddressBook().of(canonical)
  if (address === null) {
    throw new AppError('usage', `expected an address, found ${quoted(text)}`, { advice: ADDRESS_EXAMPLES })
  }
  const port = match?.[2] === undefined ? -1 : Number(match[2])
  if (port === 0 || port > 65_535) {
    throw new AppError('usage', `expected a port from 1 to 65535, found ${quoted(text)}`, { advice: ADDRESS_EXAMPLES })
  }
  return { address, port }
}

/**
 * A time as written on a log line or by a person: `15:09` is the whole minute, `15:09:29` the whole second, because whoever cut
 * the rest off may have meant any of it. Offsets and dates alone are the instant they name. Throws AppError `usage`.
 */
export function parseMoment(text: string, now: Micros): Moment {
  const from = parseTimeArgument(text, now)
  const match = TIME_OF_DAY.exec(text)
  if (match === null) return { from, to: from }
  const [, seconds, fraction] = match
  const width =
    seconds === undefined ? MINUTE : fraction === undefined ? SECOND : SECOND / 10 ** Math.min(6, fraction.length)
  return { from, to: from + width - 1 }
}

/** The address as it was asked for: `10.8.0.2:443`, `[fd08::2]:443`. */
export function addressPortText(address: string, port: number): string {
  if (port < 0) return address
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
