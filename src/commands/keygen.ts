/** `peertrail keygen`: a pair of keys that signs reports, or a secret that pseudonyms are made with. */
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import { printJson } from './ascii-json.ts'
import { makeKeyPair, makeSecret, publicKeyOf, writeNewFiles } from './signing-key.ts'
import type { Terminal } from './terminal.ts'

export type KeygenArguments = {
  /** '' = a name in this folder. */
  readonly out: string
  /** A secret for `--pseudonymise` instead of a pair. */
  readonly isPseudonyms: boolean
  readonly isJson: boolean
}

const PAIR_FILE = 'peertrail-signing.key'
const SECRET_FILE = 'peertrail-pseudonyms.key'

/** Exit 0. Throws AppError `usage` for a file that is there already, `cannot-write`. Nothing secret is printed. */
export function runKeygen({ out, isPseudonyms, isJson }: KeygenArguments, terminal: Terminal): number {
  if (out.endsWith('/')) throw new AppError('usage', `--out ${safeText(out)} is a folder`, { advice: 'Name a file.' })
  const path = out === '' ? (isPseudonyms ? SECRET_FILE : PAIR_FILE) : out
  if (isPseudonyms) {
    writeNewFiles([{ path, text: makeSecret(), isPrivate: true }])
    terminal.out(isJson ? printJson({ secret: path }) : secretText(path))
    return 0
  }
  const { privateKey, publicKey } = makeKeyPair()
  const publicPath = `${path}.pub`
  writeNewFiles([
    { path, text: privateKey, isPrivate: true },
    { path: publicPath, text: publicKey, isPrivate: false },
  ])
  const fingerprint = publicKeyOf(publicKey)?.fingerprint ?? ''
  terminal.out(
    isJson
      ? printJson({ private_key: path, public_key: publicPath, fingerprint })
      : pairText(path, publicPath, fingerprint),
  )
  return 0
}

function pairText(path: string, publicPath: string, fingerprint: string): string {
  return [
    `private key  ${safeText(path)}`,
    `public key   ${safeText(publicPath)}`,
    `fingerprint  ${fingerprint}`,
    '',
    'Sign a report with `--sign` and the private key. Give the public key, or its fingerprint, to whoever checks your reports,',
    'by another way than the reports: a key that comes along with a report proves nothing about who made it.',
    '',
  ].join('\n')
}

function secretText(path: string): string {
  return [
    `secret  ${safeText(path)}`,
    '',
    'Make a report with `--pseudonymise` and this file. Whoever has it can tell who is meant: keep it apart from the reports.',
    'Lost, nobody can; and reports made with another one name the same person differently.',
    '',
  ].join('\n')
}
