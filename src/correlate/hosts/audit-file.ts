/** file.* and auditd.paths of an audit event. */
import type { Fields } from '../../fields.ts'
import type { AuditFacts } from '../../sources/auditd/facts.ts'
import { ownerName } from './audit-accounts.ts'
import type { ObjectKind } from './audit-actions.ts'
import { absolutePath, baseDirectory, baseName, fileTypeOf, objectPath } from './audit-paths.ts'
import { CUT_PATH, CUT_PATHS, type Cuts, keyword } from './audit-text.ts'

export type AuditFile = {
  readonly fields: Fields
  /** `file`, `directory`, …; '' where the mode says nothing. */
  readonly type: string
  /** As file.path, or as recorded where the directory is not known. */
  readonly path: string
}

/**
 * The object among the paths, and all of them; null without a PATH record. Of an execution there is no file.*: its program is the
 * process, and PATH lists the loader beside it.
 */
export function fileOf(facts: AuditFacts, object: ObjectKind, cuts: Cuts): AuditFile | null {
  if (facts.paths.length === 0) return null
  const base = baseDirectory(facts)
  const paths = pathsOf(facts, base, cuts)
  const isFile = (object === 'file' || object === 'filesystem') && !EXECUTIONS.has(facts.syscallName)
  const path = isFile ? objectPath(facts.paths) : null
  if (path === null) return { fields: withoutFile(paths), type: '', path: '' }
  const shown = keyword(absolutePath(path.name, base), cuts, CUT_PATH) ?? ''
  const hasPath = shown.charCodeAt(0) === SLASH
  return {
    type: fileTypeOf(path.mode),
    path: shown,
    fields: {
      'auditd.paths': paths,
      'file.path': hasPath ? shown : undefined,
      'file.name': baseName(shown) || undefined,
      'file.inode': path.inode || undefined,
      'file.device': path.device || undefined,
      'file.mode': path.mode.length < 4 ? undefined : path.mode.slice(-4),
      'file.uid': path.ouid < 0 ? undefined : String(path.ouid),
      'file.owner': ownerName(facts, path.ouid) || undefined,
      'file.gid': path.ogid < 0 ? undefined : String(path.ogid),
    },
  }
}

const SLASH = 47
const EXECUTIONS: ReadonlySet<string> = new Set(['execve', 'execveat'])

/** The same keys as a file's, for one shape of all. */
function withoutFile(paths: readonly string[] | undefined): Fields {
  return {
    'auditd.paths': paths,
    'file.path': undefined,
    'file.name': undefined,
    'file.inode': undefined,
    'file.device': undefined,
    'file.mode': undefined,
    'file.uid': undefined,
    'file.owner': undefined,
    'file.gid': undefined,
  }
}

function pathsOf(facts: AuditFacts, base: string, cuts: Cuts): readonly string[] | undefined {
  const paths: string[] = []
  for (const { name } of facts.paths) {
    const path = keyword(absolutePath(name, base), cuts, CUT_PATHS)
    if (path !== undefined && !paths.includes(path)) paths.push(path)
  }
  return paths.length === 0 ? undefined : paths
}
