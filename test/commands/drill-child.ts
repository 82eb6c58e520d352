/** A drill as a process of its own: `node drill-child.ts ROOT PEER [OPTION=VALUE…]`, with the programs that its PATH has. */
import { runDrillRevocation } from '../../src/commands/drill-revocation.ts'
import { createTerminal } from '../../src/commands/terminal.ts'
import { createSystemClock } from '../../src/live/clock.ts'

const [root = '', peer = '', ...options] = process.argv.slice(2)
const given = Object.fromEntries(options.map((each) => each.split('=') as [string, string]))
const terminal = createTerminal({ out: process.stdout, err: process.stderr }, {})
const clock = createSystemClock()
const stop = new AbortController()
process.once('SIGINT', () => stop.abort())
const { json = '', ...rest } = given
try {
  process.exitCode = await runDrillRevocation(
    { peer, inventory: '', pipeline: '', timeout: '', every: '50ms', compromisedAt: '', ...rest, isJson: json !== '' },
    { terminal, environment: { PATH: process.env['PATH'] }, stdout: process.stdout, now: clock.now() },
    { clock, root, host: 'gw-staging', stop: stop.signal },
  )
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 9
}
