/** An exception with a mistyped id excuses nothing: `check` says so. */
import { expect, test } from 'vitest'
import { unknownExceptions } from '../../src/commands/exception-ids.ts'

const exception = (check: string) => ({ check, peer: 'ivy', reason: 'test', approvedBy: 'carol', until: null })

test('names ids that nothing here has, with the nearest one', () => {
  expect(unknownExceptions({ exceptions: [exception('overbroad'), exception('port-scan')] })).toBe('')
  expect(unknownExceptions({ exceptions: [exception('overbraod'), exception('my-own-rule')] })).toBe(
    'exceptions for what is no detection or check here: "overbraod" (perhaps overbroad), "my-own-rule"',
  )
})
