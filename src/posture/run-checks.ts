/** Runs every check on every machine and puts the outcomes in the order they are told. Pure. */
import type { Severity } from '../finding-document.ts'
import { safeText } from '../safe-text.ts'
import type { Micros } from '../time.ts'
import {
  type MachineView,
  POSTURE_AREAS,
  type PostureCheck,
  type PostureKind,
  type PostureResult,
  type PostureView,
} from './check.ts'
import { POSTURE_CHECKS } from './checks.ts'
import { excused, judgeExceptions } from './exceptions.ts'
import { isGateway } from './posture-view.ts'

/** What one check says of one machine. */
export type CheckOutcome = {
  readonly host: string
  /** The time the machine was judged by. */
  readonly at: Micros
  readonly isGateway: boolean
  readonly check: PostureKind
  /** Findings first, the most severe of them at the top and accepted ones at their end; never empty. */
  readonly results: readonly PostureResult[]
}

export type PostureFinding = Extract<PostureResult, { readonly kind: 'finding' }>

/** Findings of one check on one machine: more are counted. */
export const FINDINGS_MAX = 1_000

const KIND_ORDER = ['finding', 'not-checked', 'passed'] as const

/**
 * In order of machines, areas, then severity. `hosts`: only these are judged, null = all; the others are still known, because a key may
 * run elsewhere than documented.
 */
export function runChecks(
  view: PostureView,
  hosts: readonly string[] | null = null,
  checks: readonly PostureCheck[] = POSTURE_CHECKS,
): CheckOutcome[] {
  return view.machines
    .filter(({ host }) => hosts === null || hosts.includes(host))
    .flatMap((machine) => ofMachine(machine, view, checks))
}

/** The severity a finding has, by itself or by its check. */
export function severityOf(finding: PostureFinding, check: PostureKind): Severity {
  return finding.severity ?? check.severity
}

function ofMachine(machine: MachineView, view: PostureView, checks: readonly PostureCheck[]): CheckOutcome[] {
  const { host, at } = machine
  const looked = checks.map((check) => ({
    check,
    results: excused(check.look(machine, view).map(onOneLine), check.id, view.inventory, at),
  }))
  const isOne = isGateway(machine, view)
  return [...looked, ...judgeExceptions(machine, view.inventory, looked)]
    .filter(({ results }) => results.length > 0)
    .map(({ check, results }) => ({ host, at, isGateway: isOne, check, results: inOrder(results, check) }))
    .sort((a, b) => areaOf(a) - areaOf(b) || worstOf(b) - worstOf(a))
}

/** Names in a mend come from anywhere: a line break in one would make a command of what follows it, also behind a `#`. */
function onOneLine(result: PostureResult): PostureResult {
  return result.kind === 'finding' ? { ...result, mend: result.mend.map(safeText) } : result
}

function inOrder(results: readonly PostureResult[], check: PostureKind): PostureResult[] {
  const sorted = results.toSorted(
    (a, b) => KIND_ORDER.indexOf(a.kind) - KIND_ORDER.indexOf(b.kind) || weight(b, check) - weight(a, check),
  )
  const findings = sorted.filter(({ kind }) => kind === 'finding').length
  if (findings <= FINDINGS_MAX) return sorted
  const more = findings - FINDINGS_MAX
  return [
    ...sorted.slice(0, FINDINGS_MAX),
    { kind: 'not-checked', reason: `${more} more of them are not told one by one.` },
    ...sorted.slice(findings),
  ]
}

/** Accepted ones weigh less than any that is not. */
function weight(result: PostureResult, check: PostureKind): number {
  if (result.kind !== 'finding') return 0
  return severityOf(result, check) + (result.exception === null ? 10 : 0)
}

function areaOf({ check }: CheckOutcome): number {
  return POSTURE_AREAS.indexOf(check.area)
}

function worstOf({ check, results }: CheckOutcome): number {
  return results.reduce((worst, each) => Math.max(worst, weight(each, check)), 0)
}
