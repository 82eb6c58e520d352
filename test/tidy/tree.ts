/** The files of the project as the rules of test/tidy.test.ts look at them: text, code alone, and what they import. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path/posix'
import { maskCode } from './code-mask.ts'

export type CodeFile = {
  readonly path: string
  readonly text: string
  readonly code: string
  readonly imports: readonly Import[]
}

/** `path` from the project's root; `isType`: erased before it runs. */
export type Import = { readonly path: string; readonly isType: boolean; readonly line: number }

const ROOT = new URL('../../', import.meta.url)

/** TypeScript files below a folder of the project, fixtures left out. */
export function codeFiles(folder: string): CodeFile[] {
  return filesBelow(folder)
    .filter((path) => path.endsWith('.ts') && !path.startsWith('test/fixtures/'))
    .map((path) => {
      const text = readText(path)
      return { path, text, code: maskCode(text), imports: importsOf(path, text) }
    })
}

/** Paths of all files below a folder, sorted; none when it is not there. */
export function filesBelow(folder: string): string[] {
  try {
    return readdirSync(new URL(`${folder}/`, ROOT), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath.slice(ROOT.pathname.length), entry.name))
      .sort()
  } catch {
    return []
  }
}

export function readText(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8')
}

function importsOf(path: string, text: string): Import[] {
  const found: Import[] = []
  for (const match of text.matchAll(
    /^(?:import|export(?=\s+(?:type\s+)?[*{]))\s+(type\s+)?([^'"]*?)\s*(?:from\s+)?'(\.[^']+)'/gm,
  )) {
    const names = (match[2] ?? '').replace(/^[^{]*\{|\}[^}]*$/g, '').split(',')
    const isEachType =
      (match[2] ?? '').startsWith('{') && names.every((name) => name.trim() === '' || name.trim().startsWith('type '))
    found.push({
      path: normalize(join(dirname(path), match[3] ?? '')),
      isType: match[1] !== undefined || isEachType,
      line: text.slice(0, match.index).split('\n').length,
    })
  }
  return found
}
