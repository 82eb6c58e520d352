/**
 * What `who` prints for a person under stress, at most 100 columns: the answer in the first line, then facts one below the other, then
 * who held it before and after, then what is not sure and why.
 */

import { periodText } from '../quantity-text.ts'
import { SECOND } from '../time.ts'
import { peerName, peerTitle } from './peer-facts.ts'
import { counted, paint, type Terminal } from './terminal.ts'
import { printTime } from './time-argument.ts'
import type { WhoAnswer } from './who-answer.ts'
import { endpointFacts, type Fact, flowFacts, flowLines, holderFacts, ruleText } from './who-facts.ts'
import { headline } from './who-headline.ts'
import { reasonWords, unseenBy } from './who-reasons.ts'
import { shorten, wrapText } from './wrap-text.ts'

const WIDTH = 100
/** Labels stand left of the facts. */
const LABEL = 11
const NAME_MAX = 40

/** The whole page. */
export function whoText(terminal: Terminal, answer: WhoAnswer): string {
  const { role, status } = answer
  const color = status === 'exact' ? 'green' : status === 'ambiguous' ? 'yellow' : 'red'
  const [first = '', ...rest] = wrapText(headline(answer), WIDTH)
  const parts = [
    [paint(terminal, 'bold', paint(terminal, color, first)), ...rest, paint(terminal, 'dim', timeLine(answer))],
    ...blocks(terminal, answer),
    facts([...doubts(answer), ...ruleFact(answer), ...alsoFacts(answer), ...gapFacts(answer), ...spanFacts(answer)]),
  ]
  if (role !== 'place' && role !== '' && !(role === 'tunnel' && status === 'unknown'))
    parts.push([
      paint(terminal, 'dim', 'This names a key, never a person: device and owner are what the inventory documents.'),
    ])
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => `${line}\n`).join(''))
    .join('\n')
}

function timeLine({ question }: WhoAnswer): string {
  const { from, to } = question.moment
  if (!question.isTimeGiven) return `as of ${printTime(from)}, the newest poll there is`
  if (to - from < SECOND - 1) return `at ${printTime(from)}`
  return `at ${printTime(from)}, the whole ${to - from < 2 * SECOND ? 'second' : 'minute'}`
}

/** One block of facts for each answer of the best role. */
function blocks(terminal: Terminal, answer: WhoAnswer): string[][] {
  const { role, question, flows, flowCount, holders, endpoints, places } = answer
  const titled = (title: string, list: readonly Fact[], isAlone: boolean) =>
    isAlone ? facts(list) : [paint(terminal, 'bold', shorten(title, WIDTH)), ...facts(list)]
  switch (role) {
    case 'flow': {
      const [only] = flows
      if (flowCount === 1 && only !== undefined) return [facts(flowFacts(only, question))]
      const told = [facts(flows.flatMap(flowLines))]
      const more = flowCount - flows.length
      return more > 0 ? [...told, [`and ${counted(more, 'more flow')}; a shorter --within leaves fewer`]] : told
    }
    case 'tunnel':
      return holders.map((holder) =>
        titled(
          `${holder.gateway} ${holder.interface}: ${holder.claim.status}`,
          holderFacts(holder, question),
          holders.length === 1,
        ),
      )
    case 'endpoint':
      return endpoints.map((each, i) =>
        titled(`peer ${i + 1} of ${endpoints.length}`, endpointFacts(each, question), endpoints.length === 1),
      )
    case 'place':
      return [facts(places.map(({ text }) => ['is', text]))]
    case '':
      return []
    default:
      return role satisfies never
  }
}

/** Why the answer is not exact, each reason once, and what would make it so. */
function doubts({ role, flows, holders, endpoints, status }: WhoAnswer): Fact[] {
  const given =
    role === 'flow'
      ? flows.map(({ reason }) => reason)
      : role === 'tunnel'
        ? holders.map(({ claim }) => claim.reason)
        : []
  const list = [...new Set<string>(given)].flatMap((reason): Fact[] => {
    const words = reasonWords(reason)
    return words === null
      ? []
      : [['why', `${words.why} (${reason})`], ...(words.remedy === '' ? [] : [['certain if', words.remedy] as const])]
  })
  if (role === 'tunnel' && holders.filter(({ claim }) => claim.status === 'exact').length > 1)
    list.push(['certain if', 'Each of these is proven for its own gateway: say which one is meant with --gateway.'])
  if (role === 'flow' && flows.length > 1)
    list.push(['certain if', 'Only one flow fits: a more exact time, or a shorter --within.'])
  if (role === 'endpoint' && endpoints.filter(({ isThen }) => isThen).length > 1)
    list.push(['certain if', 'The port is named too: several peers stand behind one outer address.'])
  else if (role === 'endpoint' && status === 'ambiguous')
    list.push(['why', 'It changed between the polls around that time, or they are too far apart.'])
  return list
}

/** Where no holder and no flow told it. */
function ruleFact({ role, rule, question }: WhoAnswer): Fact[] {
  const isTold = role === 'flow' || role === 'tunnel' || rule === null
  return isTold ? [] : [['rule', ruleText(rule, question.moment.from, '')]]
}

/** The other roles the address has. */
function alsoFacts({ role, question, holders, endpoints, places }: WhoAnswer): Fact[] {
  const list: string[] = []
  if (role === 'flow')
    for (const { gateway, interface: name, peer, candidates, claim } of holders) {
      const who =
        peer === null ? candidates.map((each) => peerName(each, NAME_MAX)).join(' or ') : peerTitle(peer, NAME_MAX)
      if (who !== '')
        list.push(`${question.address.text} was held by ${who} on ${gateway} ${name} then (${claim.status})`)
    }
  if (role !== 'endpoint')
    for (const { peer, port, isThen } of endpoints)
      if (isThen) list.push(`endpoint of ${peerTitle(peer, NAME_MAX)}, port ${port}`)
  if (role !== 'place') list.push(...places.map(({ text }) => text))
  return list.map((text) => ['also', text])
}

function gapFacts({ gaps }: WhoAnswer): Fact[] {
  return gaps.map(({ gateway, source, reason, start, end, isLoss }) => [
    isLoss ? 'lost' : 'not seen',
    `${gateway} ${source}, ${periodText(start, end)} (${reason}): ${unseenBy(source)}`,
  ])
}

/** What is recorded, where the time lies outside of it. */
function spanFacts({ question, spans, role }: WhoAnswer): Fact[] {
  const { from, to } = question.moment
  return spans
    .filter(({ oldest, newest }) => role === '' || to < oldest || (from > newest && question.isTimeGiven))
    .map(({ gateway, oldest, newest }) => ['recorded', `polls of ${gateway}: ${periodText(oldest, newest)}`])
}

/** Labels in one column, texts wrapped beside them; a label that repeats is said once. */
function facts(list: readonly Fact[]): string[] {
  let last = ''
  return list.flatMap(([label, text]) => {
    const lines = wrapText(text, WIDTH - LABEL - 2).map(
      (line, i) => `  ${(i === 0 && label !== last ? label : '').padEnd(LABEL)}${line}`,
    )
    last = label
    return lines
  })
}
