/**
 * `peertrail install kafka`: the topics between the tiers, idempotent, with the difference shown; --grow gives them more partitions,
 * --remove takes them away. Settings that are not ours are never changed. Exit status 0 when the topics are as asked (with --dry-run:
 * when it was shown), 3 when something was refused.
 */
import { AppError } from '../errors.ts'
import {
  allSettings,
  isAsPlanned,
  type TopicChanges,
  type TopicStep,
  topicChanges,
  topicNames,
} from '../kafka/topic-changes.ts'
import { safeText } from '../safe-text.ts'
import { applyTopic, createFirst } from './install-kafka-apply.ts'
import { growingText, stepsToGrow } from './install-kafka-growing.ts'
import { parseCount } from './install-kafka-numbers.ts'
import { removeTopics } from './install-kafka-remove.ts'
import { type KafkaReport, printKafkaReport, stepText, topicText } from './install-kafka-report.ts'
import type { InstallKafkaArgs, KafkaSession } from './install-kafka-session.ts'
import { sayDiff, sayLine } from './install-print.ts'
import { type BusOpener, kafkaPlace, openKafka } from './kafka-place.ts'
import type { Environment } from './store-place.ts'
import { paint, type Terminal } from './terminal.ts'
import { unifiedDiff } from './unified-diff.ts'

/** The exit status. Throws AppError. `open`: for tests, another way to brokers. */
export async function runInstallKafka(
  args: InstallKafkaArgs,
  environment: Environment,
  terminal: Terminal,
  open: BusOpener = openKafka,
): Promise<number> {
  if (args.isRemove && args.isGrow)
    throw new AppError('usage', '--remove and --grow exclude each other', { advice: 'Leave one of them out.' })
  const partitions = parseCount('--partitions', args.partitions)
  const replicas = parseCount('--replicas', args.replicas)
  const { driver, connection, prefix, unusedLogin } = await kafkaPlace(args, environment)
  const admin = await (await open(driver, connection)).admin()
  try {
    const existing = await admin.describe(topicNames(prefix))
    const report: KafkaReport = {
      brokers: connection.brokers,
      prefix,
      isDryRun: args.isDryRun,
      topics: [],
      notes: [],
    }
    const say = (label: string, text: string) => {
      if (label === 'note') report.notes.push(text)
      if (!args.isJson) sayLine(terminal, label, text)
    }
    if (!args.isJson) {
      const head = `Kafka at ${connection.brokers.join(', ')}: topics ${prefix}.*`
      terminal.out(`${paint(terminal, 'bold', safeText(head))}\n\n`)
    }
    const session: KafkaSession = { admin, args, prefix, terminal, say, report }
    if (unusedLogin !== '')
      say('note', `nobody logs in: the account ${safeText(unusedLogin)} is for other brokers than those of --brokers`)
    try {
      if (args.isRemove) await removeTopics(session, existing)
      else await install(session, topicChanges({ prefix, partitions, replicas }, existing))
    } finally {
      if (args.isJson) printKafkaReport(terminal, report)
    }
    return 0
  } finally {
    await admin.close()
  }
}

async function install(session: KafkaSession, changes: TopicChanges): Promise<void> {
  const { args, say } = session
  const { steps, notes } = changes
  for (const note of notes) say('note', note)
  const growing = stepsToGrow(steps)
  if (growing.length > 0) for (const text of growingText(growing)) say('note', text)
  if (growing.length > 0 && !args.isGrow && !args.isDryRun) throw mustBeAsked(session, growing)
  await doSteps(session, changes)
  saySummary(session, steps)
}

/** Nothing is changed where keys would move and nobody said that they may. */
function mustBeAsked({ prefix }: KafkaSession, growing: readonly TopicStep[]): AppError {
  return new AppError('refused', `the topics of ${prefix} would have to grow; nothing was changed`, {
    problems: growing.map(({ planned, existing }) => ({
      file: planned.name,
      line: 0,
      column: 0,
      message: `${existing?.partitions ?? 0} partitions, ${planned.partitions} planned`,
    })),
    advice:
      'Read what growing means; then stop correlators and detectors and give --grow, or ask for fewer --partitions.',
  })
}

async function doSteps(session: KafkaSession, { steps, replicas }: TopicChanges): Promise<void> {
  const { admin, args, prefix, say, report } = session
  const lines = new Map<TopicStep, KafkaReport['topics'][number]>()
  for (const step of steps) {
    const line = lineOf(step)
    report.topics.push(line)
    lines.set(step, line)
  }
  const todo = steps.filter((step) => !isAsPlanned(step))
  // How many copies there can be is known when the first topic has been made.
  let copies = replicas
  for (const step of todo) {
    const line = lines.get(step)
    if (line === undefined) continue
    if (args.isDryRun) {
      say(line.action, stepText(step, replicas))
      sayChange(session, step)
      continue
    }
    try {
      if (step.existing === null) copies = await createFirst(admin, step, prefix, copies)
      else await applyTopic(admin, step)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      line.reason = error.message
      say('failed', `${line.name}: ${safeText(error.message)}`)
      for (const other of lines.values())
        if (other !== line && other.action !== 'same' && !other.isDone) say('not done', `topic ${other.name}`)
      throw stopped(line.name, error)
    }
    line.isDone = true
    say(line.action === 'create' ? 'created' : line.action === 'grow' ? 'grown' : 'changed', stepText(step, copies))
    sayChange(session, step)
  }
  const same = steps.length - todo.length
  if (same > 0) say('same', `${same} of ${steps.length} topics`)
}

function sayChange({ args, terminal }: KafkaSession, step: TopicStep): void {
  // More partitions are said in its line.
  if (args.isJson || step.existing === null || step.settings.length === 0) return
  sayDiff(terminal, step.planned.name, topicText(step.existing), topicText(afterwards(step)))
}

function lineOf(step: TopicStep): KafkaReport['topics'][number] {
  const { planned, existing, isGrown } = step
  const { name } = planned
  const action = existing === null ? 'create' : isGrown ? 'grow' : isAsPlanned(step) ? 'same' : 'change'
  const diff = unifiedDiff(existing === null ? null : topicText(existing), topicText(afterwards(step)), name)
  return { name, action, isDone: false, reason: '', diff }
}

/** What a topic is like after its step; settings of others stay. */
function afterwards(step: TopicStep): TopicStep['planned'] {
  return step.existing === null ? step.planned : { ...step.planned, configs: allSettings(step) }
}

function stopped(name: string, { code, message, advice, cause }: AppError): AppError {
  const done =
    'What was done before stays and harms nothing; run it again when the reason is gone, it does what is left.'
  return new AppError(code, message.includes(name) ? message : `topic ${name}: ${message}`, {
    cause,
    advice: advice === '' ? done : `${advice} ${done}`,
  })
}

function saySummary({ args, terminal }: KafkaSession, steps: readonly TopicStep[]): void {
  if (args.isJson) return
  const made = steps.filter(({ existing }) => existing === null).length
  const same = steps.filter(isAsPlanned).length
  const changed = steps.length - made - same
  const text =
    made + changed === 0
      ? 'The topics are as this release installs them.'
      : args.isDryRun
        ? `${made} to create, ${changed} to change, ${same} the same. Nothing was changed.`
        : `${made} created, ${changed} changed, ${same} the same.`
  terminal.out(`\n${paint(terminal, 'bold', text)}\n`)
}
