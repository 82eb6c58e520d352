/** A report that is being written for ever, as a process of its own: FOLDER. Says when it has begun. */
import { openReportFolder } from '../../src/commands/report-folder.ts'

const [dir = ''] = process.argv.slice(2)
const folder = openReportFolder(dir, { forms: [] })
await folder.add('report.json', '{}\n')
process.stdout.write('begun\n')
for await (const _ of process.stdin);
