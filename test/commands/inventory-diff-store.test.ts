/** `inventory diff` without a path: the store's ledger gives the same answer as the files it was made of. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type InventoryDiffArgs, runInventoryDiff } from '../../src/commands/inventory-diff.ts'
import { DEMO } from '../replay-capture.ts'
import { NOW } from './asking.ts'
import { createMemoryTerminal } from './memory-terminal.ts'
import { type StoredDemo, storeDemo } from './stored-demo.ts'

let demo: StoredDemo
beforeAll(async () => {
  demo = await storeDemo()
})
afterAll(() => demo.remove())

async function diff(args: Partial<InventoryDiffArgs>, environment = {}) {
  const terminal = createMemoryTerminal()
  const none = { paths: [], inventory: '', gateway: '', at: null, isJson: false, isCsv: false }
  const exit = await runInventoryDiff({ ...none, ...args }, NOW, terminal, environment)
  return { exit, printed: terminal.printed() }
}

test('as of the newest poll it is the answer the capture gives', async () => {
  const expected = readFileSync(`${import.meta.dirname}/../fixtures/inventory-diff/demo/expected.txt`, 'utf8')
  expect(await diff({ store: demo.dir })).toEqual({ exit: 1, printed: expected })
  expect(await diff({}, { PEERTRAIL_STORE: demo.dir })).toEqual({ exit: 1, printed: expected })
})

test.each(['2026-11-22T15:09:40', '2026-11-22T15:12:18', '2026-11-22T15:12:31'])(
  '%s: and at other times',
  async (at) => {
    const kinds = ({ printed }: { printed: string }) => {
      const { gateways, differences } = JSON.parse(printed)
      // Handshakes are of the minute's point, not of the poll.
      return { gateways, differences: differences.map((each: object) => ({ ...each, lastHandshake: null })) }
    }
    const [stored, read] = [
      await diff({ store: demo.dir, at, isJson: true }),
      await diff({ paths: [DEMO], at, isJson: true }),
    ]
    expect(kinds(stored)).toEqual(kinds(read))
  },
)

test('another inventory, and one gateway', async () => {
  const { printed } = await diff({ store: demo.dir, inventory: `${DEMO}/inventory.yaml`, gateway: 'gw2', isJson: true })
  expect(JSON.parse(printed).gateways.map(({ name }: { name: string }) => name)).toEqual(['gw2'])
  await expect(diff({ store: demo.dir, gateway: 'gw3' })).rejects.toMatchObject({ code: 'usage' })
})
