/** The rules of the house, checked on the tree itself: style.md "Enforced by", design 3. Each complaint names file and line. */
import { describe, expect, test } from 'vitest'
import { ERROR_EXITS } from '../src/errors.ts'
import { functionsOf, lineOf } from './tidy/functions.ts'
import { againstLayers, importCycles } from './tidy/layers.ts'
import { type CodeFile, codeFiles, filesBelow, readText } from './tidy/tree.ts'

const FILE_LINES_MAX = 400
const FUNCTION_LINES_MAX = 70

const src = codeFiles('src')
const tests = codeFiles('test')
const all = [...src, ...tests, ...codeFiles('scripts'), ...codeFiles('bench')]
const docs = ['README.md', 'CHANGELOG.md', ...filesBelow('docs').filter((path) => path.endsWith('.md'))]

/** `file:line: what` for every match in what `of` gives of a file. */
function matches(
  files: readonly CodeFile[],
  pattern: RegExp,
  of: (file: CodeFile) => string = (file) => file.code,
): string[] {
  return files.flatMap((file) =>
    [...of(file).matchAll(new RegExp(pattern, `${pattern.flags.replace('g', '')}g`))].map(
      (match) => `${file.path}:${lineOf(of(file), match.index)}: ${match[0].trim()}`,
    ),
  )
}

describe('size', () => {
  test(`files have at most ${FILE_LINES_MAX} lines`, () => {
    const long = all
      .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
      .filter(({ lines }) => lines > FILE_LINES_MAX)
    expect(long).toEqual([])
  })

  test(`functions have at most ${FUNCTION_LINES_MAX} lines, without the functions inside them`, () => {
    const long = all.flatMap(({ path, code }) =>
      functionsOf(code)
        .filter(({ name, lines }) => lines > FUNCTION_LINES_MAX && name !== 'describe')
        .map(({ name, line, lines }) => `${path}:${line}: ${name} has ${lines} lines`),
    )
    expect(long).toEqual([])
  })
})

describe('names', () => {
  const names = ['src', 'test', 'scripts', 'bench'].flatMap((folder) =>
    all.filter(({ path }) => path.startsWith(`${folder}/`)).map(({ path }) => path),
  )

  test('are kebab-case', () => {
    expect(
      names.filter((path) => !path.split('/').every((step) => /^[a-z\d]+(-[a-z\d]+)*(\.test)?(\.ts)?$/.test(step))),
    ).toEqual([])
  })

  test('say what is inside: no index, utils, helpers, common, misc, types', () => {
    expect(
      names.filter((path) =>
        /(?:^|[/-])(?:utils?|helpers?|common|misc|types)(?:\/|\.ts$|\.test\.ts$)|\/index\.ts$/.test(path),
      ),
    ).toEqual([])
  })
})

describe('imports', () => {
  test('go one way', () => {
    expect(againstLayers(src)).toEqual([])
  })

  test('make no circles', () => {
    expect(importCycles([...src, ...tests])).toEqual([])
  })

  test('are relative with .ts, without default exports and barrels', () => {
    expect(matches(all, /^export default\b/m)).toEqual([])
    expect(matches(src, /^export (?:\*|\{[^}]*\} from|type \{[^}]*\} from)/m)).toEqual([])
    expect(
      all.flatMap(({ path, imports }) =>
        imports.filter((each) => !/\.(?:ts|json)$/.test(each.path)).map((each) => `${path}:${each.line}`),
      ),
    ).toEqual([])
  })
})

describe('code', () => {
  test('takes time, chance and environment from outside', () => {
    const mayAsk =
      /^src\/(?:main\.ts|command-line\.ts|config\.ts|commands\/.*|live\/.*|sinks\/command\.ts|sinks\/notices\/notice-sink\.ts|sinks\/elasticsearch\.ts|sinks\/elasticsearch\/delivery-run\.ts|kafka\/(?:kafkajs|platformatic)\/.*|sources\/follow-[^/]*\.ts)$/
    const core = src.filter(({ path }) => !mayAsk.test(path))
    const banned =
      /\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|\bset(?:Timeout|Interval|Immediate)\b|\bprocess\.(?:env|hrtime|uptime)\b|\bperformance\.now\b|\brandom(?:UUID|Bytes|Int)\b/
    expect(matches(core, banned)).toEqual([])
  })

  test('has no any, no enum, no namespace, and classes only for errors', () => {
    const excused = ({ code, text }: CodeFile) =>
      code
        .split('\n')
        .map((line, i, lines) =>
          /noExplicitAny: \w/.test(text.split('\n')[i - 1] ?? '') ? ' '.repeat(line.length) : (lines[i] ?? ''),
        )
        .join('\n')
    expect(matches(all, /[:<,|&(=]\s*any\b(?!\s*[(:])|\bas any\b/, excused)).toEqual([])
    expect(matches(all, /^\s*(?:export )?(?:const )?enum \w|^\s*(?:export )?(?:declare )?namespace \w/m)).toEqual([])
    // FirewallEvent, AuditDocument: one a line or an event; an object with a getter of its own would cost a closure each.
    expect(
      matches(
        src,
        /\bclass (?!\w+ extends Error\b|(?:FirewallEvent|AuditDocument)\b|FollowedTail\b|PlainTransport\b)\w+/,
      ),
    ).toEqual([])
  })

  test('says at every cast who guarantees it', () => {
    const bare = src.flatMap(({ path, text, code }) =>
      [...code.matchAll(/\bas (?!const\b)[\w{[(]/g)]
        .filter(({ index }) => !/^\s*(?:import|export)\b/.test(lineAt(code, index)) && !isInImport(code, index))
        .filter(({ index }) => !hasCommentNear(text, code, index))
        .map(({ index }) => `${path}:${lineOf(text, index)}: ${lineAt(text, index).trim()}`),
    )
    expect(bare).toEqual([])
  })

  test('keeps no state in modules', () => {
    expect(matches(src, /^(?:export )?let \w+/m)).toEqual([])
  })

  test('has no note of work to be done without a number', () => {
    expect(matches(all, /\b(?:TO(?:DO)|FIX(?:ME)|XX(?:X))\b(?![^\n]*\d).*/, ({ text }) => text)).toEqual([])
  })

  test('names no path of one machine', () => {
    const paths = /(?<![\w.])\/(?:work|root|home|Users)\/[\w-]+/
    expect(matches(all, paths, ({ text }) => text)).toEqual([])
    expect(docs.filter((path) => paths.test(readText(path)))).toEqual([])
  })
})

describe('comments', () => {
  test('open every source file', () => {
    expect(src.filter(({ text }) => !/^(?:#!.*\n)?\/\*\*/.test(text)).map(({ path }) => path)).toEqual([])
  })

  test('stand above every exported function and class', () => {
    const bare = src.flatMap(({ path, text }) => {
      const lines = text.split('\n')
      return lines.flatMap((line, i) => {
        const name = /^export (?:async )?(?:function|class) (\w+)/.exec(line)?.[1]
        if (name === undefined || /(?:\*\/|^\/\/.*)$/.test(lines[i - 1]?.trim() ?? '')) return []
        return isSaidByHeader(lines, i) ? [] : [`${path}:${i + 1}: ${name}`]
      })
    })
    expect(bare).toEqual([])
  })
})

describe('tests', () => {
  test('run all, and mock nothing', () => {
    expect(matches(tests, /\b(?:test|it|describe)\.(?:skip|only|todo|fails|skipIf|runIf)\b/)).toEqual([])
    expect(matches(tests, /\bvi\.\w+|\bimportActual\b/)).toEqual([])
    // The lab, the faults and the services are programs that watch real machines and processes, with deadlines.
    const programs = /^test\/(?:lab|faults|services)\//
    const waiting = tests.filter(({ path }) => !programs.test(path))
    expect(matches(waiting, /\bsetTimeout\b|\bsetInterval\b/)).toEqual([])
  })

  test('every source has fixtures, every detection a scenario that fires and one that stays quiet', () => {
    const sources = new Set(
      src.map(({ path }) => /^src\/sources\/([^/]+)\/./.exec(path)?.[1] ?? '').filter((name) => name !== ''),
    )
    const fixtures = filesBelow('test/fixtures')
    expect(
      [...sources].filter(
        (name) =>
          !fixtures.some(
            (path) => path.startsWith(`test/fixtures/${name}/`) || path.startsWith(`test/fixtures/${name}-`),
          ),
      ),
    ).toEqual([])
    const scenarios = filesBelow('test/scenarios')
    // What runs them has a folder of its own beside them.
    const detections = filesBelow('src/detections')
      .filter((path) => path.split('/').length === 3)
      .map((path) => path.replace(/^.*\/|\.ts$/g, ''))
    for (const kind of ['fires', 'quiet']) {
      expect(
        detections.filter((name) => !scenarios.some((path) => path.startsWith(`test/scenarios/${name}/${kind}-`))),
      ).toEqual([])
    }
  })

  test('every fixture says where it came from', () => {
    const cases = new Set(filesBelow('test/fixtures').map((path) => path.split('/').slice(0, 4).join('/')))
    const files = new Set(filesBelow('test/fixtures'))
    const sources = /^test\/fixtures\/(?:conntrack|nftables|wireguard)/
    expect([...cases].filter((path) => sources.test(path) && !files.has(`${path}/NOTE.md`))).toEqual([])
  })
})

describe('docs', () => {
  const operations = readText('docs/operations.md')
  /** First cells of the tables below a heading, up to the next heading of the same or a higher level. */
  const tableOf = (heading: string) => {
    const start = operations.indexOf(`\n${heading}\n`)
    expect(start, heading).toBeGreaterThan(0)
    const level = heading.indexOf(' ')
    const rest = operations.slice(start + heading.length + 2)
    const end = rest.search(new RegExp(`^#{1,${level}} `, 'm'))
    return [...rest.slice(0, end < 0 ? undefined : end).matchAll(/^\| `([\w-]+)` \|/gm)].map((match) => match[1] ?? '')
  }

  test('docs/operations.md has every error code, and no other', () => {
    expect(tableOf('## Exit codes and errors').sort()).toEqual(Object.keys(ERROR_EXITS).sort())
  })

  test('docs/operations.md or docs/ARCHITECTURE.md has every reason that the code gives', () => {
    const text = operations + readText('docs/ARCHITECTURE.md')
    const given = src.flatMap((file) =>
      [...file.text.matchAll(/\breason: '([a-z][\w-]*)'/gi)].map((match) => ({
        reason: match[1] ?? '',
        path: file.path,
      })),
    )
    expect(given.length).toBeGreaterThan(20)
    expect(given.filter(({ reason }) => !text.includes(`\`${reason}\``))).toEqual([])
  })

  test('docs/operations.md has no reason that the code does not know', () => {
    const everything = src.map(({ text }) => text).join('\n')
    const documented = ['## Coverage reasons', '## Attribution reasons', '## Reasons of sessions and flows'].flatMap(
      tableOf,
    )
    expect(documented.length).toBeGreaterThan(40)
    expect(
      documented.filter((reason) => !everything.includes(`'${reason}'`) && !everything.includes(`'?${reason}'`)),
    ).toEqual([])
  })

  test('links lead somewhere', () => {
    const broken = docs.flatMap((path) =>
      [...readText(path).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].flatMap((match) => {
        const folder = path.split('/').slice(0, -1)
        const target =
          match[1] === ''
            ? path
            : new URL(match[1] ?? '', `file:///${folder.map((step) => `${step}/`).join('')}`).pathname.slice(1)
        if (!exists(target)) return [`${path}: ${match[1]}`]
        const anchor = match[2]
        return anchor === undefined || anchorsOf(target).includes(anchor) ? [] : [`${path}: #${anchor}`]
      }),
    )
    expect(broken).toEqual([])
  })
})

function exists(path: string): boolean {
  const folder = path.replace(/\/?[^/]*\/?$/, '')
  return path.endsWith('/')
    ? filesBelow(path.slice(0, -1)).length > 0
    : filesBelow(folder === '' ? '.' : folder).includes(path)
}

function anchorsOf(path: string): string[] {
  return [...readText(path).matchAll(/^#+ (.*)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}

function lineAt(text: string, at: number): string {
  const end = text.indexOf('\n', at)
  return text.slice(text.lastIndexOf('\n', at) + 1, end < 0 ? undefined : end)
}

function isInImport(code: string, at: number): boolean {
  const start = code.lastIndexOf('\nimport ', at)
  return (
    start >= 0 && !code.slice(start, at).includes('}') && /^\nimport (?:type )?\{/.test(code.slice(start, start + 20))
  )
}

/** A comment on the same line, or in the four lines above: a cast may end a statement of several lines. */
function hasCommentNear(text: string, code: string, at: number): boolean {
  const line = lineOf(text, at)
  const [raw, masked] = [text, code].map((each) => each.split('\n').slice(Math.max(0, line - 5), line))
  return (
    raw?.some((each, i) => each.trim() !== masked?.[i]?.trim() && /\/\/|\*\/|^\s*(?:\/\*\*|\*)/.test(each)) === true
  )
}

/** The only exported function of a file may be what the comment at its top is about. */
function isSaidByHeader(lines: readonly string[], at: number): boolean {
  return (
    lines.filter((line) => /^export (?:async )?function /.test(line)).length === 1 &&
    lines.slice(0, at).every((line) => !line.startsWith('export function'))
  )
}
