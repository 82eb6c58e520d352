/** Templates: a finding's text never becomes anything but text, and a wrong field is told before the first finding. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AppError } from '../../../src/errors.ts'
import { printEvent } from '../../../src/event-json.ts'
import { signedHeaders } from '../../../src/sinks/webhook/signature.ts'
import { parseTemplate, wholeDocument } from '../../../src/sinks/webhook/template.ts'
import { caught } from '../../caught.ts'
import { madeFinding } from '../made-findings.ts'

const document = printEvent(madeFinding(7))

test('fields stand in texts, the whole finding where it is asked for', () => {
  const template = parseTemplate(
    '{"text": "{{rule.name}}: {{ wireguard.finding.summary }} ({{threat.technique.id}}) at {{@timestamp}}", "blocks": [{"n": 1, "all": "{{document}}"}]}',
    'alert.json',
  )
  expect(JSON.parse(template(document))).toEqual({
    text: 'Port scan: dogwood was refused at 7 ports (T1046) at 2026-11-22T15:11:32.000007Z',
    blocks: [{ n: 1, all: JSON.parse(document) }],
  })
  expect(wholeDocument(document)).toBe(document)
})

test('whatever a log says, it stays inside its text', () => {
  const template = parseTemplate('{"text": "<{{wireguard.finding.summary}}>"}', 'alert.json')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (summary) => {
      // A lone surrogate is no text of a document: ours are UTF-8.
      const told = summary.toWellFormed()
      expect(JSON.parse(template(printEvent(madeFinding(1, { summary: told }))))).toEqual({ text: `<${told}>` })
    }),
  )
})

test('what is wrong with a template is said with the nearest field', () => {
  expect(refusal('{"text": "{{rule.nam}}", "x": "a {{document}}"}').problems.map(({ message }) => message)).toEqual([
    'no field "rule.nam"; did you mean "rule.name"?',
    '{{document}} is an object: it stands alone in its text, "{{document}}"',
  ])
  expect(refusal('{"text": ').code).toBe('bad-pipeline')
})

function refusal(text: string): AppError {
  const error = caught(() => parseTemplate(text, 'alert.json'))
  if (error instanceof AppError) return error
  throw error
}

test('signatures are those of the Standard Webhooks specification', () => {
  // The example of its text, section "Signature scheme".
  const headers = signedHeaders(
    'msg_p5jXN8AQM9LWM0D4loKWxJek',
    1_614_265_330_000_000,
    '{"test": 2432232314}',
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  )
  expect(headers).toEqual({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  })
  expect(signedHeaders('a', 0, '{}', '')).toEqual({ 'webhook-id': 'a', 'webhook-timestamp': '0' })
})
