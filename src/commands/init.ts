/**
 * `peertrail init [--output FILE] [--apply]`: looks at this machine, writes a commented pipeline.yaml for it, and shows as diffs what it
 * would add to the machine: log rules, kernel settings. Only --apply adds them. A file that exists is never overwritten: it is shown how
 * it differs. Exit status 0; 1 when something of --apply failed.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { type Clock, createSystemClock } from '../live/clock.ts'
import { safeText } from '../safe-text.ts'
import { isKnown } from '../sources/hostfacts/facts.ts'
import { DEPLOY, judgeMachine } from './doctor.ts'
import { logCoverage } from './doctor-log-rules.ts'
import { listText } from './finding.ts'
import { checkRuleset, type Proposal, propose, runChange, writeNew } from './init-apply.ts'
import { draftLogRules, RULES_FILE } from './init-log-rules.ts'
import { draftPipeline } from './init-pipeline.ts'
import { gatherMachineFacts, type MachineFacts } from './machine-facts.ts'
import { rulesetPath } from './mend-commands.ts'
import { SYSTEM_PIPELINE } from './store-place.ts'
import { counted, paint, type Terminal } from './terminal.ts'
import { unifiedDiff } from './unified-diff.ts'
import { wrapText } from './wrap-text.ts'

export type InitArgs = {
  /** '' = /etc/peertrail/pipeline.yaml, `-` = standard output. */
  readonly output: string
  readonly isApply: boolean
}

/** The machine; a test hands in another. */
export type InitPlace = { readonly root?: string; readonly clock?: Clock; readonly facts?: MachineFacts }

const SYSCTL_FILE = '/etc/sysctl.d/60-peertrail.conf'
const MODULES_FILE = '/etc/modules-load.d/peertrail.conf'
const WIDTH = 80
const LABEL = 10

/** One init; everything that is said goes through `say`. */
type Session = {
  readonly facts: MachineFacts
  readonly root: string
  readonly clock: Clock
  readonly isApply: boolean
  readonly terminal: Terminal
  readonly say: (text: string) => void
  /** Something of --apply failed. */
  hasFailed: boolean
  /** Something was proposed that only --apply does. */
  hasProposals: boolean
}

/** The exit status. Throws AppError `cannot-write`, `cannot-read`. */
export async function runInit(args: InitArgs, terminal: Terminal, place: InitPlace = {}): Promise<number> {
  const clock = place.clock ?? createSystemClock()
  const root = place.root ?? '/'
  const facts = place.facts ?? (await gatherMachineFacts({ root, clock }))
  if (args.isApply && !facts.isRoot)
    throw new AppError('cannot-write', '--apply changes files below /etc and the firewall, which takes root', {
      advice: 'Without --apply it shows what it would change; `sudo peertrail init --apply` does it.',
    })
  // Standard output is for the file alone when that is asked for.
  const say = (text: string) => (args.output === '-' ? terminal.err(text) : terminal.out(text))
  const { isApply } = args
  const session: Session = { facts, root, clock, isApply, terminal, say, hasFailed: false, hasProposals: false }
  say(foundText(terminal, facts))
  const path = args.output === '' ? SYSTEM_PIPELINE : args.output
  if (path === '-') terminal.out(draftPipeline(facts))
  else offer(session, propose(root, path, draftPipeline(facts), 0o644), 'the pipeline of this machine', true)
  await offerLogRules(session)
  await offerSettings(session)
  sayLacks(session)
  sayNext(session, path)
  return session.hasFailed ? 1 : 0
}

function foundText(terminal: Terminal, { host, wireguard, isNetAdmin }: MachineFacts): string {
  const { hostname, system } = host.machine
  const name = isKnown(hostname) ? hostname : 'this machine'
  const links = wireguard.names.length === 0 ? 'no WireGuard interface' : `WireGuard ${listText(wireguard.names)}`
  const head = `${name}: ${isKnown(system) ? `${system}, ` : ''}${links}`
  const limits = isNetAdmin ? '' : 'Without root neither peers nor rules could be looked at: sudo peertrail init'
  return [
    ...wrapText(head, WIDTH).map((line) => paint(terminal, 'bold', line)),
    ...(limits === '' ? [] : wrapText(limits, WIDTH).map((line) => paint(terminal, 'yellow', line))),
    '',
  ]
    .map((line) => `${line}\n`)
    .join('')
}

function told(session: Session, word: string, text: string): void {
  const color =
    word === 'failed' || word === 'wrong'
      ? 'red'
      : word === 'missing'
        ? 'yellow'
        : word === 'proposed'
          ? 'cyan'
          : 'green'
  const [first = '', ...rest] = wrapText(text, WIDTH - LABEL)
  const label = paint(session.terminal, color, word) + ' '.repeat(LABEL - word.length)
  session.say([`${label}${first}`, ...rest.map((line) => ' '.repeat(LABEL) + line)].map((line) => `${line}\n`).join(''))
}

/** A diff begins every line with its sign, so that patch(1) takes it. Text of files is made fit for a terminal. */
function sayDiff({ terminal, say }: Session, { path, before, text }: Proposal): void {
  const lines = unifiedDiff(before, text, path).split('\n').slice(0, -1)
  const painted = lines.map((line) => {
    // A tab is as good as on disk; safeText would spell it out.
    const shown = line.split('\t').map(safeText).join('\t')
    const color = /^(?:---|\+\+\+|@@)/.test(line)
      ? 'dim'
      : line.startsWith('+')
        ? 'green'
        : line.startsWith('-')
          ? 'red'
          : null
    return color === null ? shown : paint(terminal, color, shown)
  })
  say(`${painted.map((line) => `${line}\n`).join('')}\n`)
}

/** Writes what is not there (now or with --apply), shows how what is there differs. True when the file is there as proposed. */
function offer(session: Session, proposal: Proposal, what: string, isAlways: boolean): boolean {
  const { path, before, text } = proposal
  if (before === text) {
    told(session, 'as it is', `${path}, ${what}`)
    return true
  }
  if (before !== null) {
    told(session, 'left', `${path} exists and is never overwritten. It differs from what would be written now:`)
    sayDiff(session, proposal)
    return false
  }
  if (isAlways || session.isApply) {
    writeNew(proposal)
    told(session, 'written', `${path}, ${what}`)
    return true
  }
  session.hasProposals = true
  told(session, 'proposed', `${path}, ${what}`)
  sayDiff(session, proposal)
  return false
}

async function offerLogRules(session: Session): Promise<void> {
  const { facts, root, clock, isApply } = session
  const coverage = logCoverage(facts)
  const draft = coverage === null ? null : draftLogRules(template('nftables/wireguard-logging.nft'), coverage)
  if (draft === null) return
  const nft = facts.host.programs['nft'] ?? ''
  const what = `log rules for ${listText(draft.interfaces)}`
  const proposal = propose(root, RULES_FILE, draft.text, 0o644)
  const objection = await checkRuleset(nft, draft.text, clock)
  if (objection !== '') {
    session.hasFailed ||= isApply
    told(session, 'failed', `${what}: nft does not take them here: ${objection}`)
    return
  }
  if (!offer(session, proposal, what, false) || !isApply) return
  const problem = await runChange(nft, ['-f', proposal.file], clock)
  if (problem === '') {
    told(session, 'loaded', `${what}; out again: nft delete table inet peertrail`)
    told(session, 'boot', `to have them after a boot, add to ${rulesetPath(facts.family)}: include "${RULES_FILE}"`)
  } else {
    session.hasFailed = true
    told(session, 'failed', `nft -f ${RULES_FILE}: ${problem}`)
  }
}

async function offerSettings(session: Session): Promise<void> {
  const { facts, root, clock, isApply } = session
  const lacks = judgeMachine(facts).flatMap(({ findings }) => findings.map(({ id }) => id))
  if (!lacks.includes('conntrack-settings') && !lacks.includes('conntrack-not-loaded')) return
  const text = template('sysctl/60-peertrail.conf')
  // Log rules in namespaces are a matter of machines that have some.
  const own = facts.namespaces.length > 0 ? text : text.replace(/^-(net\.netfilter\.nf_log_all_netns)/m, '# $1')
  const proposal = propose(root, SYSCTL_FILE, own, 0o644)
  const isThere = offer(session, proposal, 'connection tracking counts, dates and reports', false)
  offer(
    session,
    propose(root, MODULES_FILE, 'nf_conntrack\n', 0o644),
    'so that these settings are there at boot',
    false,
  )
  if (!isThere || !isApply) return
  const problem = await runChange(facts.host.programs['sysctl'] || 'sysctl', ['-p', proposal.file], clock)
  session.hasFailed ||= problem !== ''
  told(
    session,
    problem === '' ? 'set' : 'failed',
    problem === '' ? 'the settings hold from now on' : `sysctl -p ${SYSCTL_FILE}: ${problem}`,
  )
}

function template(name: string): string {
  return readFileSync(join(DEPLOY, name), 'utf8')
}

/** What neither a file nor a rule of ours can mend. */
function sayLacks(session: Session): void {
  const ours = ['no-log-rule', 'log-rule-partial', 'conntrack-settings', 'conntrack-not-loaded', 'no-pipeline']
  const findings = judgeMachine(session.facts).flatMap((each) => each.findings)
  for (const { severity, id, what } of findings)
    if (severity !== 'advice' && !ours.includes(id)) told(session, severity === 'unseen' ? 'not seen' : severity, what)
}

function sayNext({ terminal, say, facts, isApply, hasProposals }: Session, path: string): void {
  const findings = judgeMachine(facts).reduce((sum, each) => sum + each.findings.length, 0)
  const lines = [
    ...(hasProposals && !isApply
      ? ['The machine is as it was. `peertrail init --apply` does what is proposed above, and says each step.']
      : []),
    `Next: peertrail doctor${path === '-' ? '' : ` --pipeline ${path}`}${findings === 0 ? '' : `, which tells how ${counted(findings, 'finding')} ${findings === 1 ? 'is' : 'are'} mended`}`,
  ]
  say(
    `\n${lines
      .flatMap((line) => wrapText(line, WIDTH))
      .map((line) => `${paint(terminal, 'dim', line)}\n`)
      .join('')}`,
  )
}
