/** `--inventory FILE`: another inventory than the one the records carry. */
import { AppError } from '../errors.ts'
import { type Inventory, parseInventory } from '../identity/inventory.ts'
import { quoted } from '../safe-text.ts'
import { readWhole } from './read-whole.ts'

/** Throws AppError `usage` for a file that cannot be read, and those of a wrong inventory. */
export async function readInventoryArgument(file: string): Promise<Inventory> {
  const read = await readWhole({ name: file, path: file, isGzip: false }, 'utf8')
  if ('problem' in read)
    throw new AppError('usage', `--inventory: ${quoted(file)} cannot be read: ${read.problem}`, {
      advice: 'Name the inventory file.',
    })
  return parseInventory(read.text, file)
}
