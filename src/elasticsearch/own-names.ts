/** The names that things of ours have on a cluster: who copies a template copies its stamp too, and the copy is theirs. */
import type { ArtefactKind, Target } from './artefact.ts'
import { artefactsFor } from './artefacts.ts'
import { roles } from './roles.ts'
import { abilitiesOf } from './server.ts'

/** The one that is given everything there is; others get some of it under the same names. */
const WHOLE: Target = {
  engine: 'elasticsearch',
  can: abilitiesOf('elasticsearch', '9.5.0'),
  metrics: 'time-series',
  processors: null,
}

/** True for every name of this release; a name that is given up must be listed here, or `--remove` leaves it behind. */
export function ownNames(): (kind: ArtefactKind, name: string) => boolean {
  const names = new Set([...artefactsFor(WHOLE), ...roles()].map(({ kind, name }) => `${kind} ${name}`))
  return (kind, name) => names.has(`${kind} ${name}`)
}
