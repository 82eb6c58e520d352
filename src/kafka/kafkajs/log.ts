/** kafkajs's own log. It goes nowhere by itself: what is worth telling is told as trouble, in one line. */
import type { LogEntry } from 'kafkajs'
import { safeText } from '../../safe-text.ts'

/** A line of kafkajs's log, as far as anybody here needs it. */
export type LogLine = {
  /** For people; '' = nothing that is wrong. */
  readonly trouble: string
  /** Asked for its topics, the broker said that it has not all of those we want. */
  readonly isUnknownTopic: boolean
  /** A broker and we do not trust each other's certificates. */
  readonly isUntrusted: boolean
  /** A place that no longer exists was asked for. */
  readonly outOfRange: { readonly topic: string; readonly partition: number } | null
}

/** Characters of a line that are shown. */
const LINE_MAX = 300

/** What is no trouble, or told elsewhere: a group that is shared out anew, an answer that came after its time, advice for programmers. */
const USUAL =
  /rebalanc|rejoin|Response without match|Limiting retries|not aware of this member|Crash:|unsubscribed|not aware of all assigned|resync group|offset is not within|^Offset out of range/i

/** Total: whatever kafkajs adds to a line. */
export function readLog({ level, log }: LogEntry): LogLine {
  const { message, error, topic, partition } = log
  // 1 and 2 are errors and warnings; the rest is chatter.
  const whole = level > 2 ? '' : typeof error === 'string' && error !== '' ? error : message
  // The same is said twice, once with this before it.
  const line = whole.replace(/^Failed to connect to seed broker, trying another broker from the list: /, '')
  // Behind it are a broker's own words, which may repeat what was sent to log in.
  const said = line.replace(/^(SASL [\w -]+ authentication failed): .*/s, '$1')
  return {
    trouble: USUAL.test(said) || USUAL.test(message) ? '' : oneLine(said),
    isUnknownTopic: message.startsWith('Response Metadata') && /does not host this topic-partition/.test(said),
    isUntrusted: said.startsWith('Connection error:') && /certificate|unknown ca\b/i.test(message),
    outOfRange:
      message.startsWith('Offset out of range, resetting') && typeof topic === 'string' && typeof partition === 'number'
        ? { topic, partition }
        : null,
  }
}

/** Fit for a terminal and a log line. */
export function oneLine(words: string): string {
  const text = words.replaceAll(/\s+/g, ' ').trim()
  return safeText(text.length > LINE_MAX ? `${text.slice(0, LINE_MAX)}…` : text)
}
