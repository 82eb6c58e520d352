/**
 * Writes a capture directory (design 8.1) of any size, the same bytes for the same options: packet log, optionally
 * conntrack, polls of `wg show all dump` around and between the lines, ruleset and inventory. A directory that is already
 * there in full is used again.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Micros, SECOND, toIso } from '../src/time.ts'
import { createConntrackPrinter } from './conntrack-lines.ts'
import { createPacketDraw, createPacketPrinter } from './packet-lines.ts'
import { createPeers, GATEWAY } from './site.ts'
import { inventoryYaml, rulesetJson, snapshotText } from './site-documents.ts'

/** `packets`: the packet log alone. `flows`: conntrack beside it. `open-flows`: conntrack alone, and no flow ends. */
export type CaptureKind = 'packets' | 'flows' | 'open-flows'

export type CaptureOptions = { readonly kind: CaptureKind; readonly lines: number }

export type GeneratedCapture = CaptureOptions & {
  readonly directory: string
  readonly packetLog: string
  /** Of everything replay reads. */
  readonly bytes: number
  /** Lines of conntrack.log, 0 without one. */
  readonly conntrackLines: number
}

/** Goes up with every change of what is written, so that no stale directory is measured. */
const GENERATION = 3
const PEERS = 300
const LINES_PER_SECOND = 5_000
const FIRST_AT: Micros = Date.UTC(2026, 10, 22, 15) * 1000
const BOOT_AT: Micros = FIRST_AT - 3_600 * SECOND
const POLL: Micros = 5 * SECOND
/** Flows outlive the last line; polls go on until every flow has ended. */
const TAIL: Micros = 60 * SECOND
const WRITE_CHARACTERS = 1_000_000

export function generateCapture(dataDirectory: string, options: CaptureOptions): GeneratedCapture {
  const name = `${options.kind}-${options.lines}`
  const directory = join(dataDirectory, name)
  const note = `${directory}.json`
  const known = existsSync(directory) ? readNote(note) : null
  let conntrackLines = known?.conntrackLines ?? 0
  if (known?.generation !== GENERATION) {
    // Written aside and renamed whole: a run beside this one never reads half a capture.
    const partial = `${directory}.${process.pid}.partial`
    mkdirSync(join(partial, GATEWAY), { recursive: true })
    conntrackLines = writeCapture(partial, options)
    rmSync(directory, { recursive: true, force: true })
    renameSync(partial, directory)
    writeFileSync(note, JSON.stringify({ generation: GENERATION, conntrackLines }))
  }
  const host = join(directory, GATEWAY)
  const bytes = readdirSync(host).reduce((sum, file) => sum + statSync(join(host, file)).size, 0)
  return { ...options, directory, packetLog: join(host, 'kern.log'), bytes, conntrackLines }
}

function readNote(path: string): { generation: number; conntrackLines: number } | null {
  if (!existsSync(path)) return null
  // Our own file, written after its directory was complete.
  return JSON.parse(readFileSync(path, 'utf8')) as { generation: number; conntrackLines: number }
}

function writeCapture(directory: string, { lines, kind }: CaptureOptions): number {
  const host = join(directory, GATEWAY)
  const peers = createPeers(PEERS)
  const packets = kind === 'open-flows' ? null : openText(join(host, 'kern.log'))
  const flows = kind === 'packets' ? null : openText(join(host, 'conntrack.log'))
  const draw = createPacketDraw(peers, 11)
  const print = createPacketPrinter(BOOT_AT, 13)
  const conntrack = createConntrackPrinter(kind === 'open-flows')
  const spacing = SECOND / LINES_PER_SECOND
  for (let i = 0; i < lines; i++) {
    const packet = draw(FIRST_AT + i * spacing + ((i * 37) % 100))
    packets?.write(print(packet))
    flows?.write(conntrack.packet(packet))
  }
  if (kind === 'flows') flows?.write(conntrack.end())
  packets?.close()
  flows?.close()
  const endAt = FIRST_AT + lines * spacing + TAIL
  const snapshots = openText(join(host, 'wg.snapshots'))
  for (let poll = 0, at = FIRST_AT - 2 * POLL; at <= endAt; poll++, at += POLL) {
    snapshots.write(snapshotText(peers, toIso(at).replace('Z', '+00:00'), Math.floor(at / SECOND), poll))
  }
  snapshots.close()
  writeFileSync(join(host, 'ruleset.json'), rulesetJson())
  const sources = ['wireguard', ...(packets === null ? [] : ['nftables']), ...(flows === null ? [] : ['conntrack'])]
  writeFileSync(join(directory, 'inventory.yaml'), inventoryYaml(peers, sources))
  return flows?.lines() ?? 0
}

function openText(path: string) {
  const file = openSync(path, 'w')
  let waiting = ''
  let lines = 0
  const flush = (): void => {
    for (let i = waiting.indexOf('\n'); i >= 0; i = waiting.indexOf('\n', i + 1)) lines++
    writeSync(file, waiting, null, 'latin1')
    waiting = ''
  }
  return {
    write(text: string): void {
      waiting += text
      if (waiting.length > WRITE_CHARACTERS) flush()
    },
    close(): void {
      flush()
      closeSync(file)
    },
    lines: () => lines,
  }
}
