/** `init` and `doctor` as the command line calls them. */
import { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import type { Invocation } from '../../src/commands/declarations.ts'
import { declareDoctor, declareInit } from '../../src/commands/machine-declarations.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

async function run(argv: readonly string[]) {
  const terminal = createMemoryTerminal()
  let status = -1
  const invocation: Invocation = {
    terminal,
    environment: {},
    stdout: process.stdout,
    now: 0,
    done: (exit) => {
      status = exit
    },
  }
  const program = new Command('peertrail').exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} })
  declareInit(program, invocation)
  declareDoctor(program, invocation)
  await program.parseAsync([...argv], { from: 'user' })
  return { status, printed: terminal.printed(), said: terminal.said() }
}

describe('on whatever machine this is', () => {
  test('doctor --json prints one object in ASCII, and ends with 0 or 1', async () => {
    const { status, printed } = await run(['doctor', '--json'])
    expect([0, 1]).toContain(status)
    expect(printed).toMatch(/^[\x20-\x7e]*\n$/)
    expect(JSON.parse(printed)).toMatchObject({
      areas: expect.arrayContaining([expect.objectContaining({ area: 'Disk' })]),
    })
  })

  test('init --output - prints a pipeline and changes nothing', async () => {
    const { status, printed, said } = await run(['init', '--output', '-'])
    expect(status).toBe(0)
    expect(printed).toContain('\nsources:\n')
    expect(said).toContain('Next: peertrail doctor')
  })
})
