/**
 * `peertrail install elasticsearch`: templates, pipelines and roles of this release onto a cluster, idempotent, with the difference
 * shown; --create-key makes a key for a gateway, --remove takes away what is ours. What was not made by us is never changed. Exit
 * status 0 when the cluster is as asked (with --dry-run: when it was shown), 3 when something was refused.
 */
import type { Artefact } from '../elasticsearch/artefact.ts'
import { artefactsFor } from '../elasticsearch/artefacts.ts'
import { connect } from '../elasticsearch/connection.ts'
import { applyStep, applyStream, artefactText } from '../elasticsearch/install/apply.ts'
import { type Cluster, createCluster } from '../elasticsearch/install/cluster.ts'
import { planStreams, type StreamChange } from '../elasticsearch/install/existing-streams.ts'
import { checkKeyMaker, createGatewayKey, type GatewayKey, keysOfName } from '../elasticsearch/install/gateway-key.ts'
import { leftovers, planArtefacts, type Step } from '../elasticsearch/install/plan.ts'
import { presentMetrics } from '../elasticsearch/install/present-metrics.ts'
import { askProcessors, type Survey, surveyCluster } from '../elasticsearch/install/survey.ts'
import { roles } from '../elasticsearch/roles.ts'
import { askServer } from '../elasticsearch/server.ts'
import { AppError } from '../errors.ts'
import { sayKey } from './install-key.ts'
import { type InstallPlace, installPlace, type PlaceOptions } from './install-place.ts'
import { briefList, rolesSkipped, sayDiff, sayHead, sayLine } from './install-print.ts'
import { runRemoval } from './install-remove.ts'
import { type InstallReport, printReport } from './install-report.ts'
import type { Environment } from './store-place.ts'
import { counted, paint, type Terminal } from './terminal.ts'
import { unifiedDiff } from './unified-diff.ts'

export type InstallArgs = PlaceOptions & {
  readonly isDryRun: boolean
  /** Name of a key to make, '' = none. */
  readonly createKey: string
  readonly isRemove: boolean
  readonly isJson: boolean
}

/** For tests: what a later release would install. */
export type InstallDeps = { readonly artefacts?: typeof artefactsFor }

/** One install; everything that is said goes through it. */
type Session = {
  readonly cluster: Cluster
  readonly args: InstallArgs
  readonly place: InstallPlace
  readonly terminal: Terminal
  /** Says nothing when JSON is asked for. */
  readonly say: (label: string, text: string) => void
  readonly report: InstallReport
}

/** The exit status. Throws AppError. */
export async function runInstallElasticsearch(
  args: InstallArgs,
  environment: Environment,
  terminal: Terminal,
  { artefacts = artefactsFor }: InstallDeps = {},
): Promise<number> {
  if (args.isRemove && args.createKey !== '')
    throw new AppError('usage', '--remove and --create-key exclude each other', { advice: 'Leave one of them out.' })
  const place = await installPlace(args, environment)
  const { url } = place.connection
  const client = connect(place.connection)
  try {
    const server = await askServer(client, url)
    const cluster = createCluster(client, url, server)
    const report: InstallReport = {
      cluster: server,
      url: cluster.url,
      isDryRun: args.isDryRun,
      artefacts: [],
      streams: [],
      notes: [],
      key: null,
    }
    const say = (label: string, text: string) => {
      if (label === 'note' || label === 'skipped') report.notes.push(text)
      if (!args.isJson) sayLine(terminal, label, text)
    }
    if (!args.isJson) sayHead(terminal, server, cluster.url)
    const session: Session = { cluster, args, place, terminal, say, report }
    try {
      const survey = await surveyCluster(cluster)
      if (args.isRemove) await runRemoval(cluster, survey, args, terminal, say, report)
      else await install(session, survey, artefacts)
    } finally {
      if (args.isJson) printReport(terminal, report)
    }
    return 0
  } finally {
    await client.close()
  }
}

async function install(session: Session, survey: Survey, artefactsOf: typeof artefactsFor): Promise<void> {
  const { cluster, args, place } = session
  const { engine, can } = cluster.server
  const { found, security } = survey
  const metrics = place.metrics ?? presentMetrics(found)
  const target = { engine, can, metrics, processors: await askProcessors(cluster) }
  const artefacts: readonly Artefact[] = [...artefactsOf(target), ...(security.kind === 'on' ? roles() : [])]
  const steps = planArtefacts(artefacts, found)
  refuse(steps)
  if (args.createKey !== '') await checkKeyMaker(cluster, security, args.createKey)
  const streams = await planStreams(cluster, artefacts, found, place.namespace)
  await doSteps(session, steps)
  await doStreams(session, streams.changes)
  for (const note of streams.notes) session.say('note', note)
  const skipped = rolesSkipped(security)
  if (skipped !== '') session.say('skipped', skipped)
  const left = leftovers(artefacts, found).filter(({ kind }) => kind !== 'role' || security.kind === 'on')
  if (left.length > 0)
    session.say(
      'note',
      `ours, but not of this release with these settings, and left there: ${briefList(left.map(artefactText))}`,
    )
  saySummary(session, steps, streams.changes)
  if (args.createKey !== '') await makeKey({ ...session, place: { ...place, metrics } })
}

/** Nothing is changed when one thing may not be. */
function refuse(steps: readonly Step[]): void {
  const newer = steps.filter(({ verdict }) => verdict === 'newer')
  if (newer.length > 0)
    throw new AppError('refused', 'a later release of peertrail set up this cluster; nothing was changed', {
      problems: problemsOf(newer, (step) => `version ${step.version}, this release has a lower one`),
      advice: 'Install with that release, or a later one.',
    })
  const foreign = steps.filter(({ verdict }) => verdict === 'foreign')
  if (foreign.length > 0)
    throw new AppError('refused', 'names that we need are taken by what is not ours; nothing was changed', {
      problems: problemsOf(foreign, () => 'was made by somebody else'),
      advice: 'Rename or delete these after looking at them; we never change what we did not make.',
    })
}

function problemsOf(steps: readonly Step[], why: (step: Step) => string) {
  return steps.map((step) => ({ file: artefactText(step.artefact), line: 0, column: 0, message: why(step) }))
}

async function doSteps(session: Session, steps: readonly Step[]): Promise<void> {
  const { say, report } = session
  const lines = new Map<Step, InstallReport['artefacts'][number]>()
  for (const step of steps) {
    const { artefact, verdict, before, after } = step
    const diff = verdict === 'same' ? '' : unifiedDiff(before, after, artefactText(artefact))
    const line = { kind: artefact.kind, name: artefact.name, action: verdict, isDone: false, reason: '', diff }
    report.artefacts.push(line)
    lines.set(step, line)
  }
  const todo = steps.filter(({ verdict }) => verdict !== 'same')
  for (const kind of new Set(todo.map(({ artefact }) => artefact.kind))) {
    const refusals = await doKind(
      session,
      todo.filter(({ artefact }) => artefact.kind === kind),
      lines,
    )
    const [first] = refusals
    if (first === undefined) continue
    for (const { step, reason } of refusals) say('failed', `${artefactText(step.artefact)}: ${reason}`)
    const failed = new Set(refusals.map(({ step }) => step))
    for (const step of todo)
      if (lines.get(step)?.isDone === false && !failed.has(step)) say('not done', artefactText(step.artefact))
    throw stopped(session.cluster, artefactText(first.step.artefact), first.reason)
  }
  const same = steps.length - todo.length
  if (same > 0) say('same', counted(same, 'artefact'))
}

/**
 * Those of one kind, and what of them was refused. Some are changed in another order than they are made: a part that asks for a time
 * series is refused until another part names its dimensions, and a series must be over before they go.
 */
async function doKind(
  { cluster, args, terminal, say }: Session,
  steps: readonly Step[],
  lines: ReadonlyMap<Step, InstallReport['artefacts'][number]>,
): Promise<{ step: Step; reason: string }[]> {
  let waiting = steps
  for (;;) {
    const refused: { step: Step; reason: string }[] = []
    for (const step of waiting) {
      const outcome = args.isDryRun ? null : await applyStep(cluster, step)
      const line = lines.get(step)
      if (outcome !== null && !outcome.done) {
        if (line !== undefined) line.reason = outcome.reason
        refused.push({ step, reason: outcome.reason })
        continue
      }
      if (line !== undefined) [line.isDone, line.reason] = [outcome !== null, '']
      const { verdict, before, after } = step
      const name = artefactText(step.artefact)
      say(outcome === null ? verdict : verdict === 'create' ? 'created' : 'changed', name)
      if (verdict === 'change' && !args.isJson) sayDiff(terminal, name, before ?? '', after)
    }
    if (refused.length === 0 || refused.length === waiting.length) return refused
    waiting = refused.map(({ step }) => step)
  }
}

/** Streams know nothing of each other: where one refuses, the others are done all the same. */
async function doStreams({ cluster, args, say, report }: Session, changes: readonly StreamChange[]): Promise<void> {
  const refusals: { name: string; reason: string }[] = []
  for (const change of changes) {
    const { name, added, changed, mode } = change
    const what = [
      added.length > 0 ? `${counted(added.length, 'new field')} (${briefList(added)})` : '',
      changed.length > 0 ? `${counted(changed.length, 'changed field')} (${briefList(changed)})` : '',
      mode === null ? '' : `index mode ${mode.to} instead of ${mode.from}`,
      change.lacksFailureStore ? 'no failure store' : '',
    ].filter((text) => text !== '')
    const line = { name, added, changed, isDone: false, reason: '' }
    report.streams.push(line)
    if (args.isDryRun) {
      say('change', `data stream ${name}: ${what.join(', ')}${mode === null ? '' : ', by a new backing index'}`)
      continue
    }
    const outcome = await applyStream(cluster, change)
    line.isDone = outcome.done
    line.reason = outcome.reason
    if (!outcome.done) refusals.push({ name, reason: outcome.reason })
    say(
      outcome.done ? 'changed' : 'failed',
      `data stream ${name}: ${outcome.done ? `${what.join(', ')}; done ` : ''}${outcome.reason}`,
    )
  }
  const [first] = refusals
  if (first !== undefined) throw stopped(cluster, `data stream ${first.name}`, first.reason)
}

function stopped(cluster: Cluster, name: string, reason: string): AppError {
  return new AppError('refused', `${cluster.url} refused the ${name}: ${reason}`, {
    advice: 'What was done before stays and harms nothing; run it again when the reason is gone, it does what is left.',
  })
}

function saySummary({ args, terminal }: Session, steps: readonly Step[], changes: readonly StreamChange[]): void {
  if (args.isJson) return
  const count = (verdict: string) => steps.filter((step) => step.verdict === verdict).length
  const [made, changed] = [count('create'), count('change') + changes.length]
  const text =
    made + changed === 0
      ? 'The cluster is as this release installs it.'
      : args.isDryRun
        ? `${made} to create, ${changed} to change, ${count('same')} the same. Nothing was changed.`
        : `${made} created, ${changed} changed, ${count('same')} the same.`
  terminal.out(`\n${paint(terminal, 'bold', text)}\n`)
}

async function makeKey({ cluster, args, place, terminal, say, report }: Session): Promise<void> {
  const { createKey: name } = args
  const others = await keysOfName(cluster, name)
  if (others > 0)
    say('note', `${counted(others, 'valid key')} of that name: every one stays valid until it is invalidated`)
  if (args.isDryRun) {
    say('create', `API key ${name}`)
    return
  }
  const key: GatewayKey = await createGatewayKey(cluster, name)
  report.key = { ...key, place }
  if (!args.isJson) sayKey(terminal, key, place)
}
