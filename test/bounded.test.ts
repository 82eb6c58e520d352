/** A capture much larger than the heap it is replayed in: what waits is what the watermark has not passed, never the file. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { printedRows, withCase } from './variants/case.ts'
import { isoAt } from './variants/names.ts'

const MAIN = new URL('../src/main.ts', import.meta.url).pathname
const CONNECTIONS = 20_000
/** V8's old generation, in MB: the modules alone take half of it, all records of the capture would take several times as much. */
const HEAP_MB = 48
const T0 = 1_795_360_200

/** One connection every 20 ms, each living 5 s, and a dump every 5 s. */
function busyGateway(): Map<string, string> {
  const packets: string[] = []
  const flows: { at: number; text: string }[] = []
  for (let i = 0; i < CONNECTIONS; i++) {
    const at = T0 + 2 + i / 50
    const source = `10.8.0.${2 + (i % 200)}`
    const port = 20_000 + (i % 40_000)
    const micros = String(Math.round((at % 1) * 1e6)).padStart(6, '0')
    packets.push(
      `${isoAt(Math.floor(at) * 1000)}.${micros}+00:00 gw1 kernel: [${(at - T0 + 100).toFixed(6).padStart(12)}] allow IN=wg0 OUT=lan0 MAC= SRC=${source} DST=10.20.0.10 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=1 DF PROTO=TCP SPT=${port} DPT=443 WINDOW=64860 RES=0x00 SYN URGP=0 \n`,
    )
    const original = `src=${source} dst=10.20.0.10 sport=${port} dport=443`
    const reply = `src=10.20.0.10 dst=${source} sport=443 dport=${port}`
    flows.push({
      at: at + 0.001,
      text: `    [NEW] tcp      6 120 SYN_SENT ${original} [UNREPLIED] ${reply} id=${i + 7}`,
    })
    flows.push({
      at: at + 5,
      text: `[DESTROY] tcp      6 TIME_WAIT ${original} packets=5 bytes=271 ${reply} packets=3 bytes=164 [ASSURED] delta-time=5 id=${i + 7}`,
    })
  }
  flows.sort((a, b) => a.at - b.at)
  const dumps: string[] = []
  for (let second = 0; second < CONNECTIONS / 50 + 15; second += 5) {
    dumps.push(`# ${isoAt((T0 + second) * 1000)}Z gw1\nwg0\t(hidden)\t${'Intf'.repeat(10)}Inc=\t51820\toff\n`)
    dumps.push(`wg0\t${'Peer'.repeat(10)}Pec=\t(none)\t(none)\t10.8.0.0/24\t0\t0\t0\toff\n`)
  }
  return new Map([
    ['gw1/kern.log', packets.join('')],
    ['gw1/conntrack.log', flows.map(({ at, text }) => `[${at.toFixed(6)}]\t${text}\n`).join('')],
    ['gw1/wg.snapshots', dumps.join('')],
  ])
}

const LOGINS = 17_000
/** Commands outside of any login, each by another process under another key. */
const STRANGERS = 34_000
/** 3,000 logins wait for a flow that may still be told, with 4 events each of about 5 kB. */
const HOST_HEAP_MB = 160

/** A host on which every login and every process is another one: no number is ever seen twice. */
function crowdedHost(): Map<string, string> {
  const lines: string[] = []
  let serial = 100
  const write = (at: number, type: string, body: string) =>
    lines.push(`type=${type} msg=audit(${at.toFixed(3)}:${serial}): ${body}\n`)
  const command = (at: number, i: number, pid: number, ses: number) => {
    const ids = `ppid=1 pid=${pid} auid=${ses} uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=${ses}`
    write(
      at,
      'SYSCALL',
      `arch=c000003e syscall=59 success=yes exit=0 items=0 ${ids} comm="c${i}" exe="/e/${i}" key="k${i}"`,
    )
    write(at, 'EXECVE', `argc=1 a0="x${i}"`)
    write(at, 'PROCTITLE', `proctitle="x${i}"`)
    serial++
  }
  for (let i = 0; i < LOGINS; i++) {
    const at = T0 + i / 50
    const pid = 1000 + 2 * i
    const address = `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`
    const text = `acct="u${i}" exe="/usr/sbin/sshd" hostname=${address} addr=${address} terminal=ssh res=success`
    const unset = 'auid=4294967295 ses=4294967295'
    write(at, 'USER_ACCT', `pid=${pid} uid=0 ${unset} msg='op=PAM:accounting ${text}'`)
    serial++
    write(at, 'LOGIN', `pid=${pid} uid=0 old-auid=4294967295 auid=${i} tty=(none) old-ses=4294967295 ses=${i} res=1`)
    serial++
    write(at, 'USER_START', `pid=${pid} uid=0 auid=${i} ses=${i} msg='op=PAM:session_open ${text}'`)
    serial++
    command(at, i, pid + 1, i)
    for (let j = 0; j < STRANGERS / LOGINS; j++) command(at, LOGINS * (j + 1) + i, 1_000_000 + serial, 4_294_967_295)
  }
  return new Map([['db1/audit.log', lines.join('')]])
}

test(`${LOGINS} logins and ${STRANGERS} other processes of a host in a heap of ${HOST_HEAP_MB} MB`, async () => {
  await withCase({ files: crowdedHost(), truth: '', evidence: '', clocks: new Map() }, async (capture, lab) => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      `--max-old-space-size=${HOST_HEAP_MB}`,
      MAIN,
      'replay',
      capture,
      '--ndjson',
      join(lab, 'events.ndjson'),
    ])
    const [row] = printedRows(stdout)
    expect(row?.lines).toBe(6 * LOGINS + 3 * STRANGERS)
    expect(row?.counted).toBe(row?.lines)
    expect(stdout).toMatch(new RegExp(`wireguard\\.audit +${(4 * LOGINS).toLocaleString('en-US')}\n`))
    expect(stdout).toMatch(new RegExp(`wireguard\\.session +${LOGINS.toLocaleString('en-US')}\n`))
  })
})

test(`${CONNECTIONS} connections in a heap of ${HEAP_MB} MB`, async () => {
  await withCase({ files: busyGateway(), truth: '', evidence: '', clocks: new Map() }, async (capture, lab) => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      `--max-old-space-size=${HEAP_MB}`,
      MAIN,
      'replay',
      capture,
      '--ndjson',
      join(lab, 'events.ndjson'),
    ])
    const rows = printedRows(stdout)
    expect(rows.map(({ lines }) => lines).slice(0, 2)).toEqual([CONNECTIONS, 2 * CONNECTIONS])
    for (const row of rows) expect(row.counted, row.source).toBe(row.lines)
    expect(stdout).toMatch(new RegExp(`wireguard\\.flow +${(2 * CONNECTIONS).toLocaleString('en-US')}\n`))
  })
})
