/** Which exceptions of an inventory excuse nothing that this release can find: a mistyped id would be told nowhere else. */
import { DETECTIONS } from '../detections/catalogue/catalogue.ts'
import type { Inventory } from '../identity/inventory.ts'
import { nearest } from '../nearest.ts'
import { POSTURE_KINDS } from '../posture/checks.ts'
import { quoted } from '../safe-text.ts'

/** '' where all of them name something. A rule of one's own may be meant, which only its pipeline knows. */
export function unknownExceptions({ exceptions }: Pick<Inventory, 'exceptions'>): string {
  const ids = new Set([...DETECTIONS.map(({ about }) => about.id), ...POSTURE_KINDS.map(({ id }) => id)])
  const unknown = new Set(exceptions.map(({ check }) => check).filter((check) => !ids.has(check)))
  const told = [...unknown].map((check) => {
    const near = nearest(check, ids)
    return near === null ? quoted(check) : `${quoted(check)} (perhaps ${near})`
  })
  return told.length === 0 ? '' : `exceptions for what is no detection or check here: ${told.join(', ')}`
}
