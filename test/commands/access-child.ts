/**
 * The access log as a process of its own. ACCESS-FOLDER NAME COUNT: adds lines. STATE-FOLDER NAME wait: a command that answers for
 * ever, and says when it has begun.
 */
import { accessLine } from '../../src/commands/access-entry.ts'
import { appendAccess } from '../../src/commands/access-folder.ts'
import { withAccess } from '../../src/commands/access-log.ts'

const [folder = '', name = '', count = '0'] = process.argv.slice(2)
const user = { name, uid: 1000, loginUid: null, sudoUser: '', host: 'gw1' }
const record = { action: 'who', at: 0, period: null, query: '' } as const
if (count === 'wait') {
  const terminal = { out: () => {}, err: () => {}, color: false, isInteractive: false }
  const begin = { ...record, command: ['who', name] }
  await withAccess({ dir: '', name: 'x' }, begin, { XDG_STATE_HOME: folder }, terminal, async (found) => {
    found(7)
    process.stdout.write('begun\n')
    for await (const _ of process.stdin);
    return 0
  })
} else {
  for (let i = 0; i < Number(count); i++) {
    const whole = { ...record, command: ['who', `10.8.0.${i}`], documents: null, report: null, exit: 0 }
    appendAccess(folder, (before) => accessLine(whole, user, 'store x', before))
  }
}
