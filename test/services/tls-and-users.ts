/**
 * A cluster as it should be set up: HTTPS with a certificate of a private authority, users, API keys. Who is not to be let in is told
 * so in our words, and no secret stands in anything that was said.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Auth, type Connection, connect } from '../../src/elasticsearch/connection.ts'
import { askServer } from '../../src/elasticsearch/server.ts'
import { DEMO } from '../replay-capture.ts'
import { fingerprintOf, makeAuthority, makeServerCertificate } from './certificates.ts'
import type { Engine } from './engine-contract.ts'
import { createOverheard, type Overheard } from './overheard.ts'
import { runPeertrail } from './peertrail.ts'
import type { Suite, SuiteContext } from './suite.ts'
import { checkWriterKey } from './writer-key.ts'

export const TLS_AND_USERS: Suite = {
  name: 'tls-and-users',
  engines: ['elasticsearch-9'],
  async run(context) {
    const { dir } = context
    const authority = makeAuthority(dir, 'authority')
    const server = makeServerCertificate(dir, 'server', authority)
    const engine = await context.startEngine({
      security: true,
      tls: { certificate: server.chain, key: server.key, ca: authority.certificate },
    })
    const overheard = createOverheard()
    const { auth } = engine.connection
    if (auth.kind === 'basic') overheard.secret(auth.password)
    await checkTrust(context, engine, overheard, { ca: authority.certificate, own: server.certificate })
    await checkUsers(context, engine, overheard)
    await checkCommands(context, engine, overheard)
    await checkWriterKey(context, engine, overheard)
    context.equal(
      `no secret in ${overheard.texts} outputs and errors (${overheard.characters} characters, ${overheard.secrets} secrets)`,
      overheard.found(),
      [],
    )
  },
}

async function checkTrust(
  { dir, equal, ensure }: SuiteContext,
  { connection }: Engine,
  overheard: Overheard,
  certificates: { readonly ca: string; readonly own: string },
): Promise<void> {
  const fingerprint = fingerprintOf(certificates.ca)
  const stranger = makeAuthority(dir, 'stranger')
  const ask = (caFile: string, pinned: string) => answerOf({ ...connection, caFile, fingerprint: pinned }, overheard)

  equal('TLS: the authority by its file', await ask(certificates.ca, ''), 'elasticsearch 9')
  equal('TLS: the authority by its fingerprint', await ask('', fingerprint), 'elasticsearch 9')
  equal(
    'TLS: … in small letters, without colons',
    await ask('', fingerprint.replaceAll(':', '').toLowerCase()),
    'elasticsearch 9',
  )
  equal('TLS: file and fingerprint together', await ask(certificates.ca, fingerprint), 'elasticsearch 9')
  equal("TLS: the server's own fingerprint", await ask('', fingerprintOf(certificates.own)), 'elasticsearch 9')

  const nobody = await ask('', '')
  ensure(
    'TLS: an unknown authority is refused, and the text names --ca-file',
    /certificate.*--ca-file/s.test(nobody),
    nobody,
  )
  const other = await ask(stranger.certificate, '')
  ensure('TLS: another authority of the same name is refused', /cannot be reached.*certificate/s.test(other), other)
  const wrong = await ask('', fingerprintOf(stranger.certificate))
  ensure('TLS: a wrong fingerprint is refused, and said to be', /cannot be reached.*fingerprint/s.test(wrong), wrong)
  const plain = await answerOf({ ...connection, url: connection.url.replace('https:', 'http:') }, overheard)
  ensure('TLS: plain HTTP is refused, and the text asks whether it speaks https', /https/.test(plain), plain)
}

async function checkUsers({ ensure }: SuiteContext, { connection }: Engine, overheard: Overheard): Promise<void> {
  const as = (auth: Auth) => answerOf({ ...connection, auth }, overheard)
  const refusals: readonly (readonly [string, Auth])[] = [
    ['a wrong password', { kind: 'basic', username: 'elastic', password: overheard.secret('not-the-password-0a1b2c') }],
    ['an unknown user', { kind: 'basic', username: 'nobody', password: overheard.secret('nobodys-password-3d4e5f') }],
    [
      'an API key of nobody',
      { kind: 'api-key', apiKey: overheard.secret(Buffer.from('made:up-key-6a7b8c').toString('base64')) },
    ],
    ['no credentials', { kind: 'none' }],
  ]
  for (const [what, auth] of refusals) {
    const text = await as(auth)
    ensure(`users: ${what} is refused in our words`, /^refused: .*refuses these credentials \(401/.test(text), text)
  }
}

/** What a person sees who asks with the wrong credentials, and with the right ones. */
async function checkCommands(context: SuiteContext, engine: Engine, overheard: Overheard): Promise<void> {
  const { ensure, dir } = context
  const { url, connection } = engine
  if (connection.auth.kind !== 'basic') throw new Error('the engine has no password')
  const file = join(dir, 'password')
  writeFileSync(file, `${connection.auth.password}\n`, { mode: 0o600 })
  const trust = ['--ca-file', connection.caFile]
  const wrong = overheard.secret('mistyped-password-9d8c7b')
  const search = ['search', '*', '--elasticsearch', url, '--user', 'elastic']
  const cases: readonly (readonly [string, readonly string[], number, RegExp])[] = [
    ['a wrong password', [...search, ...trust, '--password', 'env:WRONG'], 3, /refuses these credentials \(401/],
    ['an unknown authority', [...search, '--password', `file:${file}`], 3, /--ca-file/],
    ['a secret that is not set', [...search, ...trust, '--password', 'env:NOT_SET'], 2, /NOT_SET/],
    ['a password on the command line', [...search, ...trust, '--password', wrong], 2, /reference to a secret/],
    [
      'a password in the address',
      ['search', '*', '--elasticsearch', url.replace('//', `//elastic:${wrong}@`)],
      2,
      /password/,
    ],
  ]
  for (const [what, argv, status, text] of cases) {
    const end = await runPeertrail(argv, { cwd: dir, environment: { WRONG: wrong } })
    overheard.heard(end.stdout, end.stderr)
    ensure(`search with ${what} ends with ${status} and says why`, end.status === status && text.test(end.stderr), end)
  }
  const key = overheard.secret(Buffer.from('nobody:the-key-of-a-gateway-that-was').toString('base64'))
  const sink = `url: '${url}', ca_file: '${connection.caFile}', api_key: '\${env:KEY}'`
  writeFileSync(join(dir, 'replay.yaml'), `name: replay\nsinks:\n  elasticsearch: { ${sink} }\n`)
  const replay = ['replay', DEMO, '--pipeline', join(dir, 'replay.yaml')]
  const end = await runPeertrail(replay, { cwd: dir, environment: { KEY: key } })
  overheard.heard(end.stdout, end.stderr)
  const isTold = end.status === 3 && /refuses these credentials \(401/.test(end.stderr)
  ensure('replay with a key of nobody ends with 3 and says why', isTold, end)
}

/** `elasticsearch 9`, or `code: message advice` of the error. */
async function answerOf(connection: Connection, overheard: Overheard): Promise<string> {
  const client = connect(connection, { timeoutMs: 10_000 })
  try {
    // As the client throws it, before our words are put in its place.
    await client.cluster.health().catch((error: unknown) => overheard.error(error))
    const { engine, version } = await askServer(client, connection.url)
    return `${engine} ${version.replace(/\..*/, '')}`
  } catch (error) {
    return overheard.error(error)
  } finally {
    await client.close()
  }
}
