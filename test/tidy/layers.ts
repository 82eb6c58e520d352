/** Which way imports may go (design 3): a stage imports the words at the root, its own folder and the stages before it, no sibling. */
import type { CodeFile, Import } from './tree.ts'

/** Stages in order; those of one row are siblings. */
const ROWS: readonly (readonly string[])[] = [
  ['kql', 'sources', 'identity'],
  ['correlate'],
  ['detections', 'posture'],
  ['relay'],
  ['elasticsearch', 'kafka'],
  ['sinks', 'store'],
  ['live'],
  ['reports', 'web'],
  ['commands'],
]
/** Root files that put stages together. */
const WIRING = new Set([
  'src/main.ts',
  'src/command-line.ts',
  'src/pipeline.ts',
  'src/catalog.ts',
  'src/event-clock.ts',
])

/** Imports against the direction, as `file:line: why`. */
export function againstLayers(files: readonly CodeFile[]): string[] {
  return files.flatMap((file) =>
    file.imports.flatMap((each) => {
      const why = complaint(file.path, each)
      return why === '' ? [] : [`${file.path}:${each.line}: ${why} (${each.path})`]
    }),
  )
}

function complaint(from: string, { path: to, isType }: Import): string {
  if (!to.startsWith('src/')) return 'src imports only src'
  const [stage, other] = [stageOf(from), stageOf(to)]
  if (stage === '') return other === '' || WIRING.has(from) ? '' : 'a root file imports a stage'
  if (WIRING.has(to)) return stage === 'commands' || stage === 'live' ? '' : 'a stage imports the wiring'
  if (other === '') return ''
  if (stage === other) return stage === 'sources' ? siblingSource(from, to) : ''
  const [row, otherRow] = [rowOf(stage), rowOf(other)]
  if (otherRow < row) return ''
  if (otherRow > row) return `${stage} imports the later stage ${other}`
  return stage === 'identity' && other === 'sources' && isType ? '' : `${stage} imports its sibling ${other}`
}

/** Files directly in sources/ are for all sources; the folders beside them do not know each other. */
function siblingSource(from: string, to: string): string {
  const [own, other] = [from, to].map((path) => path.split('/').slice(2, -1).join('/'))
  if (own === '') return other === '' ? '' : 'what is for all sources imports one of them'
  return other === '' || other === own ? '' : 'a source imports a sibling source'
}

function stageOf(path: string): string {
  const [, stage = '', ...rest] = path.split('/')
  return rest.length === 0 ? '' : stage
}

function rowOf(stage: string): number {
  const row = ROWS.findIndex((stages) => stages.includes(stage))
  if (row < 0) throw new Error(`src/${stage} is no known stage: name it in test/tidy/layers.ts`)
  return row
}

/** Circles of imports that are left when types are erased, each as `a -> b -> a`. */
export function importCycles(files: readonly CodeFile[]): string[] {
  const edges = new Map(
    files.map((file) => [file.path, file.imports.filter(({ isType }) => !isType).map(({ path }) => path)]),
  )
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0) cycles.push([...trail.slice(start), path].join(' -> '))
    if (start >= 0 || done.has(path)) return
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of edges.keys()) visit(path, [])
  return cycles
}
