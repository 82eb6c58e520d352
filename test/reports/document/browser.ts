/** A real browser for tests: what it makes of a page. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { findChromium } from '../../../src/commands/report-pdf.ts'

/** Null = there is none on this machine. */
export const CHROMIUM = findChromium(process.env)

/** The document tree after the page was loaded and its scripts, if it had any that may run, were done. Network is open. */
export async function dumpDom(html: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'peertrail-browser-'))
  try {
    const page = join(dir, 'page.html')
    await writeFile(page, html)
    const { stdout } = await promisify(execFile)(
      CHROMIUM ?? '',
      [
        '--headless',
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        '--disable-gpu',
        '--disable-dev-shm-usage',
        `--user-data-dir=${join(dir, 'profile')}`,
        '--no-first-run',
        '--virtual-time-budget=2000',
        '--dump-dom',
        pathToFileURL(page).href,
      ],
      { maxBuffer: 64 * 1024 * 1024, env: { ...process.env, HOME: dir } },
    )
    return stdout
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Hears what a page asks for. */
export async function listen(): Promise<{
  readonly origin: string
  heard(): readonly string[]
  close(): Promise<void>
}> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.end()
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    origin: `http://127.0.0.1:${port}`,
    heard: () => asked,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

export type DomElement = { readonly name: string; readonly attributes: readonly (readonly [string, string])[] }

/** Elements in order. Chromium escapes < and > in attributes when it prints a tree. */
export function elementsOf(dom: string): readonly DomElement[] {
  return [...dom.matchAll(/<([a-z][\w-]*)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*>/gi)].map(
    ([, name = '', attributes = '']) => ({
      name,
      attributes: [...attributes.matchAll(/([\w:-]+)(?:="([^"]*)")?/g)].map(
        ([, key = '', value = '']) => [key, value] as const,
      ),
    }),
  )
}
