/** `install kafka --remove`: takes away the topics that are ours by name, and says what is lost with each. */
import { AppError } from '../errors.ts'
import type { Admin, TopicState } from '../kafka/bus.ts'
import { TOPIC_NAMES, type TopicName, topicOf } from '../kafka/topics.ts'
import { safeText } from '../safe-text.ts'
import type { KafkaSession } from './install-kafka-session.ts'
import { counted, paint } from './terminal.ts'

/** What nobody has any more when a topic is gone. */
const LOST: { readonly [name in TopicName]: string } = {
  flows: 'connections that no correlator has worked off',
  hosts: 'audit events that no correlator has worked off',
  events: 'documents that detectors and indexers have not read',
  ledger: 'who held which address, as all machines told it',
  progress: 'how far every machine was',
  'correlator-state': 'open logins and connections',
  'detector-state': 'what detections had counted',
  deadletters: 'messages that could not be understood',
}

/** Goes on where one topic is refused. Throws AppError `refused` at the end when one was. */
export async function removeTopics(session: KafkaSession, existing: readonly TopicState[]): Promise<void> {
  const { admin, args, prefix, terminal, say, report } = session
  const failed: string[] = []
  let gone = 0
  for (const what of TOPIC_NAMES) {
    const name = topicOf(prefix, what)
    if (!existing.some((topic) => topic.name === name)) continue
    const line = { name, action: 'remove', isDone: false, reason: '', diff: '' }
    report.topics.push(line)
    const text = `topic ${name}, ${await fillText(admin, name)}: ${LOST[what]}`
    if (args.isDryRun) {
      say('remove', text)
      continue
    }
    try {
      await admin.remove(name)
      line.isDone = true
      gone++
      say('removed', text)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      line.reason = error.message
      failed.push(name)
      say('failed', `topic ${name}: ${safeText(error.message)}`)
    }
  }
  const count = report.topics.length
  if (count > 0)
    say(
      'note',
      'agents and tiers that run wait until the topics are there again; documents that are in Elasticsearch, a store or a file stay',
    )
  if (!args.isJson) {
    const text =
      count === 0
        ? 'None of our topics is there.'
        : args.isDryRun
          ? `${count} to remove. Nothing was changed.`
          : `${gone} removed.`
    terminal.out(`\n${paint(terminal, 'bold', text)}\n`)
  }
  if (failed.length > 0)
    throw new AppError('refused', `the brokers refused to delete ${failed.join(', ')}`, {
      advice: 'Run it again when the reason is gone; what is removed already stays so.',
    })
}

/** Offsets are counted: a compacted topic holds fewer messages than they say. */
async function fillText(admin: Admin, name: string): Promise<string> {
  try {
    const [ends, beginnings] = [await admin.ends(name), await admin.beginnings(name)]
    const count = ends.reduce((sum, end, i) => sum + end - (beginnings[i] ?? 0), 0)
    return count === 0 ? 'empty' : `at most ${counted(count, 'message')}`
  } catch (error) {
    // Who may delete a topic may not always read it.
    if (error instanceof AppError) return 'which this account may not read'
    throw error
  }
}
