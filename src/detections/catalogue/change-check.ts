/**
 * The way from a gateway's changes (`wireguard.session`: peer added, AllowedIPs changed) to findings: each is judged by itself, which
 * is why it needs nothing but the inventory. Changes are rare, so their documents are kept until their turn.
 */
import type { Event } from '../../event.ts'
import { fieldOf } from '../../event.ts'
import type { Fields } from '../../fields.ts'
import { createFindingDocuments, type FindingDocument } from '../../finding-document.ts'
import type { InventoryPeer } from '../../identity/inventory-entries.ts'
import { quoteText } from '../../kql/print-query.ts'
import type { Detection, DetectionAbout, DetectionContext, SeenDocument } from './detection.ts'
import { exceptionFor, excused } from './exceptions.ts'
import type { PeerPlace } from './peer-points.ts'
import { createQuietSubjects, type SavedQuietSubjects } from './quiet-subjects.ts'
import { aboutPeer } from './thresholds.ts'

export type ChangeFound = Pick<FindingDocument, 'summary'> &
  Partial<Pick<FindingDocument, 'severity' | 'mend'>> & {
    /** Told apart from others about the same key and place: what was changed. */
    readonly what: string
    /** Its documented device, whose exceptions apply. */
    readonly peer: InventoryPeer | null
  }

/** For `wants`: a change of that action. */
export function isChange(action: string): (event: Event) => boolean {
  return (event) => fieldOf(event, 'event.action') === action && fieldOf(event, 'event.provider') === 'wireguard'
}

/** `judge`: null = nothing to say of that change. */
export function createChangeCheck(
  about: DetectionAbout,
  { emit, inventory, saved }: DetectionContext,
  judge: (document: SeenDocument, place: PeerPlace) => ChangeFound | null,
): Detection {
  // What was saved under the detection's id is what `save` below gave.
  const quiet = createQuietSubjects(saved as SavedQuietSubjects | undefined)
  const toDocument = createFindingDocuments(about)
  return {
    observe(document) {
      const { at, id, fields } = document
      const place = placeOfFields(fields)
      const found = judge(document, place)
      if (found === null) return
      const { what, peer, ...told } = found
      const subject = `${place.publicKey}\0${place.gateway}\0${place.interface}\0${what}`
      if (quiet.isQuiet(subject, at)) return
      quiet.silence(subject, at + about.suppression)
      emit(
        toDocument({
          at,
          subject,
          // The change lies between two polls.
          start: fields['event.start'] ?? at,
          end: fields['event.end'] ?? at,
          evidence: [...new Set([id, ...(fields['wireguard.change.evidence_ids'] ?? [])])],
          query: `event.dataset : "wireguard.session" and wireguard.peer.public_key : ${quoteText(place.publicKey)}`,
          ...told,
          ...excused(exceptionFor(inventory, about.id, peer?.name ?? '', at)),
          about: {
            ...aboutPeer(fields),
            'related.ip': fields['related.ip'],
            'related.hosts': fields['related.hosts'],
            'related.user': fields['related.user'],
          },
        }),
      )
    },
    tick: (watermark) => quiet.expire(watermark),
    save: () => quiet.save(),
  }
}

/** Where the peer of a `wireguard.session` document runs. */
export function placeOfFields(fields: Fields): PeerPlace {
  return {
    gateway: fields['host.name'] ?? '',
    interface: fields['wireguard.interface.name'] ?? '',
    publicKey: fields['wireguard.peer.public_key'] ?? '',
  }
}
