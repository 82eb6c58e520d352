/**
 * How a command is told the way to a cluster. Secrets come as references only: what stands on a command line is seen by every user of
 * the machine and kept in the shell's history.
 */
import type { Command } from 'commander'
import { parseSecret, type Secret } from '../config-words.ts'
import type { Auth, Connection } from '../elasticsearch/connection.ts'
import { AppError } from '../errors.ts'
import { quoted } from '../safe-text.ts'
import { resolveSecret } from '../secrets.ts'
import type { Environment } from './store-place.ts'

/** As given; '' = not given. */
export type ConnectionOptions = {
  readonly apiKey: string
  readonly user: string
  readonly password: string
  readonly caFile: string
  readonly fingerprint: string
}

const API_KEY = 'PEERTRAIL_ELASTICSEARCH_API_KEY'
const PASSWORD = 'PEERTRAIL_ELASTICSEARCH_PASSWORD'

/** Adds the options of a connection; the address is each command's own. */
export function withConnection(command: Command): Command {
  return command
    .option('--api-key <secret>', `as env:NAME or file:PATH; ${API_KEY} when left out`, '')
    .option('--user <name>', 'instead of an API key', '')
    .option('--password <secret>', `its password, as env:NAME or file:PATH; ${PASSWORD} when left out`, '')
    .option('--ca-file <path>', "PEM certificate of the authority that signed the server's", '')
    .option(
      '--fingerprint <sha256>',
      "of the authority's certificate, which the server shows with its own, or of the server's own",
      '',
    )
}

/** Throws AppError `usage`, `bad-secret`. `url` was named by the caller. */
export function connectionOf(url: string, options: ConnectionOptions, environment: Environment): Connection {
  return {
    url: plainUrl(url),
    auth: authOf(options, environment),
    caFile: options.caFile,
    fingerprint: fingerprintOf(options.fingerprint),
  }
}

function plainUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^https?:$/.test(url.protocol) || url.hash !== '' || url.search !== '')
    throw new AppError('usage', `${quoted(text)} is no address of a cluster`, {
      advice: 'Write it as https://es.example:9200.',
    })
  if (url.username !== '' || url.password !== '')
    throw new AppError('usage', 'an address with user and password is not taken: other users of this machine see it', {
      advice: 'Give --user, and the password as --password env:NAME or file:PATH.',
    })
  return url.href.replace(/\/$/, '')
}

function authOf({ apiKey, user, password }: ConnectionOptions, environment: Environment): Auth {
  if (apiKey !== '' && user !== '') {
    throw new AppError('usage', '--api-key and --user exclude each other', { advice: 'Leave one of them out.' })
  }
  if (user === '' && password !== '') {
    throw new AppError('usage', '--password without --user', { advice: 'Name the account with --user.' })
  }
  if (user !== '') {
    const secret = password === '' ? ({ from: 'env', name: PASSWORD } as const) : secretOf(password, '--password')
    return { kind: 'basic', username: user, password: resolveSecret(secret, environment) }
  }
  if (apiKey !== '') return { kind: 'api-key', apiKey: resolveSecret(secretOf(apiKey, '--api-key'), environment) }
  const { [API_KEY]: key = '' } = environment
  return key === ''
    ? { kind: 'none' }
    : { kind: 'api-key', apiKey: resolveSecret({ from: 'env', name: API_KEY }, environment) }
}

/** `env:NAME`, `file:PATH`, and both as pipeline files have them. */
function secretOf(text: string, option: string): Secret {
  const secret = parseSecret(text) ?? parseSecret(`\${${text}}`)
  if (secret !== null) return secret
  // Not repeated: it may be the secret itself.
  throw new AppError('usage', `${option} takes a reference to a secret, not the secret`, {
    advice: 'Write env:NAME for a variable or file:PATH for a file that holds it.',
  })
}

/** Throws AppError `usage` for what is none; '' stays. */
export function fingerprintOf(text: string): string {
  if (text === '' || /^(?:[0-9a-f]{2}:?){31}[0-9a-f]{2}$/i.test(text)) return text
  throw new AppError('usage', `${quoted(text)} is no SHA-256 fingerprint`, {
    advice: 'It has 32 bytes in hex, with or without colons, as `openssl x509 -fingerprint -sha256` prints it.',
  })
}
