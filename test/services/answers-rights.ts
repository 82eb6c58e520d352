/** Accounts that only read, with the roles we ship: what they may see they see, what they may not is told and never taken for nothing. */
import { join } from 'node:path'
import type { Client } from '@elastic/elasticsearch'
import { type Connection, connect } from '../../src/elasticsearch/connection.ts'
import { roles } from '../../src/elasticsearch/roles.ts'
import { openClusterReader } from '../../src/store/cluster-reader.ts'
import { ALL_TIME, LEDGER_DATASET } from '../../src/store/event-reader.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { replayed, send } from './answers-filling.ts'
import type { Suite } from './suite.ts'
import { putTemplates } from './templates-on.ts'
import { waitFor } from './wait-for.ts'

const PATIENCE_MS = 30_000
const PASSWORD = 'reads-and-nothing-else'
const ALL = { datasets: null, ...ALL_TIME, query: { kind: 'all' } } as const

/** `capture`: what is there to read. */
export function rightsSuite(capture: string): Suite {
  return {
    name: 'answers-rights',
    engines: ['elasticsearch-9'],
    async run({ dir, startEngine, namespace, equal }) {
      const engine = await startEngine({ security: true })
      const client = connect(engine.connection)
      const name = namespace()
      // Its index of accounts comes a moment after the rest.
      await waitFor('the engine knows its users', async () => isKnown(client), PATIENCE_MS)
      await putTemplates(client, engine, 'standard')
      for (const { name: role, body } of roles())
        await client.transport.request({ method: 'PUT', path: `/_security/role/${role}`, body })
      const users = ['peertrail_analyst', 'peertrail_auditor', 'peertrail_report', 'peertrail_writer']
      for (const role of users)
        await client.transport.request({
          method: 'PUT',
          path: `/_security/user/${role}`,
          body: { password: PASSWORD, roles: [role] },
        })
      await send(client, await replayed(capture, join(dir, 'store'), name))
      await client.close()
      const as = (username: string, password = PASSWORD): Connection => ({
        ...engine.connection,
        auth: { kind: 'basic', username, password },
      })
      const store = await openStoreReader(join(dir, 'store'))
      const [all, unseen] = [
        await store.count(ALL),
        await store.count({ ...ALL, datasets: ['wireguard.firewall', 'wireguard.peer'] }),
      ]
      store.close()

      for (const [user, seen] of [
        ['peertrail_analyst', all],
        ['peertrail_report', all],
        ['peertrail_auditor', all - unseen],
      ] as const) {
        const reader = await openClusterReader(as(user), { namespace: name })
        const { rows } = await reader.select({ ...ALL, columns: [] }, 'SELECT count(*) FROM events')
        equal(`${user} counts and fetches what it may`, [await reader.count(ALL), rows[0]?.[0]], [seen, seen])
        const told = seen === all ? [] : ['firewall', 'peer']
        equal(`${user} is told what it may not: ${told.length} streams`, reader.damage.length, told.length)
        if (told.length > 0)
          equal(
            `… and refused where it asks for one`,
            await codeOf(reader.count({ ...ALL, datasets: ['wireguard.firewall'] })),
            'refused',
          )
        equal(`${user} reads the ledger`, (await reader.count({ ...ALL, datasets: [LEDGER_DATASET] })) > 0, true)
        reader.close()
      }
      const refused = [
        as('peertrail_writer'),
        as('peertrail_analyst', 'wrong'),
        { ...as(''), auth: { kind: 'none' } as const },
      ]
      equal(
        'the writer, a wrong password and nobody are refused',
        await Promise.all(refused.map((connection) => codeOf(openClusterReader(connection, { namespace: name })))),
        ['refused', 'refused', 'refused'],
      )
    },
  }
}

async function isKnown(client: Client): Promise<boolean> {
  return client.ping().catch(() => false)
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
    return 'answered'
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
}
