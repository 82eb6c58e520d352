import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ARG_BYTES_MAX, ARGS_MAX, readArguments } from '../../../src/sources/auditd/execve.ts'

/** An argument as the kernel writes it (audit_log_n_untrustedstring). */
function encoded(text: string): string {
  return /^[\x21\x23-\x7e]*$/.test(text) ? `"${text}"` : Buffer.from(text).toString('hex').toUpperCase()
}

describe('arguments of an exec', () => {
  it('are read over records and pieces', () => {
    expect(
      readArguments([
        'argc=4 a0="/bin/true" a1_len=8 a1[0]=C3',
        ' a1[1]=A4C3',
        ' a1[2]=A4 a2="second"',
        ' a3=7461620968657265',
      ]),
    ).toEqual({ args: ['/bin/true', 'ää', 'second', 'tab\there'], argsCount: 4 })
  })

  it('may spell fields, records and nothing', () => {
    const { args } = readArguments([
      'argc=7 a0="it\'s" a1="a9=x" a2="msg=audit(1:1):" a3="" a4="414243" a5="(null)" a6="argc=1"',
    ])
    expect(args).toEqual(["it's", 'a9=x', 'msg=audit(1:1):', '', '414243', '(null)', 'argc=1'])
  })

  it('end where one is missing, and keep their number', () => {
    expect(readArguments(['argc=5 a0="rm" a1="-r" a3="/tmp"', ' a2="late"'])).toEqual({
      args: ['rm', '-r'],
      argsCount: 5,
    })
    expect(readArguments([' a692="692" a693="693"'])).toEqual({ args: [], argsCount: 0 })
    expect(readArguments(['argc=3 a0="x" a1_len=4 a1[1]=4141 a2="y"'])).toEqual({ args: ['x'], argsCount: 3 })
    expect(readArguments(['argc=3 a0="x" a1_len=8 a1[0]=4141', ' a1[2]=4242 a2="y"'])).toEqual({
      args: ['x', 'AA'],
      argsCount: 3,
    })
  })

  it('are bounded in number and bytes', () => {
    const many = Array.from({ length: 2501 }, (_, i) => `a${i}="${i}"`).join(' ')
    const counted = readArguments([`argc=2501 ${many}`])
    expect([counted.args.length, counted.args.at(-1), counted.argsCount]).toEqual([
      ARGS_MAX,
      String(ARGS_MAX - 1),
      2501,
    ])
    const hex = '41'.repeat(3750)
    const pieces = Array.from({ length: 30 }, (_, i) => ` a0[${i}]=${hex}`)
    const long = readArguments(['argc=2', ...pieces, ' a1="b"'])
    expect(long).toEqual({ args: ['A'.repeat(ARG_BYTES_MAX)], argsCount: 2 })
    const bare = readArguments([`argc=3 a0="${'x'.repeat(ARG_BYTES_MAX - 12)}" a1="0123456789abcdef" a2="c"`])
    expect(bare.args.map((arg) => arg.length)).toEqual([ARG_BYTES_MAX - 12, 9])
    expect(bare.args[1]).toBe('012345678')
  })

  it('are the same wherever the kernel cuts', () => {
    const argument = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !text.includes('\0'))
    const cut = fc.record({ pieceBytes: fc.integer({ min: 1, max: 9 }), perRecord: fc.integer({ min: 1, max: 4 }) })
    fc.assert(
      fc.property(fc.array(argument, { minLength: 1, maxLength: 9 }), cut, (args, { pieceBytes, perRecord }) => {
        const fields = args.flatMap((arg, i) => {
          const hex = Buffer.from(arg).toString('hex').toUpperCase()
          if (hex.length <= 2 * pieceBytes) return [`a${i}=${encoded(arg)}`]
          const pieces = hex.match(new RegExp(`.{1,${2 * pieceBytes}}`, 'g')) ?? []
          return pieces.map((piece, k) => `${k === 0 ? `a${i}_len=${hex.length} ` : ''}a${i}[${k}]=${piece}`)
        })
        const bodies = [`argc=${args.length}`]
        for (let i = 0; i < fields.length; i += perRecord) bodies.push(` ${fields.slice(i, i + perRecord).join(' ')}`)
        const whole = readArguments([`argc=${args.length} ${args.map((arg, i) => `a${i}=${encoded(arg)}`).join(' ')}`])
        expect(readArguments(bodies)).toEqual({ args, argsCount: args.length })
        expect(whole).toEqual({ args, argsCount: args.length })
      }),
    )
  })
})
