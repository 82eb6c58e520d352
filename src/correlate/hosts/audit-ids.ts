/**
 * Ids of audit documents: what names an audit event wherever it is read, node, time and serial (design 13), and the machine. The time
 * stands in front in full, because the kernel's stamps are whole milliseconds; the serial and the part stand behind as they are, and
 * only what many events share is hashed: 10 + 14 + 7 + 3 digits.
 */
import { hashDigits } from '../../event-id.ts'
import type { AuditEvent } from '../../sources/auditd/record.ts'
import { type Micros, MS } from '../../time.ts'

const TIME_DIGITS = 10
const SERIES_DIGITS = 14
/** 32 bits. */
const SERIAL_DIGITS = 7
/** 15 bits; later parts of one event share the last. */
const PART_DIGITS = 3
const PART_MAX = 0x7fff
/** Numbers that differ in their last two digits only: what stands before those is remembered of the last number. */
const BLOCK = 1024
const FIRST_PART = '000'
const LAST_DIGITS: readonly string[] = Array.from({ length: BLOCK }, (_, number) => digits(number, 2))

/** Ids of one host's audit events. */
export function createAuditIds(host: string): (event: AuditEvent) => string {
  const time = createTime()
  const kernel = createSeries('audit', host)
  // auditd counts its own records beside the kernel's.
  const daemon = createSeries('auditd', host)
  return (event) => {
    const { at, node, serial, part } = event
    const series = isOfDaemon(event) ? daemon : kernel
    const behind = part === 0 ? FIRST_PART : digits(Math.min(part, PART_MAX), PART_DIGITS)
    return `${time(at)}${series(node, Math.floor(serial / BLOCK))}${LAST_DIGITS[serial % BLOCK]}${behind}`
  }
}

function createTime(): (at: Micros) => string {
  let lastBlock = -1
  let digitsOfBlock = ''
  return (at) => {
    const ms = Math.max(0, Math.floor(at / MS))
    const block = Math.floor(ms / BLOCK)
    if (block !== lastBlock) {
      digitsOfBlock = digits(block, TIME_DIGITS - 2)
      lastBlock = block
    }
    return `${digitsOfBlock}${LAST_DIGITS[ms % BLOCK]}`
  }
}

/** The hash of a series and the serial's block, of which the last one is remembered: serials of a node come in order or nearly so. */
function createSeries(name: string, host: string): (node: string, block: number) => string {
  let hashedNode = ''
  let hashed = ''
  let lastBlock = -1
  let digitsOfBlock = ''
  return (node, block) => {
    if (hashed === '' || node !== hashedNode) {
      hashed = hashDigits(`${name}\0${host}\0${node}`, SERIES_DIGITS)
      hashedNode = keptText(node)
      lastBlock = -1
    }
    if (block !== lastBlock) {
      digitsOfBlock = hashed + digits(block, SERIAL_DIGITS - 2)
      lastBlock = block
    }
    return digitsOfBlock
  }
}

/** A part of a line would keep the whole read buffer alive. */
function keptText(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

function digits(value: number, count: number): string {
  return value.toString(32).padStart(count, '0')
}

/** DAEMON_START to DAEMON_ERR (include/uapi/linux/audit.h): 1200 to 1299. */
function isOfDaemon({ records: [first] }: AuditEvent): boolean {
  return first !== undefined && first.type >= 1200 && first.type <= 1299
}
