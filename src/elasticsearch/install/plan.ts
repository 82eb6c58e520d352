/** What of a release's artefacts a cluster lacks: compared as data, nothing is asked here. */
import { ARTEFACT_VERSION, type Artefact, type ArtefactKind, type JsonObject } from '../artefact.ts'
import { normalText } from './normal-form.ts'
import { stampedVersion } from './stamps.ts'

/**
 * `foreign`: the name is taken by something without our stamp. `newer`: a later release set it up. With one of these nothing at all
 * is changed: half of two releases is worse than either.
 */
export type Verdict = 'create' | 'change' | 'same' | 'foreign' | 'newer'

export type Step = {
  readonly artefact: Artefact
  readonly verdict: Verdict
  /** What is there, in normal form; null = nothing. */
  readonly before: string | null
  readonly after: string
  /** Version of its stamp, null = none. */
  readonly version: number | null
}

/** What is on a cluster, by kind and name. */
export type Found = ReadonlyMap<ArtefactKind, ReadonlyMap<string, JsonObject>>

/** In the order of the artefacts. */
export function planArtefacts(artefacts: readonly Artefact[], found: Found): Step[] {
  return artefacts.map((artefact) => {
    const { kind, name, body } = artefact
    const there = found.get(kind)?.get(name)
    const after = normalText(kind, body)
    if (there === undefined) return { artefact, verdict: 'create', before: null, after, version: null }
    const before = normalText(kind, there)
    const version = stampedVersion(kind, there)
    return { artefact, verdict: verdictOf(version, before === after), before, after, version }
  })
}

function verdictOf(version: number | null, isSame: boolean): Verdict {
  if (version === null) return 'foreign'
  if (version > ARTEFACT_VERSION) return 'newer'
  return isSame ? 'same' : 'change'
}

/** Of ours on the cluster, what this release has not: left by another one, or by other settings. */
export function leftovers(artefacts: readonly Artefact[], found: Found): { kind: ArtefactKind; name: string }[] {
  const wanted = new Set(artefacts.map(({ kind, name }) => `${kind} ${name}`))
  return stamped(found).filter(({ kind, name }) => !wanted.has(`${kind} ${name}`))
}

/** All of ours on the cluster. */
export function stamped(found: Found): { kind: ArtefactKind; name: string }[] {
  return [...found].flatMap(([kind, bodies]) =>
    [...bodies].filter(([, body]) => stampedVersion(kind, body) !== null).map(([name]) => ({ kind, name })),
  )
}

/** `index template` */
export function kindText(kind: ArtefactKind): string {
  return kind.replace('-', ' ')
}
