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
