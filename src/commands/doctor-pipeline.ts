/** Judges a pipeline on the machine it is for: is everything it names there, readable and working? */

import { safeText } from '../safe-text.ts'
import { isKnown } from '../sources/hostfacts/facts.ts'
import { type Finding, type Judgement, listText } from './finding.ts'
import type { PipelineFacts } from './machine-pipeline.ts'
import { mayRead, type Reader } from './machine-reader.ts'
import { counted } from './terminal.ts'

/** `Pipeline`. */
export function judgePipeline(facts: PipelineFacts, reader: Reader): Judgement {
  const area = `Pipeline ${safeText(facts.path)}`
  if (facts.problems.length > 0) return { area, wells: [], findings: facts.problems.map(brokenFinding) }
  const files = facts.files.flatMap((each) => fileFindings(each, reader))
  const commands = facts.commands.flatMap(commandFindings)
  const goodFiles = facts.files.length - files.length
  const goodCommands = facts.commands.length - commands.length
  return {
    area,
    wells: [
      ...(goodFiles > 0 ? [`${counted(goodFiles, 'file')} there and readable`] : []),
      ...(goodCommands > 0 ? [`${counted(goodCommands, 'command')} tried and working`] : []),
    ],
    findings: [...files, ...commands, ...facts.unread.map(unreadFinding)],
  }
}

function brokenFinding(problem: string): Finding {
  return {
    id: 'bad-pipeline',
    severity: 'wrong',
    what: problem,
    consequence: 'The daemon does not start with this file.',
    mend: [],
  }
}

function fileFindings({ host, kind, path, file }: PipelineFacts['files'][number], reader: Reader): Finding[] {
  const user = reader.name || String(reader.uid)
  const lack = `Until then nothing of ${kind} of ${host} is recorded.`
  if (!isKnown(file)) {
    const isHidden = file.problem === 'permission denied'
    return [
      {
        id: isHidden ? 'path-unreadable' : 'path-missing',
        severity: 'missing',
        what: `${path}: ${file.problem}.`,
        consequence: `The daemon waits for it. ${lack}`,
        mend: isHidden ? [`namei -l ${path}`] : [],
      },
    ]
  }
  if (mayRead(reader, file)) return []
  return [
    {
      id: 'path-unreadable',
      severity: 'wrong',
      what: `User ${user} may not read ${path}.`,
      consequence: `The daemon tries again and again. ${lack}`,
      mend: [`namei -l ${path}`, `setfacl -m u:${user}:r ${path}`],
    },
  ]
}

function commandFindings({ host, kind, command, problem }: PipelineFacts['commands'][number]): Finding[] {
  if (problem === '') return []
  return [
    {
      id: 'command-fails',
      severity: 'wrong',
      what: `${command.join(' ')}: ${problem}.`,
      consequence: `The daemon starts it again and again. Until it works nothing of ${kind} of ${host} is recorded.`,
      mend: [command.join(' ')],
    },
  ]
}

function unreadFinding({ host, sources }: PipelineFacts['unread'][number]): Finding {
  return {
    id: 'declared-unread',
    severity: 'missing',
    what: `The inventory promises ${listText(sources)} of ${host}, and the pipeline reads none.`,
    consequence: 'That counts as a gap from the first minute on.',
    mend: [`# add a source with host: ${host}, or take it out of the inventory`],
  }
}
