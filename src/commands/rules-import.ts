/**
 * `peertrail rules import SIGMA…`: rules of Sigma as a file of our rules. What cannot be expressed is told by name and place, and then
 * nothing is written, unless the rest is asked for.
 */
import { writeFile } from 'node:fs/promises'
import { readRules } from '../detections/rules/read-rules.ts'
import { type ImportedRule, readSigma } from '../detections/rules/sigma/import-sigma.ts'
import { printRules } from '../detections/rules/sigma/print-rules.ts'
import { AppError } from '../errors.ts'
import { readText } from '../read-text.ts'
import { quoted } from '../safe-text.ts'
import { printProblems } from './problem-report.ts'
import { counted, type Terminal } from './terminal.ts'

export type RulesImportArguments = {
  readonly files: readonly string[]
  /** File to write, '' = print. */
  readonly out: string
  /** Write those that can be expressed. */
  readonly isSkipping: boolean
}

/** Standard output is the result: what is said about it goes to stderr. */
export async function runRulesImport(args: RulesImportArguments, terminal: Terminal): Promise<number> {
  const rules: ImportedRule[] = []
  let refused = 0
  const aside: Terminal = { ...terminal, out: (text) => terminal.err(text) }
  for (const file of args.files) {
    const text = await readText(file)
    const outcome = readSigma(text, file)
    if ('rule' in outcome) {
      rules.push(outcome.rule)
      continue
    }
    refused++
    printProblems(aside, outcome.problems, text)
  }
  if (refused > 0 && (!args.isSkipping || rules.length === 0)) {
    const hint = rules.length === 0 ? '' : `; --skip takes the other ${counted(rules.length, 'rule')}`
    terminal.err(`${counted(refused, 'file')} of ${args.files.length} cannot be imported, nothing was written${hint}\n`)
    return 2
  }
  const text = printRules(rules)
  // Nobody should get a file that check refuses: a query may have become too long.
  readRules(text, 'the result')
  if (args.out === '') terminal.out(text)
  else await writeNew(args.out, text)
  const remarks = rules.filter((rule) => rule.remarks.length > 0).length
  const said =
    remarks === 0 ? '' : `; comments above ${remarks === 1 ? 'one of them' : `${remarks} of them`} say what differs`
  terminal.err(`${counted(rules.length, 'rule')} imported${refused === 0 ? '' : `, ${refused} refused`}${said}\n`)
  return refused === 0 ? 0 : 1
}

async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx' })
  } catch (cause) {
    const advice = 'Name a file that does not exist yet, in a directory you may write to.'
    throw new AppError('cannot-write', `${quoted(path, 200)} cannot be written`, { advice, cause })
  }
}
