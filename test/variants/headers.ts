/** kern.log of gw1 as other log daemons would have written it: the same lines behind another header. */
import { type CaptureCase, edit } from './case.ts'
import { traditionalAt } from './names.ts'

/** One line of rsyslog's file format, taken apart. */
export type LogLine = {
  readonly atMs: number
  /** Digits of the second, without the point. */
  readonly fraction: string
  readonly host: string
  /** Without the colon: `kernel`, `kernel[4242]`. */
  readonly tag: string
  /** Microseconds, -1 without `[uptime]`. */
  readonly uptime: number
  readonly message: string
}

const LINE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{6})\+00:00 (\S+) ([^: ]+): (?:\[ *(\d+)\.(\d{6})\] )?(.*)$/

export function rewriteHeaders(one: CaptureCase, write: (line: LogLine, index: number) => string): void {
  edit(one, /^gw1\/kern\.log/, (text) =>
    text
      .split('\n')
      .map((line, index) => {
        const match = LINE.exec(line)
        if (match === null) return line
        const [, stamp = '', fraction = '', host = '', tag = '', seconds, micros = '0', message = ''] = match
        const uptime = seconds === undefined ? -1 : Number(seconds) * 1e6 + Number(micros)
        return write({ atMs: Date.parse(`${stamp}Z`), fraction, host, tag, uptime, message }, index)
      })
      .join('\n'),
  )
}

function bracket({ uptime }: LogLine): string {
  return uptime < 0 ? '' : `[${(uptime / 1e6).toFixed(6).padStart(12, ' ')}] `
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 19)
}

/** RSYSLOG_SyslogProtocol23Format: `<6>1 TIME HOST APP PROC - - MSG`. */
export function rfc5424(line: LogLine): string {
  const [, app = line.tag, pid = '-'] = /^(.*)\[(\d+)\]$/.exec(line.tag) ?? []
  const isDaemon = app !== 'kernel' || pid !== '-'
  // Priority 6 is kern.info; what logger sends is user.notice.
  return `<${isDaemon ? 13 : 6}>1 ${iso(line.atMs)}.${line.fraction}+00:00 ${line.host} ${app} ${pid} - - ${bracket(line)}${line.message}`
}

/** RSYSLOG_TraditionalFileFormat on a machine whose clock shows `offsetMinutes` east of UTC. */
export function traditional(offsetMinutes: number): (line: LogLine) => string {
  return (line) =>
    `${traditionalAt(line.atMs + offsetMinutes * 60_000)} ${line.host} ${line.tag}: ${bracket(line)}${line.message}`
}

/** RSYSLOG_FileFormat of the same machine: the offset is written. */
export function isoWithOffset(offsetMinutes: number, offset: string): (line: LogLine) => string {
  return (line) =>
    `${iso(line.atMs + offsetMinutes * 60_000)}.${line.fraction}${offset} ${line.host} ${line.tag}: ${bracket(line)}${line.message}`
}

/** `journalctl -o short-iso-precise`: no uptime, offset without a colon, and the pid that journald knows of every sender. */
export function shortIsoPrecise(line: LogLine): string {
  const tag = isForged(line) && line.tag === 'kernel' ? 'kernel[812]' : line.tag
  return `${iso(line.atMs)}.${line.fraction}+0000 ${line.host} ${tag}: ${line.message}`
}

/** The lab gave the packets of its forged lines the ids 4001 to 4007. */
/** The lab's own forged lines, which no kernel ring holds. */
export function isForged({ message }: LogLine): boolean {
  return / ID=400[1-7] .* DPT=63147 /.test(message)
}

/** `dmesg` of the same kernel: nothing but the uptime. */
export function dmesg(line: LogLine): string {
  return line.uptime < 0 ? line.message : `${bracket(line)}${line.message}`
}

/** One entry of `journalctl -o json`. What a program sent has its transport, whatever it calls itself. */
export function journal(line: LogLine, index: number): string {
  const [, name = line.tag, pid = ''] = /^(.*)\[(\d+)\]$/.exec(line.tag) ?? []
  const realtime = line.atMs * 1000 + Number(line.fraction)
  const isKernel = name === 'kernel' && pid === '' && line.uptime >= 0 && !isForged(line)
  const common = {
    __CURSOR: `s=1b0c;i=${(realtime % 2 ** 32).toString(16)}${index.toString(16)};b=77d0;m=1;t=${realtime.toString(16)};x=${index}`,
    __REALTIME_TIMESTAMP: String(realtime),
    __MONOTONIC_TIMESTAMP: String(Math.max(0, line.uptime) + 900),
    _BOOT_ID: '77d0c1f2a8544a1c9c9f3a5d5a2b6e01',
    _HOSTNAME: line.host,
    PRIORITY: '4',
  }
  return JSON.stringify(
    isKernel
      ? {
          ...common,
          _TRANSPORT: 'kernel',
          SYSLOG_FACILITY: '0',
          SYSLOG_IDENTIFIER: 'kernel',
          _SOURCE_MONOTONIC_TIMESTAMP: String(line.uptime),
          MESSAGE: line.message,
        }
      : {
          ...common,
          _TRANSPORT: 'syslog',
          SYSLOG_FACILITY: '1',
          SYSLOG_IDENTIFIER: name,
          _PID: '812',
          MESSAGE: `${bracket(line)}${line.message}`,
        },
  )
}
