/** The connection a pipeline file describes, with its secrets. */
import { resolve } from 'node:path'
import type { ElasticsearchConfig } from '../config.ts'
import { resolveSecret } from '../secrets.ts'
import type { Auth, Connection } from './connection.ts'

/** `base`: directory of the pipeline file. Throws AppError `bad-secret`. */
export function configuredConnection(
  config: ElasticsearchConfig,
  base: string,
  environment: { readonly [name: string]: string | undefined },
): Connection {
  const { url, caFile, fingerprint } = config
  return { url, auth: authOf(config, environment), caFile: caFile === '' ? '' : resolve(base, caFile), fingerprint }
}

/** What must appear in no log. */
export function secretsOf({ auth }: Connection): readonly string[] {
  if (auth.kind === 'none') return []
  return [auth.kind === 'api-key' ? auth.apiKey : auth.password]
}

function authOf(
  { apiKey, username, password }: ElasticsearchConfig,
  environment: { readonly [name: string]: string | undefined },
): Auth {
  if (apiKey !== null) return { kind: 'api-key', apiKey: resolveSecret(apiKey, environment) }
  if (password === null) return { kind: 'none' }
  return { kind: 'basic', username, password: resolveSecret(password, environment) }
}
