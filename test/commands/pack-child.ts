/** A pack that is being written for ever, as a process of its own: FILE. Says when it has begun. */
import { writeFileSync } from 'node:fs'
import { openPack } from '../../src/commands/report-pack.ts'

const [file = ''] = process.argv.slice(2)
const { folder } = openPack(file)
writeFileSync(folder, 'names')
process.stdout.write('begun\n')
for await (const _ of process.stdin);
