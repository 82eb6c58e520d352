/** Reports about a person whose key passed to somebody else: what the other one did with it is not hers, by the documents or as known now. */
import { describe, expect, test } from 'vitest'
import type { Fields } from '../../src/fields.ts'
import { incidentSubject } from '../../src/reports/incident/incident-subject.ts'
import type { NamesMode } from '../../src/reports/names/names.ts'
import { readNames } from '../../src/reports/names/read-names.ts'
import type { EventReader } from '../../src/store/event-reader.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { toIso } from '../../src/time.ts'
import { withStore } from '../commands/made-store.ts'
import { createNarrowReader } from '../commands/narrow-reader.ts'
import { askReader } from './access-asking.ts'
import { allText, askIncident, jsonRows } from './incident-asking.ts'
import { ANN, at, BOB, executed, flow, INVENTORY, ledger, login, peerOf } from './made-access.ts'

const [ANNS, BOBS] = ['ann@example.com', 'bob@example.com']
const PERIOD = { from: at(-60), to: at(3600) }
/** The device of Ann in the hands of Bob, as documents of the time have it. */
const LENT: Fields = { 'wireguard.peer.owner.name': 'Bob Example', 'wireguard.peer.owner.email': BOBS }
const PERHAPS: Fields = {
  'wireguard.attribution.status': 'ambiguous',
  'wireguard.attribution.reason': 'ledger-gap',
  'wireguard.attribution.candidates': [ANN, BOB],
}
const LENT_DOCUMENTS: readonly Fields[] = [
  ...flow(1, ANN),
  ...flow(20, '', PERHAPS),
  login(30, ANN, '7'),
  executed(31, ANN, '7', ['id']),
  ...flow(40, ANN),
  ...flow(100, ANN, LENT),
  ...flow(110, '', PERHAPS),
  login(120, ANN, '8', LENT),
  executed(121, ANN, '8', ['rm', '/srv/db'], LENT),
  // Bob types her name at a login of his own.
  { ...login(130, BOB, '9', { 'user.name': ANNS }), 'related.user': [ANNS, BOBS] },
]

function asked<T>(documents: readonly Fields[], ask: (reader: EventReader) => Promise<T>): Promise<T> {
  return withStore(documents, async (dir) => {
    const reader = await openStoreReader(dir)
    try {
      return await ask(reader)
    } finally {
      reader.close()
    }
  })
}

/** Begins of the rows, and keys that they are laid to. */
async function accessRows(reader: EventReader, email: string, keys: readonly string[], mode: NamesMode) {
  const names = await readNames(reader, mode)
  const { files } = await askReader(reader, { filter: { keys, owners: [email] }, period: PERIOD, names })
  const seconds = (name: string, column: string) =>
    jsonRows(files.get(`${name}.ndjson`)).map((row) => String(row[column]))
  return {
    access: seconds('access', 'event.start'),
    logins: seconds('logins', '@timestamp'),
    commands: seconds('commands', '@timestamp'),
  }
}

const stamps = (...seconds: readonly number[]) => seconds.map((second) => toIso(at(second)))

function aboutPerson(email: string, keys: readonly string[]) {
  return incidentSubject({ kind: 'person', label: email, keys, emails: [email] })
}

describe('as recorded', () => {
  test.each([
    [ANNS, [ANN], { access: stamps(1, 20, 40), logins: stamps(30), commands: stamps(31) }],
    [BOBS, [ANN, BOB], { access: stamps(20, 100, 110), logins: stamps(120, 130), commands: stamps(121) }],
  ])('an access report about %s has the rows of the time in which the key was theirs', async (email, keys, rows) => {
    expect(await asked(LENT_DOCUMENTS, (reader) => accessRows(reader, email, keys, 'as-recorded'))).toEqual(rows)
  })

  test('an incident about her: her connections are counted, what may be hers apart, nothing of his', async () => {
    const { document, files } = await asked(LENT_DOCUMENTS, (reader) =>
      askIncident(createNarrowReader(reader), aboutPerson(ANNS, [ANN]), { period: PERIOD }),
    )
    expect(document.data).toMatchObject({ counts: { connected: 2, perhaps: 1 }, bytes: 2200 })
    expect(document.summary[0]).toContain('2 connections with an answer')
    expect(document.summary[0]).toContain('1 more connection, packet or line may be of this subject or of another')
    const owners = jsonRows(files.get('timeline.ndjson')).map((row) => row['wireguard.peer.owner.email'])
    expect(owners).not.toContain(BOBS)
    expect(files.get('timeline.ndjson')).not.toContain('/srv/db')
  })

  test('a finding of the time in which the key was another’s disputes nothing of hers', async () => {
    const dispute = { publicKey: ANN, from: at(100), to: at(140), finding: 'f1', rule: 'impossible-travel' }
    const about = (email: string, keys: readonly string[]) =>
      asked(LENT_DOCUMENTS, (reader) =>
        askIncident(reader, aboutPerson(email, keys), { period: PERIOD, disputes: [dispute] }),
      )
    expect(allText((await about(ANNS, [ANN])).document)).not.toContain('impossible-travel')
    expect(allText((await about(BOBS, [ANN, BOB])).document)).toContain('impossible-travel')
  })

  test('a key that only she is recorded with is hers at any time, also where a document names no owner', async () => {
    const unnamed = { ...peerOf(ANN), 'wireguard.peer.owner.email': undefined, 'wireguard.peer.owner.name': undefined }
    const documents = [...flow(1, ANN), ...flow(200, '', unnamed), ...flow(210, '', PERHAPS)]
    const { document } = await asked(documents, (reader) =>
      askIncident(reader, aboutPerson(ANNS, [ANN]), { period: PERIOD }),
    )
    expect(document.data).toMatchObject({ counts: { connected: 2, perhaps: 1 } })
  })
})

describe('as known now', () => {
  const changed = INVENTORY.replace(
    'owner: ann@example.com\n    device',
    `owners: [{ email: ${ANNS}, until: "${toIso(at(35))}" }, { email: ${BOBS}, since: "${toIso(at(35))}" }]\n    device`,
  )
  const documents = [...ledger(changed), ...LENT_DOCUMENTS]

  test.each([
    [ANNS, { access: stamps(1, 20), logins: stamps(30), commands: stamps(31) }],
    [BOBS, { access: stamps(20, 40, 100, 110), logins: stamps(120, 130), commands: stamps(121) }],
  ])('%s has what the newest inventory gives them, whatever the documents say', async (email, rows) => {
    expect(await asked(documents, (reader) => accessRows(reader, email, [ANN], 'as-known-now'))).toEqual(rows)
  })

  test('an incident follows the newest inventory too', async () => {
    const counts = async (email: string) => {
      const { document } = await asked(documents, (reader) =>
        askIncident(reader, aboutPerson(email, [ANN]), { period: PERIOD, mode: 'as-known-now' }),
      )
      return document.data
    }
    expect(await counts(ANNS)).toMatchObject({ counts: { connected: 1, perhaps: 1 } })
    expect(await counts(BOBS)).toMatchObject({ counts: { connected: 2, perhaps: 2 } })
  })
})
