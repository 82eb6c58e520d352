/** The way to a cluster as it is written on a command line: secrets by reference, addresses without them. */
import { expect, test } from 'vitest'
import { type ConnectionOptions, connectionOf } from '../../src/commands/connection-arguments.ts'
import type { AppError } from '../../src/errors.ts'
import { caught } from '../caught.ts'

const NOTHING: ConnectionOptions = { apiKey: '', user: '', password: '', caFile: '', fingerprint: '' }
const URL = 'https://es.example:9200'

test('an API key or an account, as references or from their variables', () => {
  const environment = { KEY: 'k', PEERTRAIL_ELASTICSEARCH_API_KEY: 'usual', PEERTRAIL_ELASTICSEARCH_PASSWORD: 'p' }
  const auth = (options: Partial<ConnectionOptions>) => connectionOf(URL, { ...NOTHING, ...options }, environment).auth
  expect(auth({ apiKey: 'env:KEY' })).toEqual({ kind: 'api-key', apiKey: 'k' })
  expect(auth({ apiKey: '$' + '{env:KEY}' })).toEqual({ kind: 'api-key', apiKey: 'k' })
  expect(auth({})).toEqual({ kind: 'api-key', apiKey: 'usual' })
  expect(auth({ user: 'ann' })).toEqual({ kind: 'basic', username: 'ann', password: 'p' })
  expect(auth({ user: 'ann', password: 'env:KEY' })).toEqual({ kind: 'basic', username: 'ann', password: 'k' })
  expect(connectionOf(`${URL}/`, NOTHING, {})).toMatchObject({ url: URL, auth: { kind: 'none' } })
  expect(connectionOf(`${URL}/behind/proxy/`, NOTHING, {}).url).toBe(`${URL}/behind/proxy`)
})

test('what is refused is not repeated where it may be a secret', () => {
  const refused = (url: string, options: Partial<ConnectionOptions> = {}) =>
    caught(() => connectionOf(url, { ...NOTHING, ...options }, {})) as AppError
  for (const error of [
    refused(URL, { apiKey: 'c2VjcmV0' }),
    refused(URL, { user: 'ann', password: 'c2VjcmV0' }),
    refused('https://ann:c2VjcmV0@es.example:9200'),
  ]) {
    expect(error).toMatchObject({ code: 'usage' })
    expect(`${error.message} ${error.advice}`).not.toContain('c2VjcmV0')
  }
  expect(refused('es.example:9200')).toMatchObject({ code: 'usage' })
  expect(refused('ftp://es.example')).toMatchObject({ code: 'usage' })
  expect(refused(URL, { user: 'ann', apiKey: 'env:KEY' })).toMatchObject({ code: 'usage' })
  expect(refused(URL, { password: 'env:KEY' })).toMatchObject({ code: 'usage' })
  expect(refused(URL, { fingerprint: 'ab:cd' })).toMatchObject({ code: 'usage' })
  expect(refused(URL, { user: 'ann' })).toMatchObject({ code: 'bad-secret' })
})
