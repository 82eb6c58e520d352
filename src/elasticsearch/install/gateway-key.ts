/** API keys for gateways: they may add documents and do nothing else. */
import { z } from 'zod'
import { AppError } from '../../errors.ts'
import { quoted } from '../../safe-text.ts'
import { stamp } from '../artefact.ts'
import { INSTALLER_ROLE, WRITER_ROLE, writerDescriptor } from '../roles.ts'
import { askFor, type Cluster } from './cluster.ts'
import { isList, isObject, objectAt } from './json-object.ts'
import type { Security } from './survey.ts'

export type GatewayKey = {
  readonly id: string
  readonly name: string
  /** What goes into an Authorization header: a secret, shown once and kept nowhere. */
  readonly encoded: string
}

const keySchema = z.object({ id: z.string(), name: z.string(), encoded: z.string() })

/** Elasticsearch takes no blanks at the ends and no `_` at the beginning. */
const NAME = /^[A-Za-z\d](?:[\w .:@/-]{0,126}[\w.:@/-])?$/

/** Before anything is changed: can this account make a key that can write? Throws AppError. */
export async function checkKeyMaker(cluster: Cluster, security: Security, name: string): Promise<void> {
  if (!NAME.test(name))
    throw new AppError('usage', `${quoted(name)} is no name for a key`, {
      advice: 'Take the name of the gateway: letters, digits, blanks and . : @ / _ -, at most 128.',
    })
  if (security.kind === 'elsewhere')
    throw new AppError('usage', `${cluster.url} is OpenSearch, which has no API keys that we can make`, {
      advice: 'Make a user with the action groups create_index and write on our streams, and name it in the pipeline.',
    })
  if (security.kind === 'off')
    throw new AppError('usage', `${cluster.url} asks nobody who he is, so a key would lock nothing`, {
      advice: 'Switch the security of the cluster on first: xpack.security.enabled.',
    })
  if (security.isApiKey)
    throw new AppError('refused', 'an API key cannot make keys that may do anything', {
      advice: `Come as a user with --user, one with the role ${INSTALLER_ROLE}.`,
    })
  const { indices } = writerDescriptor()
  const body = { cluster: ['manage_own_api_key'], index: indices }
  const answer = objectAt(
    await askFor(cluster, { method: 'POST', path: '/_security/user/_has_privileges', body }, 'ask what it may do'),
  )
  if (answer['has_all_requested'] === true) return
  // A key's rights are those asked for AND those of who made it, at that time.
  throw new AppError('refused', `${quoted(security.account)} cannot make a key that can write: it may not itself`, {
    advice: `Its account needs manage_own_api_key, and create_doc and auto_configure on our streams; the role ${INSTALLER_ROLE} has both.`,
  })
}

/** How many valid keys of that name the account has made already. */
export async function keysOfName(cluster: Cluster, name: string): Promise<number> {
  const query = { name, owner: 'true' }
  const answer = await cluster.ask({ method: 'GET', path: '/_security/api_key', query })
  const { api_keys: keys } = objectAt(answer.kind === 'done' ? answer.body : null)
  return isList(keys) ? keys.filter((each) => isObject(each) && each['invalidated'] !== true).length : 0
}

/** Throws AppError `refused`. */
export async function createGatewayKey(cluster: Cluster, name: string): Promise<GatewayKey> {
  const body = { name, role_descriptors: { [WRITER_ROLE]: writerDescriptor() }, metadata: stamp() }
  const answer = await askFor(cluster, { method: 'POST', path: '/_security/api_key', body }, 'make an API key')
  const parsed = keySchema.safeParse(answer)
  if (parsed.success) return parsed.data
  throw new AppError('wrong-server', `${cluster.url} made no proper API key`, {
    advice: 'Look whether one of that name exists, and invalidate it.',
  })
}
