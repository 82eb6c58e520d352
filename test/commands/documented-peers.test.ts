/** Peers that are documented and were never recorded. */
import { expect, test } from 'vitest'
import { documentedPeers } from '../../src/commands/documented-peers.ts'
import { incidentJob } from '../../src/commands/report-jobs.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { ANN, BOB, flow, ledger, SITE } from '../reports/made-access.ts'
import { withStore } from './made-store.ts'

test.each([
  ['branch', { by: 'name', keys: [SITE], label: 'branch', emails: ['bob@example.com'] }],
  [ANN, { by: 'key', keys: [ANN], label: 'ann-laptop (ThinkPad)' }],
  ['BBBB', { by: 'key', keys: [BOB] }],
  ['BOB@example.com', { by: 'e-mail', keys: [BOB, SITE], label: 'Bob Example <bob@example.com>' }],
  ['bob example', { by: 'e-mail', keys: [BOB, SITE] }],
  ['BBB', null],
  ['', null],
  ['nobody', null],
])('%s', async (text, expected) => {
  const found = await withStore([...ledger(), ...flow(1, ANN)], async (dir) => {
    const reader = await openStoreReader(dir)
    try {
      return await documentedPeers(reader, text)
    } finally {
      reader.close()
    }
  })
  if (expected === null) expect(found).toBe(null)
  else expect(found).toMatchObject(expected)
})

test('a report about one is prepared, as about any other', async () => {
  const job = incidentJob({ pack: '', address: '', peer: 'branch', person: '', resource: '' })
  await withStore([...ledger(), ...flow(1, ANN)], async (dir) => {
    const reader = await openStoreReader(dir)
    try {
      await expect(job.prepare(reader)).resolves.toMatchObject({ build: expect.any(Function) })
    } finally {
      reader.close()
    }
  })
})
