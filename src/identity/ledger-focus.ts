/**
 * A ledger's journal with only some of its peers: who held one address in a day is asked of a few keys, and restoring thousands of others
 * at each of their changes takes seconds. What is left restores as before (ledger-restore.ts).
 */
import * as z from 'zod'
import type { PeerCells } from './ledger-journal.ts'
import type { LedgerRow } from './ledger-restore.ts'

const peerCells = z.tuple([z.string(), z.string(), z.array(z.string()), z.string(), z.number()])
/** What a keyframe holds beside its peers stays as it is. */
const contentSchema = z.looseObject({
  peers: z.array(peerCells),
  interfaces: z.array(z.unknown()),
  down: z.array(z.unknown()).default([]),
  removed: z.array(z.tuple([z.string(), z.string()])).default([]),
})

/**
 * Keyframes and changes with all that is known of the peers that `isWanted` says yes to at any time; changes that concern none of them and
 * no interface are left out. Other rows stay. Throws (zod) where a row is not what the journal writes.
 */
export function focusLedger(rows: readonly LedgerRow[], isWanted: (peer: PeerCells) => boolean): LedgerRow[] {
  const parsed = rows.map((row) => ({ row, content: contentOf(row) }))
  const wanted = new Set(
    parsed.flatMap(({ content }) => content?.peers.filter((peer) => isWanted(peer)).map(identityOf) ?? []),
  )
  const isKept = (cells: readonly [string, string, ...unknown[]]) => wanted.has(identityOf(cells))
  return parsed.flatMap(({ row, content }) => {
    if (content === null) return [row]
    const peers = content.peers.filter(isKept)
    const removed = content.removed.filter(isKept)
    const isEmpty = peers.length + removed.length + content.interfaces.length + content.down.length === 0
    if (row.action === 'ledger-change' && isEmpty) return []
    return [{ ...row, text: JSON.stringify({ ...content, peers, removed }) }]
  })
}

function contentOf({ action, text }: LedgerRow) {
  return action === 'ledger-keyframe' || action === 'ledger-change' ? contentSchema.parse(JSON.parse(text)) : null
}

/** NUL stands in no interface name and no key. */
function identityOf([interfaceName, publicKey]: readonly [string, string, ...unknown[]]): string {
  return `${interfaceName}\0${publicKey}`
}
