/** Prints what `doctor` found: one part of the machine below the other, what is in order and what is not, and how it is mended. */

import { dirname } from 'node:path'
import { safeText } from '../safe-text.ts'
import { type Fact, isKnown } from '../sources/hostfacts/facts.ts'
import { printJson } from './ascii-json.ts'
import { type Finding, type Judgement, SEVERITIES, type Severity } from './finding.ts'
import type { MachineFacts } from './machine-facts.ts'
import { counted, paint, type Terminal } from './terminal.ts'
import { shorten, wrapCommand, wrapText } from './wrap-text.ts'

/** Characters of a line: as wide as people read with ease. */
const [WIDTH_MIN, WIDTH_MAX] = [80, 100]
/** The word before each line, right of two blanks. */
const LABEL = 9
const INDENT = 2 + LABEL

const COLORS = { wrong: 'red', missing: 'yellow', unseen: 'cyan', advice: 'dim' } as const

export type DoctorPage = {
  readonly facts: MachineFacts
  readonly judgements: readonly Judgement[]
  /** Where the files of deploy/ lie on this machine. */
  readonly deployPath: string
}

/** `columns`: of the terminal, 0 = none. */
export function doctorText(terminal: Terminal, page: DoctorPage, columns: number): string {
  const width = Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, columns))
  const told = page.judgements.filter(({ wells, findings }) => wells.length + findings.length > 0)
  const parts = [headText(terminal, page.facts, width), ...told.map((each) => areaText(terminal, each, width))]
  return [...parts, endText(terminal, page, width)].join('\n')
}

function headText(terminal: Terminal, { host, reader, isRoot }: MachineFacts, width: number): string {
  const name = textOf(host.machine.hostname) || 'this machine'
  const system = [textOf(host.machine.system), isKnown(host.kernel.release) ? `Linux ${host.kernel.release}` : '']
  const head = paint(terminal, 'bold', shorten(name, width))
  const lines = wrapText(system.filter((each) => each !== '').join(', '), width)
  const whose = `looked at ${isRoot ? 'as root' : 'without root'}; logs are judged for the daemon's user ${reader.name || reader.uid}`
  return [head, ...lines, ...wrapText(whose, width).map((line) => paint(terminal, 'dim', line))]
    .map((line) => `${line}\n`)
    .join('')
}

function textOf(fact: Fact<string>): string {
  return isKnown(fact) ? fact : ''
}

function areaText(terminal: Terminal, { area, wells, findings }: Judgement, width: number): string {
  const lines = [paint(terminal, 'bold', shorten(area, width))]
  for (const well of wells)
    lines.push(...labelled(paint(terminal, 'green', 'ok'), 'ok', wrapText(well, width - INDENT)))
  for (const severity of SEVERITIES)
    for (const finding of findings)
      if (finding.severity === severity) lines.push(...findingLines(terminal, finding, width))
  return lines.map((line) => `${line}\n`).join('')
}

function findingLines(terminal: Terminal, { severity, what, consequence, mend }: Finding, width: number): string[] {
  const room = width - INDENT
  const rest = wrapText(consequence, room).map((line) => paint(terminal, 'dim', line))
  const commands = mend.flatMap((command) => commandLines(terminal, command, room))
  const label = paint(terminal, COLORS[severity], severity)
  return labelled(label, severity, [...wrapText(what, room), ...rest, ...commands])
}

/** A shell reads them as they stand; a comment is wrapped as text. */
export function commandLines(terminal: Terminal, command: string, room: number): string[] {
  if (command.startsWith('#')) {
    const lines = wrapText(command.slice(1).trim(), room - 4)
    return lines.map((line) => paint(terminal, 'cyan', `  # ${line}`))
  }
  // A line must not be broken inside of quotes: blanks there are hidden from the wrapping, which breaks at blanks.
  const words = command.replace(/'[^']*'|"[^"]*"/g, (quotedText) => quotedText.replaceAll(' ', '\u00a0'))
  const lines = wrapCommand(words, room - 4) ?? [safeText(words)]
  return lines.map((line, i) =>
    paint(terminal, 'cyan', `${i === 0 ? '  $ ' : '    '}${line.replaceAll('\u00a0', ' ')}`),
  )
}

function labelled(label: string, plain: string, lines: readonly string[]): string[] {
  const [first = '', ...rest] = lines
  return [
    `  ${label}${' '.repeat(LABEL - plain.length)}${first}`,
    ...rest.map((line) => `${' '.repeat(INDENT)}${line}`),
  ]
}

function endText(terminal: Terminal, { judgements, deployPath }: DoctorPage, width: number): string {
  const findings = judgements.flatMap((each) => each.findings)
  const counts = SEVERITIES.map((severity) =>
    countText(severity, findings.filter((each) => each.severity === severity).length),
  )
  const told = counts.filter((text) => text !== '')
  const isWell = findings.every(({ severity }) => severity === 'advice')
  const verdict = paint(terminal, isWell ? 'green' : 'yellow', told.length === 0 ? 'All is in order.' : told.join(', '))
  const usesDeploy = findings.some(({ mend }) => mend.some((command) => command.includes('deploy/')))
  const where = usesDeploy
    ? wrapText(`Commands are for root, to be run in ${dirname(deployPath)}, where deploy/ is.`, width)
    : []
  return [verdict, ...where.map((line) => paint(terminal, 'dim', line))].map((line) => `${line}\n`).join('')
}

function countText(severity: Severity, count: number): string {
  if (count === 0) return ''
  if (severity === 'advice') return counted(count, 'piece of advice', 'pieces of advice')
  return severity === 'unseen' ? `${count} could not be looked at` : `${count} ${severity}`
}

/** One object: `{machine, system, kernel, reader, deploy, areas: [{area, ok: […], findings: [{id, severity, what, consequence, mend}]}]}`. ASCII. */
export function doctorJson({ facts, judgements, deployPath }: DoctorPage): string {
  const { host, reader } = facts
  return printJson({
    machine: textOf(host.machine.hostname) || null,
    system: textOf(host.machine.system) || null,
    kernel: textOf(host.kernel.release) || null,
    reader: reader.name || String(reader.uid),
    deploy: deployPath,
    areas: judgements.map(({ area, wells, findings }) => ({ area, ok: wells, findings })),
  })
}
