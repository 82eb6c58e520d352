/**
 * ulogd2's JSON of NFLOG packets to packet records; one object a line:
 *
 *   {"timestamp": "2026-11-22T10:49:43.032890", "oob.prefix": "fx-nflog ", "oob.time.sec": 1795344583, "src_ip": "10.77.1.2", …}
 *
 * The text is read by ulogd.ts. The packet came over netlink, where only the kernel speaks, and only ulogd writes its file:
 * hence trust `kernel`. NFCT flows in the same file are skipped. ulogd reports losses in its own log only (formats.md 1.7).
 */
import { type Micros, SECOND } from '../../time.ts'
import { type Decoder, emptyTally, type Line, type Remark, type SourceFile, type Tally, TEXT_MAX } from '../source.ts'
import { createArrivals, type Item, type SavedArrivals } from './arrivals.ts'
import type { PacketRecord } from './record.ts'
import { parseUlogdJson } from './ulogd.ts'
import { createZone } from './zone.ts'

export type UlogdOptions = {
  /** Of stamps without one, which ulogd writes where the machine's offset is 0. */
  zone: string
  referenceAt: Micros | null
  /** Not needed: ulogd names the prefix by a key. */
  prefixes: readonly string[]
}

/** `previous`: time of the last packet, NaN before the first. */
export type SavedUlogd = { readonly arrivals: SavedArrivals<Item>; readonly tally: Tally; readonly previous: Micros }

export function createUlogdDecoder(
  options: UlogdOptions,
  emit: (item: PacketRecord | Remark) => void,
  saved?: SavedUlogd,
): Decoder {
  const zone = createZone(options.zone)
  const arrivals = createArrivals<Item>(emit, options.referenceAt, saved?.arrivals)
  const tally = saved?.tally ?? emptyTally()
  let previous = saved?.previous ?? Number.NaN
  return {
    push,
    end: arrivals.end,
    quiet: arrivals.quiet,
    // The prefix has a key of its own: none need be known.
    setPrefixes() {},
    save: (): SavedUlogd => ({ arrivals: arrivals.save(), tally, previous }),
    tally,
  }

  function push(line: Line, file: SourceFile): void {
    tally.lines++
    const parsed = line.text.trim() === '' ? null : parseUlogdJson(line.text)
    if (parsed === null) {
      tally.skipped++
      return
    }
    if (parsed === 'malformed') {
      unparsed('bad-packet', line, file)
      return
    }
    if (parsed.at === null) {
      unparsed('no-time', line, file)
      return
    }
    const at = parsed.isLocalTime ? zone.toUtc(parsed.at, previous) : parsed.at
    previous = at
    tally.records++
    arrivals.push(at, {
      kind: 'packet',
      arrival: at,
      at,
      // A stamp of whole seconds is what NFLOG leaves when it has no time of the packet.
      resolution: at % SECOND === 0 ? SECOND : 0,
      trust: 'kernel',
      packet: parsed.packet,
      ownIdentity: '',
      file,
      offset: line.offset,
      text: line.text,
    })
  }

  function unparsed(reason: string, line: Line, file: SourceFile): void {
    tally.unparsed++
    const text = line.text.slice(0, TEXT_MAX)
    arrivals.push(Number.NaN, { kind: 'unparsed', arrival: 0, reason, text, file, offset: line.offset })
  }
}
