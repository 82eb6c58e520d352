/**
 * The way from points of peers (peer-points.ts) to findings: each few minutes of each key are judged with what was remembered of it.
 * What is found goes out at once, and its subject is quiet then for the detection's suppression.
 */

import type { Fields } from '../../fields.ts'
import { createFindingDocuments, type FindingDocument } from '../../finding-document.ts'
import type { InventoryPeer } from '../../identity/inventory-entries.ts'
import { quoteText } from '../../kql/print-query.ts'
import type { Micros } from '../../time.ts'
import type { Detection, DetectionAbout, DetectionContext, Tally } from './detection.ts'
import { exceptionFor, excused } from './exceptions.ts'
import { type PeerPlace, type PeerPoint, placeOf, pointsOf } from './peer-points.ts'
import { createQuietSubjects, type SavedQuietSubjects } from './quiet-subjects.ts'
import { aboutPeer } from './thresholds.ts'

/** Keys remembered by one detection; beyond it the one longest unseen is forgotten and begins anew. */
export const REMEMBERED_MAX = 50_000

export type PeerStretch = {
  readonly place: PeerPlace
  /** In order of time; at least one. */
  readonly points: readonly [PeerPoint, ...PeerPoint[]]
  /** Of the first point. */
  readonly fields: Fields
}

export type PeerFound = Pick<FindingDocument, 'summary'> &
  Partial<Pick<FindingDocument, 'severity' | 'mend' | 'count' | 'distinct'>> & {
    /** Told apart from others about the same key and place; '' when absent. */
    readonly what?: string
    /** The points it follows from, in order of time. The first of the stretch is its time; remembered ones may stand before. */
    readonly points: readonly [PeerPoint, ...PeerPoint[]]
    /** Its documented device, whose exceptions apply. */
    readonly peer: InventoryPeer | null
  }

/** `memory`: plain data, null = nothing is known of the key. */
export type Judged<Memory> = { readonly memory: Memory | null; readonly found: readonly PeerFound[] }

type Remembered<Memory> = { readonly at: Micros; readonly memory: Memory }
type Saved<Memory> = { readonly remembered: Map<string, Remembered<Memory>>; readonly quiet: SavedQuietSubjects }

/**
 * `judge` gets the stretches of one place in order of time. One that comes late is judged without memory, and what is remembered
 * then is not kept.
 */
export function createPeerCheck<Memory>(
  about: DetectionAbout,
  { emit, inventory, saved: before }: DetectionContext,
  judge: (stretch: PeerStretch, memory: Memory | null) => Judged<Memory>,
): Detection {
  // What was saved under the detection's id is what `save` below gave.
  const saved = before as Saved<Memory> | undefined
  const remembered = saved?.remembered ?? new Map<string, Remembered<Memory>>()
  const quiet = createQuietSubjects(saved?.quiet)
  const toDocument = createFindingDocuments(about)

  function remember(key: string, at: Micros, memory: Memory | null): void {
    // Whoever was seen last stands last.
    remembered.delete(key)
    if (memory === null) return
    remembered.set(key, { at, memory })
    if (remembered.size <= REMEMBERED_MAX) return
    const oldest = remembered.keys().next()
    if (oldest.done !== true) remembered.delete(oldest.value)
  }

  function tell(found: PeerFound, { key, first: fields, related, firstAt }: Tally): void {
    const { what = '', points, peer, ...told } = found
    const subject = what === '' ? key : `${key}\0${what}`
    // A remembered point may be from long ago, when what is found now had not happened.
    const at = points.find((point) => point.at >= firstAt)?.at ?? firstAt
    if (quiet.isQuiet(subject, at)) return
    quiet.silence(subject, at + about.suppression)
    emit(
      toDocument({
        at,
        subject,
        start: points[0].at,
        end: points.at(-1)?.at ?? at,
        evidence: points.map(({ id }) => id).filter((id) => id !== ''),
        query: `event.dataset : "wireguard.peer" and wireguard.peer.public_key : ${quoteText(placeOfKey(key))}`,
        ...told,
        ...excused(exceptionFor(inventory, about.id, peer?.name ?? '', at)),
        about: {
          ...aboutPeer(fields),
          'related.ip': orAbsent(related.ip),
          'related.hosts': orAbsent(related.hosts),
          'related.user': orAbsent(related.user),
        },
      }),
    )
  }

  return {
    tally(tally) {
      const [first, ...more] = pointsOf(tally)
      if (first === undefined) return
      const known = remembered.get(tally.key)
      const newest = more.at(-1) ?? first
      const isLate = known !== undefined && known.at >= first.at
      const stretch: PeerStretch = { place: placeOf(tally), points: [first, ...more], fields: tally.first }
      const { memory, found } = judge(stretch, isLate ? null : (known?.memory ?? null))
      if (!isLate) remember(tally.key, newest.at, memory)
      for (const each of found) tell(each, tally)
    },
    tick: (watermark) => quiet.expire(watermark),
    save: () => ({ remembered, quiet: quiet.save() }) satisfies Saved<Memory>,
  }
}

function placeOfKey(key: string): string {
  return key.slice(0, key.indexOf('\0'))
}

function orAbsent(values: readonly string[]): readonly string[] | undefined {
  return values.length === 0 ? undefined : values
}
