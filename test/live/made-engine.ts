/** A saved engine that tests tell from others by its number, and that is too large for one page of a database. */
import { emptyInventory } from '../../src/identity/inventory.ts'
import { createEngine, type SavedEngine } from '../../src/live/engine.ts'

export function madeEngine(number: number): SavedEngine {
  const engine = createEngine(
    { hosts: [], inventory: emptyInventory(), inventoryText: '', sources: [], isLive: true },
    { emit: () => {}, emitLedger: null },
  )
  const prefixes = new Map([[`engine ${number}`, Array.from({ length: 500 }, (_, n) => `prefix ${number} ${n} `)]])
  return { ...engine.save(), firstAt: number, prefixes }
}
