/**
 * Writes a capture directory (design 8.1) of any size, the same bytes for the same options: packet log, optionally
 * conntrack, polls of `wg show all dump` around and between the lines, ruleset and inventory. A directory that is already
 * there in full is used again.
 */
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Micros, SECOND, toIso } from '../src/time.ts'
import { createConntrackPrinter, LIFETIMES } from './conntrack-lines.ts'
import { keepCapture } from './kept-capture.ts'
import { createPacketDraw, createPacketPrinter } from './packet-lines.ts'
import { createPeers, GATEWAY } from './site.ts'
import { inventoryYaml, rulesetJson, snapshotText } from './site-documents.ts'
import { openText } from './text-file.ts'

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

export function generateCapture(dataDirectory: string, options: CaptureOptions): GeneratedCapture {
  const directory = join(dataDirectory, `${options.kind}-${options.lines}`)
  const counts = keepCapture(directory, GENERATION, (partial) => writeCapture(partial, options))
  const host = join(directory, GATEWAY)
  const bytes = readdirSync(host).reduce((sum, file) => sum + statSync(join(host, file)).size, 0)
  return {
    ...options,
    directory,
    packetLog: join(host, 'kern.log'),
    bytes,
    conntrackLines: counts['conntrackLines'] ?? 0,
  }
}

function writeCapture(directory: string, { lines, kind }: CaptureOptions): { conntrackLines: number } {
  const host = join(directory, GATEWAY)
  mkdirSync(host, { recursive: true })
  const peers = createPeers(PEERS)
  const packets = kind === 'open-flows' ? null : openText(join(host, 'kern.log'))
  const flows = kind === 'packets' ? null : openText(join(host, 'conntrack.log'))
  const draw = createPacketDraw(peers, 11)
  const print = createPacketPrinter(BOOT_AT, 13)
  const conntrack = createConntrackPrinter(kind === 'open-flows' ? [] : LIFETIMES)
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
  return { conntrackLines: flows?.lines() ?? 0 }
}
