/** Nothing twice, and no secret anywhere. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Found } from './found-documents.ts'
import type { Row } from './judgement.ts'
import type { LabDaemon } from './lab-daemon.ts'
import type { Truth } from './truth.ts'

/**
 * The reader leaves out repeated ids by itself, so the question is whether one thing got two ids: one line two documents, one
 * connection two beginnings.
 */
export function judgeTwice(documents: readonly Found[]): Row {
  const said = new Map<string, number>()
  for (const document of documents) {
    const action = document.say('event.action')
    const flow = document.say('wireguard.flow.id')
    const keys = [`id ${document.say('event.id')}`]
    if (document.get('event.dataset') === 'wireguard.firewall') keys.push(`line ${document.say('event.original')}`)
    if (action === 'flow-started' || action === 'flow-ended') keys.push(`${action} ${flow}`)
    for (const key of keys) said.set(key, (said.get(key) ?? 0) + 1)
  }
  const twice = [...said].filter(([, times]) => times > 1).map(([key, times]) => `${times} times ${key}`)
  return { what: 'documents, each once', done: documents.length, found: documents.length - twice.length, faults: twice }
}

/** As wg prints keys, as wireguard-go's socket spells them, and as the bare 32 bytes. */
export function judgeSecrets(
  truth: Pick<Truth, 'secrets'>,
  daemon: Pick<LabDaemon, 'stateDir' | 'store' | 'log'>,
  documents: readonly Found[],
): Row {
  const needles = truth.secrets.flatMap((secret) => [secret, Buffer.from(secret, 'base64').toString('hex')])
  const files = [...filesBelow(daemon.stateDir), ...filesBelow(daemon.store), daemon.log]
  const found = files.flatMap((file) => {
    const bytes = readFileSync(file)
    const isThere =
      needles.some((needle) => bytes.includes(needle)) ||
      truth.secrets.some((secret) => bytes.includes(Buffer.from(secret, 'base64')))
    return isThere ? [`a private or preshared key stands in ${file}`] : []
  })
  // Sealed segments are compressed: what is in them is looked for in what they tell.
  const told = documents.filter(({ text }) => needles.some((needle) => text.includes(needle)))
  const faults = [...found, ...told.map(({ text }) => `a secret in a document: ${text.slice(0, 60)}…`)]
  return {
    what: 'files and documents without a secret',
    done: files.length + documents.length,
    found: files.length + documents.length - faults.length,
    faults,
  }
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}
