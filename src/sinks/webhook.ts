/** Findings to an HTTP endpoint: a chat, a ticket system, a SOAR. One POST each, signed, until it is taken. */
import type { Severity } from '../finding-document.ts'
import type { Micros } from '../time.ts'
import { type NoticeLog, openNoticeSink } from './notices/notice-sink.ts'
import type { Outbox } from './notices/outbox.ts'
import type { Sink } from './sink.ts'
import { post } from './webhook/post.ts'
import { signedHeaders } from './webhook/signature.ts'
import type { Template } from './webhook/template.ts'

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
  return openNoticeSink({
    name: 'webhook',
    severity,
    outbox,
    log,
    send: ({ id, document }, signal) => {
      const body = template(document)
      return post({
        url,
        headers: { ...headers, ...signedHeaders(id, now(), body, secret) },
        body,
        timeout,
        ca,
        signal,
      })
    },
  })
}
