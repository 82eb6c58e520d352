/** All keys by how much would be open if they leaked, a row each. */
import type { Cell, Table } from '../document/report-document.ts'
import { stampText } from '../revocation/revocation-text.ts'
import type { Ranked } from './exposure-rank.ts'
import { spaceShare } from './exposure-space.ts'
import { exposedName } from './exposure-words.ts'

const ROWS_MAX = 1000
const NOT_KNOWN: Cell = { text: 'not known', tone: 'warning' }

/** In the order given. */
export function rankTable(ranked: readonly Ranked[]): Table {
  return {
    kind: 'table',
    caption: '',
    columns: [
      { title: 'Rank', align: 'right' },
      { title: 'Peer' },
      { title: 'Owner' },
      { title: 'On' },
      { title: 'Restricted', align: 'right' },
      { title: 'Resources', align: 'right' },
      { title: 'No grant', align: 'right' },
      { title: 'Beyond', align: 'right' },
      { title: 'Peers', align: 'right' },
      { title: 'Used', align: 'right' },
      { title: 'Unused grants', align: 'right' },
      { title: 'Last use' },
    ],
    rows: ranked.slice(0, ROWS_MAX).map((each, i) => rankRow(each, i + 1)),
    total: ranked.length,
    file: '',
    empty: 'No key runs by the newest polls.',
  }
}

function rankRow({ exposure, counts, overreach }: Ranked, rank: number): Cell[] {
  const { peer, resources, isUseKnown } = exposure
  const used = resources.filter((each) => each.used !== null && each.used.connected > 0)
  const unused =
    resources.filter(({ isDocumented }) => isDocumented).length - used.filter(({ isDocumented }) => isDocumented).length
  const last = used.reduce((newest, each) => Math.max(newest, each.used?.last ?? newest), Number.NEGATIVE_INFINITY)
  return [
    String(rank),
    exposedName(exposure),
    peer.owner === null ? '-' : peer.owner.name || peer.owner.email,
    `${peer.gateway} ${peer.interface}`,
    counts === null ? NOT_KNOWN : countCell(counts.restricted),
    counts === null ? NOT_KNOWN : String(counts.resources),
    counts === null ? NOT_KNOWN : countCell(overreach),
    counts === null ? NOT_KNOWN : spaceShare(counts.space),
    counts === null ? NOT_KNOWN : String(counts.peers),
    isUseKnown || used.length > 0 ? String(used.length) : NOT_KNOWN,
    isUseKnown ? String(unused) : NOT_KNOWN,
    last === Number.NEGATIVE_INFINITY ? '-' : stampText(last),
  ]
}

function countCell(count: number): Cell {
  return count > 0 ? { text: String(count), tone: 'bad' } : '0'
}
