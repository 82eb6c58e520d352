/** Who a pipeline file says is told of findings: webhook and syslog, each with its outbox in the state directory. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { PipelineConfig, SyslogConfig, WebhookConfig } from '../config.ts'
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import { resolveSecret } from '../secrets.ts'
import type { Micros } from '../time.ts'
import type { NoticeLog } from './notices/notice-sink.ts'
import { openOutbox } from './notices/outbox.ts'
import type { Sink } from './sink.ts'
import { FACILITIES } from './syslog/message.ts'
import { openSyslogSink } from './syslog.ts'
import { parseTemplate, wholeDocument } from './webhook/template.ts'
import { openWebhookSink } from './webhook.ts'

export type NoticeDeps = {
  /** Directory of the pipeline file: relative paths start there. */
  readonly base: string
  /** For the outboxes. */
  readonly dir: string
  readonly environment: { readonly [name: string]: string | undefined }
  /** From now on this text appears in no line of the log. */
  readonly hide: (secret: string) => void
  readonly log: NoticeLog
  readonly now: () => Micros
}

/** Opens no connection yet. Throws AppError for secrets, templates and certificates that cannot be used. */
export function openConfiguredNotices(config: Pick<PipelineConfig, 'webhook' | 'syslog'>, deps: NoticeDeps): Sink[] {
  return [
    ...(config.webhook === null ? [] : [openWebhook(config.webhook, deps)]),
    ...(config.syslog === null ? [] : [openSyslog(config.syslog, deps)]),
  ]
}

function openWebhook(config: WebhookConfig, { base, dir, environment, hide, log, now }: NoticeDeps): Sink {
  const reveal = (secret: NonNullable<WebhookConfig['secret']>): string => {
    const text = resolveSecret(secret, environment)
    hide(text)
    return text
  }
  const file = resolve(base, config.template)
  return openWebhookSink({
    url: config.url,
    headers: Object.fromEntries([...config.headers].map(([name, secret]) => [name, reveal(secret)])),
    secret: config.secret === null ? '' : signingSecret(reveal(config.secret)),
    template: config.template === '' ? wholeDocument : parseTemplate(readText(file, 'template'), safeText(file)),
    severity: config.severity,
    timeout: config.timeout,
    ca: authority(base, config.caFile),
    outbox: openOutbox(dir, 'webhook'),
    log,
    now,
  })
}

function openSyslog(config: SyslogConfig, { base, dir, log }: NoticeDeps): Sink {
  return openSyslogSink({
    place: config.to,
    // The schema lets no other name through.
    facility: FACILITIES.get(config.facility) ?? 0,
    form: config.format,
    severity: config.severity,
    timeout: config.timeout,
    ca: authority(base, config.caFile),
    outbox: openOutbox(dir, 'syslog'),
    log,
  })
}

/** A key of nothing signs nothing: everybody has it. */
function signingSecret(text: string): string {
  if (!text.startsWith('whsec_') || /^[A-Za-z0-9+/]{20,}={0,2}$/.test(text.slice(6))) return text
  throw new AppError('bad-secret', 'the secret of the webhook begins with whsec_, and what follows is no base64', {
    advice: 'Give it whole as the receiver shows it, whsec_ and base64, or any text that does not begin so.',
  })
}

function authority(base: string, file: string): string {
  return file === '' ? '' : readText(resolve(base, file), 'certificate')
}

function readText(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new AppError('cannot-read', `cannot read the ${what} ${safeText(file)}`, {
      cause,
      advice: 'Check the path, and that this user may read the file.',
    })
  }
}
