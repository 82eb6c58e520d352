/** What roles and keys may do on a real cluster with users, and what they may not. */
import type { Client } from '@elastic/elasticsearch'
import { type Connection, connect } from '../../src/elasticsearch/connection.ts'
import { STREAMS } from '../../src/elasticsearch/streams.ts'
import type { Engine } from './engine-contract.ts'
import { ask, bulk, fill, itemsOf } from './install-requests.ts'
import { actionsOf, install, releaseWith } from './install-run.ts'
import type { SuiteContext } from './suite.ts'

/** Each role may do its work and nothing else. */
export async function checkRoles(
  { equal, ensure, namespace }: SuiteContext,
  { connection }: Engine,
  client: Client,
): Promise<void> {
  equal('installed with roles', (await install(connection)).end, 'ok')
  const again = await install(connection)
  equal('… a second time nothing differs', actionsOf(again), `same ${again.report?.artefacts.length}`)
  const tenant = namespace()
  await fill(client, tenant)
  const names = ['installer', 'analyst', 'auditor', 'report', 'writer'] as const
  const may = new Map<string, readonly number[]>()
  for (const name of names) {
    const user = await userOf(client, connection, name)
    may.set(name, await tried(user, tenant))
  }
  // Reading flows, packet log, ledger; adding a document; deleting an index; making a template; reading roles.
  equal('an analyst reads everything and changes nothing', may.get('analyst'), [200, 200, 200, 403, 403, 403, 403])
  equal('an auditor reads no packet log', may.get('auditor'), [200, 403, 200, 403, 403, 403, 403])
  equal('reports read everything', may.get('report'), [200, 200, 200, 403, 403, 403, 403])
  equal('a writer only adds', may.get('writer'), [403, 403, 403, 201, 403, 403, 403])
  equal(
    'an installer makes templates, and may pass on the right to add',
    may.get('installer'),
    [403, 403, 403, 201, 403, 200, 403],
  )

  const installer = await userOf(client, connection, 'installer')
  const plain = await install(installer)
  ensure(
    'the installer installs, but for roles',
    plain.end === 'ok' && plain.report?.notes.some((note) => note.startsWith('roles: installer')) === true,
    plain,
  )
  const next = releaseWith('wireguard-custom@mappings', { probe: { type: 'long' } })
  const upgraded = await install(installer, { release: next })
  equal('… gives new fields to streams', [upgraded.end, upgraded.report?.streams.length], ['ok', STREAMS.length])
  const other = await install(installer, {
    metrics: 'standard',
    release: releaseWith('wireguard-custom@mappings', { probe: { type: 'ip' } }),
  })
  equal(
    '… and new backing indices',
    [other.end, [...new Set(other.report?.streams.map(({ reason }) => reason))]],
    ['ok', ['by a new backing index']],
  )
  const refused = await install(await userOf(client, connection, 'analyst'))
  ensure(
    'an analyst may not install, and is told which privilege lacks',
    /may not read ingest pipelines.* It lacks the privilege \w+/.test(refused.end),
    refused.end,
  )
}

/** A gateway's key adds documents and does nothing else, whoever made it. */
export async function checkGatewayKey(
  { equal, ensure, namespace }: SuiteContext,
  { connection }: Engine,
  client: Client,
): Promise<void> {
  const tenant = namespace()
  for (const maker of ['elastic', 'installer']) {
    const who = maker === 'elastic' ? connection : await userOf(client, connection, 'installer')
    const made = await install(who, { createKey: 'gw1' })
    const encoded = made.report?.key?.encoded ?? ''
    const gateway: Connection = { ...connection, auth: { kind: 'api-key', apiKey: encoded } }
    equal(
      `a key made by ${maker} adds documents and does nothing else`,
      [made.end, await tried(gateway, tenant)],
      ['ok', [403, 403, 403, 201, 403, 403, 403]],
    )
    const key = connect(gateway)
    try {
      const stream = `logs-wireguard.flow-${tenant}`
      const document = { '@timestamp': '2026-11-22T00:00:00Z', host: { name: 'gw1' } }
      const id = `by-${maker}`
      const first = await ask(key, 'POST', `/${stream}/_bulk`, [{ create: { _id: id } }, document])
      const [created] = itemsOf(first.body)
      const backing = { _index: created?._index, _id: id }
      const { body } = await ask(key, 'POST', '/_bulk', [
        { create: { _index: stream, _id: id } },
        document,
        // Over a document of a backing index, which is the only way.
        { index: { ...backing, if_seq_no: 0, if_primary_term: 1 } },
        document,
        { update: backing },
        { doc: document },
        { delete: backing },
      ])
      equal(
        `… it adds once, and can neither overwrite, change nor delete (${maker})`,
        [created, ...itemsOf(body)].map((item) => item?.status),
        [201, 409, 403, 403, 403],
      )
    } finally {
      await key.close()
    }
    const derived = await install(gateway, { createKey: 'gw2' })
    ensure('… nor make another key', derived.end.startsWith('refused: '), derived.end)
  }
  const second = await install(connection, { createKey: 'gw1', text: true })
  const [, shown = ''] = /PEERTRAIL_ELASTICSEARCH_API_KEY=(\S+)/.exec(second.printed) ?? []
  ensure(
    'a key is shown once, with the pipeline it goes into',
    shown !== '' &&
      second.printed.split(shown).length === 2 &&
      second.printed.includes(`api_key: \${env:PEERTRAIL_ELASTICSEARCH_API_KEY}`),
    second.printed,
  )
  ensure(
    '… and another of that name is told',
    /1 valid key of that name/.test(second.printed.replace(/\s+/g, ' ')),
    second.printed,
  )
  const privileges = ['monitor', 'manage_index_templates', 'manage_ingest_pipelines', 'manage_own_api_key']
  const role = { cluster: privileges, indices: [{ names: ['*'], privileges: ['view_index_metadata'] }] }
  await client.transport.request({ method: 'PUT', path: '/_security/role/templates_only', body: role })
  const reader = await userOf(client, connection, 'reader', ['templates_only'])
  const refused = await install(reader, { createKey: 'gw3' })
  ensure(
    'who may not write cannot make a key that can, and is told before',
    refused.end.startsWith('refused: "reader" cannot make a key that can write'),
    refused.end,
  )
}

/** Statuses of: search in flows, packet log, ledger; adding a document; deleting; making a template; reading roles. */
async function tried(connection: Connection, namespace: string): Promise<readonly number[]> {
  const client = connect(connection)
  try {
    const searches = []
    for (const stream of ['logs-wireguard.flow', 'logs-wireguard.firewall', 'logs-peertrail.ledger'])
      searches.push((await ask(client, 'GET', `/${stream}-${namespace}/_search`)).status)
    const { status, body } = await bulk(client, `logs-wireguard.flow-${namespace}`, {})
    const others = [
      ['DELETE', `/logs-wireguard.flow-${namespace}`],
      ['PUT', '/_component_template/try', { template: {} }],
      ['GET', '/_security/role'],
    ] as const
    const statuses = []
    for (const [method, path, content] of others) {
      const answer = await ask(client, method, path, content)
      statuses.push(answer.status)
      if (method === 'PUT' && answer.status === 200) await ask(client, 'DELETE', path)
    }
    return [...searches, itemsOf(body)[0]?.status ?? status, ...statuses]
  } finally {
    await client.close()
  }
}

async function userOf(
  client: Client,
  connection: Connection,
  username: string,
  roles: readonly string[] = [`peertrail_${username}`],
): Promise<Connection> {
  const password = `${username}-password-1f2e3d`
  await client.transport.request({ method: 'PUT', path: `/_security/user/${username}`, body: { password, roles } })
  return { ...connection, auth: { kind: 'basic', username, password } }
}
