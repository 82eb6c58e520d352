/**
 * A flow's tunnel address went to another key while the flow was open: its later packets may be the new holder's, though the
 * flow stays with the first (design 5.6). Reads the `wireguard.flow` documents that say so
 * (`wireguard.attribution.reason: holder-changed`) and groups those of one ledger entry into one finding.
 *
 * It does not judge whether the change was meant: a key rotation or a roamed prefix looks the same as a takeover.
 */
import { fieldOf } from '../event.ts'
import { quoteText } from '../kql/print-query.ts'
import { DAY, type Micros, SECOND } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { createThreshold, peerName } from './catalogue/thresholds.ts'

/** Flows of one ledger entry within this time of the first are one finding. */
const WINDOW: Micros = 60 * SECOND
/** After a finding its ledger entry raises no other until it was quiet for this long: open flows repeat the reason in every document. */
const SUPPRESSION: Micros = DAY

const ABOUT: DetectionAbout = {
  id: 'holder-changed',
  title: 'Tunnel address changed hands during a flow',
  severity: 2,
  origin: 'detection',
  description:
    'The key that held the tunnel address when the flow started lost it while the flow was open. Removing a peer leaves its ' +
    'connection tracking entries standing, so packets of the next holder can continue them past rules that ask for new ' +
    'connections only.',
  runbook: [
    'Look who holds the address now: `peertrail who ADDRESS`.',
    'Was it a planned rotation? Then the inventory documents the next key from that time on.',
    'After a revocation delete the entries that stayed: `conntrack -D -s ADDRESS` on the gateway.',
  ],
  attack: [],
  limits: { window: '60 s from the first flow' },
  suppression: SUPPRESSION,
  baseline: 0,
  query: 'event.dataset : "wireguard.flow" and wireguard.attribution.reason : "holder-changed"',
  knownGaps: [
    'A change undone between two polls is invisible.',
    'Flows that conntrack did not show, or that are attributed ambiguously, are not seen.',
    'A planned key rotation looks the same.',
    'A connection tracking entry outlives its connection (TIME_WAIT, UDP timeout): flows that were over already are counted.',
    'The new holder is not named: at the time of the change there may be none yet.',
  ],
}

export const holderChanged: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [
    {
      reads: ['wireguard.flow'],
      span: 10 * SECOND,
      keyOf: (event) =>
        fieldOf(event, 'wireguard.attribution.reason') === 'holder-changed' &&
        // What an audited host tells later of such a flow repeats the reason, and says nothing of packets.
        fieldOf(event, 'event.provider') === 'conntrack'
          ? (fieldOf(event, 'wireguard.attribution.mapping_id') ?? null)
          : null,
      distinctOf: (event) => fieldOf(event, 'wireguard.flow.id'),
    },
  ],
  open: ({ emit, saved }) =>
    createThreshold(
      {
        about: ABOUT,
        measure: 'distinct',
        threshold: 1,
        window: WINDOW,
        isRenewed: true,
        describe: ({ first, distinct }) => ({
          summary: `${peerName(first)} lost ${first['wireguard.peer.prefix'] ?? 'its address'} while ${
            distinct.length === 1 ? 'a flow of it was' : `${distinct.length} flows of it were`
          } open`,
          query: `wireguard.attribution.mapping_id : ${quoteText(first['wireguard.attribution.mapping_id'] ?? '')} and wireguard.attribution.reason : "holder-changed"`,
        }),
      },
      emit,
      saved,
    ),
}
