/** Findings to an HTTP endpoint: a chat, a ticket system, a SOAR. One POST each, signed, until it is taken. */
import type { Severity } from '../finding-document.ts'
import type { Micros } from '../time.ts'
import { type NoticeLog, openNoticeSink, type Sent } from './notices/notice-sink.ts'
import type { Outbox } from './notices/outbox.ts'
import type { Sink } from './sink.ts'
import { post } from './webhook/post.ts'
import { signedHeaders } from './webhook/signature.ts'
import type { Template } from './webhook/template.ts'

/** Characters of a secret that is hidden. */
const SECRET_LEAST = 4

export type WebhookOptions = {
  readonly url: string
  /** Sent with every request; secrets among them. */
  readonly headers: Readonly<Record<string, string>>
  /** '' = unsigned. */
  readonly secret: string
  readonly template: Template
  readonly severity: Severity
  readonly timeout: Micros
  readonly ca: string
  /** The sink's from now on, which closes it. */
  readonly outbox: Outbox
  readonly log: NoticeLog
  readonly now: () => Micros
}

export function openWebhookSink(options: WebhookOptions): Sink {
  const { url, headers, secret, template, severity, timeout, ca, outbox, log, now } = options
  const secrets = [secret, ...Object.values(headers)].flatMap((text) => [text, ...text.split(' ')]).filter(isTelling)
  return openNoticeSink({
    name: 'webhook',
    severity,
    outbox,
    log,
    send: async ({ id, document }, signal) => {
      const body = template(document)
      const signed = signedHeaders(id, now(), body, secret)
      return without(secrets, await post({ url, headers: { ...headers, ...signed }, body, timeout, ca, signal, now }))
    },
  })
}

/** `Bearer` and the like are no secrets, and of a few characters every text has some. */
function isTelling(text: string): boolean {
  return text.length >= SECRET_LEAST && !/^(?:bearer|basic|token|apikey)$/i.test(text)
}

/** A receiver may answer with what it was sent, and what it answers is shown. */
function without(secrets: readonly string[], sent: Sent): Sent {
  if (sent.kind === 'sent') return sent
  return { ...sent, why: secrets.reduce((why, secret) => why.replaceAll(secret, '[hidden]'), sent.why) }
}
