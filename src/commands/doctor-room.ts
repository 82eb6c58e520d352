/** Judges the disk that the store will be on. */

import { bytesText } from '../quantity-text.ts'
import { isKnown } from '../sources/hostfacts/facts.ts'
import type { Judgement } from './finding.ts'
import type { MachineFacts } from './machine-facts.ts'

/** The store's own bound when the pipeline names none (design 11), bytes. */
const STORE_BYTES = 20 * 1024 ** 3
/** Journals and spools on top of it by their defaults: 5 commands and 2 sinks, bytes. */
const STATE_BYTES = 5 * 256 * 1024 ** 2 + 2 * 1024 ** 3

/** `Disk`. */
export function judgeRoom({ disk }: MachineFacts): Judgement {
  const area = 'Disk'
  if (!isKnown(disk)) return { area, wells: [], findings: [] }
  const { path, freeBytes, totalBytes } = disk
  const room = `${bytesText(freeBytes)} of ${bytesText(totalBytes)} free for ${path}`
  const wanted = STORE_BYTES + STATE_BYTES
  if (freeBytes >= wanted) return { area, wells: [room], findings: [] }
  const share = Math.max(1, Math.floor(freeBytes / 2 / 1024 ** 3))
  return {
    area,
    wells: [],
    findings: [
      {
        id: 'little-room',
        severity: 'advice',
        what: `${room}; by default the store keeps up to ${bytesText(STORE_BYTES)}, journals and spools up to ${bytesText(STATE_BYTES)}.`,
        consequence: 'On a full disk reading stops until there is room again; logs rotated away by then are lost.',
        mend: [`# in pipeline.yaml: sinks.store.retention: { max_size: ${share}GiB }, or give it more room`],
      },
    ],
  }
}
