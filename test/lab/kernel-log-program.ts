/**
 * A small log daemon, run as a process of its own: `kernel-log-program.ts MARKER FILE HOST`. Reads /dev/kmsg, which any number of
 * readers may do at once (/proc/kmsg gives each record to one of them only), and writes the kernel's lines that hold MARKER as
 * rsyslog does. SIGHUP opens FILE anew, as logrotate asks for.
 */
import { closeSync, openSync, read, writeSync } from 'node:fs'

/** As large as the kernel's largest record. */
const RECORD_BYTES_MAX = 8192
const [, , marker = '', path = '', host = ''] = process.argv
const buffer = Buffer.alloc(RECORD_BYTES_MAX)
const kmsg = openSync('/dev/kmsg', 'r')
let file = openSync(path, 'a', 0o640)
let sequence = -1

process.on('SIGHUP', () => {
  closeSync(file)
  file = openSync(path, 'a', 0o640)
})
next()

function next(): void {
  read(kmsg, buffer, 0, buffer.length, null, (error, bytes) => {
    // EPIPE: the ring was overwritten before we read; the sequence says how much of it.
    if (error === null) take(buffer.toString('latin1', 0, bytes))
    else if (error.code !== 'EPIPE') throw error
    next()
  })
}

/** `4,810,2099844502,-;text`, further lines begin with a blank. */
function take(record: string): void {
  const semicolon = record.indexOf(';')
  const [priority = '', number = '', uptime = ''] = record.slice(0, semicolon).split(',')
  const lost = sequence < 0 ? 0 : Number(number) - sequence - 1
  sequence = Number(number)
  if (lost > 0) process.stdout.write(`lost ${lost}\n`)
  const text = record.slice(semicolon + 1).split('\n', 1)[0] ?? ''
  // Facility 0 is the kernel itself; what a program writes to /dev/kmsg has another.
  if (Number(priority) >> 3 !== 0 || !text.startsWith(marker)) return
  const seconds = (Number(uptime) / 1_000_000).toFixed(6).padStart(12)
  const stamp = new Date().toISOString().replace('Z', '000+00:00')
  writeSync(file, Buffer.from(`${stamp} ${host} kernel: [${seconds}] ${text}\n`, 'latin1'))
}
