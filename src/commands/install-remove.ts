/** `install elasticsearch --remove`: takes away what carries our stamp, and says what stays and why. */
import type { ArtefactKind } from '../elasticsearch/artefact.ts'
import { artefactText, removeArtefact } from '../elasticsearch/install/apply.ts'
import type { Cluster } from '../elasticsearch/install/cluster.ts'
import { presentStreams } from '../elasticsearch/install/existing-streams.ts'
import { kindText } from '../elasticsearch/install/plan.ts'
import { COPIED, planRemoval, type Removal } from '../elasticsearch/install/removal.ts'
import type { Survey } from '../elasticsearch/install/survey.ts'
import { ownNames } from '../elasticsearch/own-names.ts'
import { AppError } from '../errors.ts'
import { briefList, rolesSkipped } from './install-print.ts'
import type { InstallReport } from './install-report.ts'
import { counted, paint, type Terminal } from './terminal.ts'

/** Why several things of a kind stay. */
const USERS: { readonly [kind in ArtefactKind]: string } = {
  'index-template': 'data streams use them',
  'component-template': 'index templates that stay are composed of them',
  'ingest-pipeline': 'data streams or templates send documents through them',
  role: '',
}

/** Goes on where one thing is refused. Throws AppError `refused` at the end when one was. */
export async function runRemoval(
  cluster: Cluster,
  { found, security }: Survey,
  { isDryRun, isJson }: { readonly isDryRun: boolean; readonly isJson: boolean },
  terminal: Terminal,
  say: (label: string, text: string) => void,
  report: InstallReport,
): Promise<void> {
  const { streams } = await presentStreams(cluster)
  const names = streams.map(({ name }) => name)
  const removals = planRemoval(found, names, ownNames())
  const failed: string[] = []
  let gone = 0
  for (const { kind, name, kept } of removals) {
    const text = artefactText({ kind, name })
    const line = { kind, name, action: kept === '' ? 'remove' : 'keep', isDone: false, reason: kept, diff: '' }
    report.artefacts.push(line)
    if (kept !== '') continue
    if (isDryRun) say('remove', text)
    else {
      const outcome = await removeArtefact(cluster, kind, name)
      line.isDone = outcome.done
      line.reason = outcome.reason
      if (outcome.done) gone++
      else failed.push(text)
      say(outcome.done ? 'removed' : 'failed', outcome.done ? text : `${text}: ${outcome.reason}`)
    }
  }
  for (const text of keptLines(removals)) say('kept', text)
  if (security.kind === 'closed') say('skipped', rolesSkipped(security))
  if (names.length > 0)
    say(
      'note',
      `${counted(names.length, 'data stream')} with all documents left untouched: ${briefList(names)}. What they use stays with them; delete a stream with DELETE _data_stream/NAME, then run this again`,
    )
  if (security.kind === 'on' || security.kind === 'closed')
    say('note', 'API keys that were made for gateways stay valid until somebody invalidates them')
  if (!isJson) {
    const kept = removals.filter((each) => each.kept !== '').length
    const text =
      removals.length === 0
        ? 'Nothing of ours is on this cluster.'
        : isDryRun
          ? `${removals.length - kept} to remove, ${kept} to keep. Nothing was changed.`
          : `${gone} removed, ${kept} kept.`
    terminal.out(`\n${paint(terminal, 'bold', text)}\n`)
  }
  if (failed.length > 0)
    throw new AppError('refused', `${cluster.url} refused to delete ${briefList(failed)}`, {
      advice: 'Run it again when the reason is gone; what is removed already stays so.',
    })
}

/** One line for each kind: what must stay does so for one reason, mostly. */
function keptLines(removals: readonly Removal[]): string[] {
  const kinds = [...new Set(removals.map(({ kind }) => kind))]
  const copies = removals.filter(({ kept }) => kept === COPIED)
  const lines = kinds.flatMap((kind) => {
    const kept = removals.filter((each) => each.kind === kind && each.kept !== '' && each.kept !== COPIED)
    const [first] = kept
    if (first === undefined) return []
    const names = briefList(kept.map(({ name }) => name))
    if (kept.length === 1) return [`${kindText(kind)} ${names}: ${first.kept}`]
    return [`${counted(kept.length, kindText(kind))} (${names}): ${USERS[kind]}`]
  })
  return [...lines, ...copies.map(({ kind, name, kept }) => `${artefactText({ kind, name })}: ${kept}`)]
}
