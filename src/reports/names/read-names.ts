/** Names out of the records: the newest inventory, and how its versions differ about the past. */
import type { EventReader } from '../../store/event-reader.ts'
import { BACKDATED_MAX, backdatedChanges } from './backdated-changes.ts'
import { type InventoryVersions, newestVersion, readInventoryVersions } from './inventory-versions.ts'
import { knownHolders } from './known-holders.ts'
import type { Names, NamesMode } from './names.ts'

/** Throws AppError of the reader. */
export async function readNames(reader: EventReader, mode: NamesMode): Promise<Names> {
  return namesOf(await readInventoryVersions(reader), mode)
}

/** The same, of versions that were read before. */
export function namesOf(versions: InventoryVersions, mode: NamesMode): Names {
  const newest = newestVersion(versions)
  const { changes, total } = backdatedChanges(versions)
  const remarks = [...versions.remarks]
  if (total > changes.length)
    remarks.push(
      `${total} changes of the inventory concern a time before they were made; the newest ${BACKDATED_MAX} are listed.`,
    )
  if (newest === null || newest.inventory === null)
    return { mode, inventory: '', known: [], at: () => null, backdated: changes, remarks }
  const holders = knownHolders(newest.inventory)
  const { known, disputed } = holders
  for (const key of disputed.slice(0, DISPUTED_NAMED_MAX))
    remarks.push(
      `The inventory gives key ${key.slice(0, 8)}… to different devices at the same time: it is not named then.`,
    )
  if (disputed.length > DISPUTED_NAMED_MAX)
    remarks.push(`${disputed.length - DISPUTED_NAMED_MAX} more keys are given to different devices at the same time.`)
  const others = otherInventories(versions, newest.hash)
  if (others.length > 0)
    remarks.push(
      `Names as known now are those of inventory ${newest.hash}, the one that was put into use last. Other gateways last used another one: ${others.join(', ')}.`,
    )
  return {
    mode,
    inventory: newest.hash,
    known,
    at: (publicKey, at) => holders.at(publicKey, at),
    backdated: changes,
    remarks,
  }
}

/** Keys and gateways that a remark names. */
const DISPUTED_NAMED_MAX = 20
const GATEWAYS_NAMED_MAX = 20

function otherInventories({ uses }: InventoryVersions, newest: string): string[] {
  const current = new Map<string, string>()
  for (const { gateway, hash } of uses) current.set(gateway, hash)
  const others = [...current].filter(([, hash]) => hash !== newest).map(([gateway, hash]) => `${gateway} ${hash}`)
  const rest = others.length - GATEWAYS_NAMED_MAX
  return rest > 0 ? [...others.sort().slice(0, GATEWAYS_NAMED_MAX), `${rest} more`] : others.sort()
}
