/** What a report about what stands was made of: gateways with their last poll, and the inventory. */

import { spanText } from '../../quantity-text.ts'
import { toIso } from '../../time.ts'
import type { Block, Cell, JsonValue, Section } from '../document/report-document.ts'
import { stampText } from '../revocation/revocation-text.ts'
import { countText } from './shown-table.ts'
import { type InventoryBasis, isLate, type Standing, type StandingGateway } from './standing-gateways.ts'

/** Gateways on a page. */
const GATEWAYS_SHOWN_MAX = 100

const BASIS: Readonly<Record<InventoryBasis, string>> = {
  given: 'named for this report, not the one the records carry',
  'in-force': 'in force at the end of the period',
  newest: 'the newest the records carry: names are as known now',
}

/** Documented gateways of which no poll is recorded up to the end of the period: what runs there is not known. */
export function unpolled({ inventory, gateways }: Standing): string[] {
  const named = (inventory?.gateways ?? []).map(({ name }) => name)
  return named.filter((name) => !gateways.some(({ gateway }) => gateway === name))
}

/** `remarks`: what could not be read, a sentence each. */
export function standingSection(standing: Standing, remarks: readonly string[]): Section {
  const { gateways, unseen, inventory, basis, at, changed } = standing
  const blocks: Block[] = [
    {
      kind: 'facts',
      rows: [
        [
          'Inventory',
          inventory === null
            ? { text: 'none: nothing is documented that could be compared', tone: 'warning' }
            : { text: inventory.hash, isCode: true, note: BASIS[basis] },
        ],
      ],
    },
    {
      kind: 'table',
      caption: 'What ran, by the last poll of each gateway',
      columns: [
        { title: 'Gateway' },
        { title: 'Last poll' },
        { title: 'Interfaces' },
        { title: 'Keys', align: 'right' },
      ],
      rows: gateways.slice(0, GATEWAYS_SHOWN_MAX).map((each) => gatewayCells(each, at)),
      total: gateways.length,
      file: '',
      empty: 'no poll of a gateway is recorded up to the end of the period',
    },
  ]
  const late = gateways.filter((each) => isLate(each, at))
  if (late.length > 0)
    blocks.push({
      kind: 'note',
      tone: 'warning',
      text: 'Where polls end before the period does, what ran since is not known; these gateways are judged as of their last poll.',
    })
  for (const name of unpolled(standing)) {
    const later = unseen.find(({ gateway }) => gateway === name)
    const text = later === undefined ? 'no poll of it is recorded' : `its first poll is of ${stampText(later.first)}`
    blocks.push({
      kind: 'note',
      tone: 'warning',
      text: `Gateway ${name} is documented, and ${text}: its keys are not reviewed.`,
    })
  }
  if (changed.size > 0)
    blocks.push({
      kind: 'note',
      tone: 'warning',
      text: `Since the end of the period ${countText(changed.size, 'key or interface was', 'keys or interfaces were')} changed, on a gateway or in the inventory: lines here that would mend them are left out. A report of today has them.`,
    })
  for (const text of remarks) blocks.push({ kind: 'note', tone: 'warning', text })
  return { id: 'standing', title: 'What was looked at', blocks }
}

function gatewayCells(each: StandingGateway, at: number): Cell[] {
  const keys = each.running.reduce((sum, { peers }) => sum + peers.length, 0)
  return [
    each.gateway,
    isLate(each, at)
      ? { text: stampText(each.poll), tone: 'warning', note: `${spanText(at - each.poll)} before the end` }
      : stampText(each.poll),
    each.running.map(({ interface: name }) => name).join(', ') || 'none up',
    String(keys),
  ]
}

/** For programs. */
export function standingData({ gateways, at }: Standing): JsonValue {
  return gateways.map((each) => ({
    'observer.name': each.gateway,
    last_poll: toIso(each.poll),
    keys: each.running.reduce((sum, { peers }) => sum + peers.length, 0),
    is_late: isLate(each, at),
  }))
}
