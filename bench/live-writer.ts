/**
 * A gateway at work, as a child of live-bench.ts: appends packet log, conntrack events and polls of `wg show` to the files of a
 * directory, with the stamps of now, and says on standard output what it wrote. A connection is three lines: its packet, its
 * NEW, and its DESTROY LIFETIME later.
 *
 *   node live-writer.ts DIRECTORY LINES_PER_SECOND SECONDS
 */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Micros, MS, SECOND, toIso } from '../src/time.ts'
import { createConntrackPrinter } from './conntrack-lines.ts'
import { LEAD_MS, LIVE_PEERS, type Written } from './live-load.ts'
import { createPacketDraw, createPacketPrinter } from './packet-lines.ts'
import { createPeers, RULES } from './site.ts'
import { snapshotText } from './site-documents.ts'

const LIFETIME: Micros = 1_500 * MS
/** syslog daemons and conntrack hand on what they have about this often, ms. */
const STEP_MS = 20
const POLL: Micros = SECOND
/** Polls and ends go on after the last packet, so that everything is decided. */
const TAIL: Micros = 5 * SECOND

async function main(directory: string, linesPerSecond: number, seconds: number): Promise<Written> {
  const peers = createPeers(LIVE_PEERS)
  const draw = createPacketDraw(peers, 11)
  const beganAt = now()
  const from = beganAt + LEAD_MS * MS
  const print = createPacketPrinter(from - 3_600 * SECOND, 13)
  const conntrack = createConntrackPrinter([LIFETIME])
  const spacing = SECOND / packetsPerSecond(linesPerSecond)
  const endAt = from + seconds * SECOND
  const files = ['kern.log', 'conntrack.log', 'wg.snapshots'].map((name) => join(directory, name))
  let packets = 0
  let news = 0
  let bytes = 0
  let poll = 0
  let polledAt = beganAt - POLL

  const append = (file: number, text: string): void => {
    if (text === '') return
    bytes += text.length
    appendFileSync(files[file] ?? '', text, 'latin1')
  }

  for (let at = now(); at < endAt + TAIL; at = now()) {
    let log = ''
    let flows = ''
    for (let due = from + packets * spacing; due < Math.min(at, endAt); due = from + packets * spacing) {
      // Stamped when it is written, also where this process had to wait: a kernel does not log into the past.
      const packet = draw(Math.floor(Math.max(due, at - STEP_MS * MS)))
      if (packet.rule.verdict === 'accept') news++
      log += print(packet)
      flows += conntrack.packet(packet)
      packets++
    }
    append(0, log)
    append(1, flows + conntrack.due(at))
    if (at - polledAt >= POLL) {
      polledAt += POLL
      append(2, snapshotText(peers, toIso(at).replace('Z', '+00:00'), Math.floor(at / SECOND), poll++))
    }
    await pause(STEP_MS)
  }
  return { packets, news, destroys: news, bytes }
}

/** An accepted packet makes three lines, a dropped one its own. */
function packetsPerSecond(linesPerSecond: number): number {
  const shares = RULES.reduce((sum, { share }) => sum + share, 0)
  const lines = RULES.reduce((sum, { share, verdict }) => sum + share * (verdict === 'accept' ? 3 : 1), 0)
  return (linesPerSecond * shares) / lines
}

function now(): Micros {
  return Date.now() * MS
}

const [target = '', rate = '', duration = ''] = process.argv.slice(2)
process.stdout.write(`${JSON.stringify(await main(target, Number(rate), Number(duration)))}\n`)
