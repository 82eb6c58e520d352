/** Where the engines beside the checkout lie, built: they come as scripts that fetch the servers once with Maven. */
import { spawnSync } from 'node:child_process'
import { hash } from 'node:crypto'
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { type EngineKind, NoEngineError } from './engine-contract.ts'

const BESIDE = resolve(import.meta.dirname, '../../../shared/engines/elastic')
/** Maven fetches about 90 MB. */
const BUILD_MS = 300_000

const KINDS = {
  'elasticsearch-9': { folder: 'elasticsearch', environment: { ENGINE_VERSION: '9.5.3' } },
  'elasticsearch-8': { folder: 'elasticsearch', environment: { ENGINE_VERSION: '8.19.21' } },
  opensearch: { folder: 'opensearch', environment: {} },
} as const

/** What starts an engine, and what has to be in its environment. */
export type EnginePlace = { readonly script: string; readonly environment: { readonly [name: string]: string } }

export function areEnginesBeside(): boolean {
  return existsSync(join(BESIDE, 'elasticsearch/start.sh'))
}

/** Builds it where that was not done before. Throws NoEngineError when there are none; Error with what the build said. */
export function enginePlace(kind: EngineKind): EnginePlace {
  if (!areEnginesBeside())
    throw new NoEngineError('no server is named, no Docker answers, and no engines lie beside the checkout')
  const { folder, environment } = KINDS[kind]
  const inPlace = join(BESIDE, folder)
  const built = build(inPlace, environment)
  if (built === '') return { script: join(inPlace, 'start.sh'), environment }
  if (isWritable(inPlace)) throw new Error(`${kind} cannot be built:\n${built}`)
  const copy = join(copyOfEngines(), folder)
  const rebuilt = build(copy, environment)
  if (rebuilt !== '') throw new Error(`${kind} cannot be built:\n${rebuilt}`)
  return { script: join(copy, 'start.sh'), environment }
}

/** '' when it stands, else what went wrong. Takes a few hundredths of a second when it stood already. */
function build(folder: string, environment: { readonly [name: string]: string }): string {
  const end = spawnSync(join(folder, 'build.sh'), [], {
    env: { ...process.env, ...environment },
    encoding: 'utf8',
    timeout: BUILD_MS,
  })
  return end.status === 0 ? '' : [end.error?.message ?? '', end.stdout, end.stderr].join('\n').trim().slice(-2000)
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** Kept for the next run, and made anew when what lies beside the checkout has changed. */
function copyOfEngines(): string {
  const uid = process.getuid?.() ?? 0
  const files = readdirSync(BESIDE, { recursive: true, encoding: 'utf8' })
    .filter((path) => !path.split('/').includes('build') && statSync(join(BESIDE, path)).isFile())
    .sort()
  const contents = files.map((path) => `${path}\0${readFileSync(join(BESIDE, path), 'latin1')}`).join('\0')
  const copy = join(tmpdir(), `peertrail-engines-${uid}-${hash('sha256', contents).slice(0, 12)}`)
  if (!existsSync(copy)) {
    // Under another name first: half a copy must not be taken for one.
    const made = mkdtempSync(`${copy}-`)
    for (const path of files) {
      mkdirSync(dirname(join(made, path)), { recursive: true })
      copyFileSync(join(BESIDE, path), join(made, path))
    }
    renameSync(made, copy)
  }
  // What is started from there runs as we do.
  if (statSync(copy).uid !== uid) throw new NoEngineError(`${copy} belongs to somebody else`)
  return copy
}
