#!/usr/bin/env -S node --max-semi-space-size=32
/**
 * The entry. Compiled code is kept beside the code itself, so that it is trusted as much and no more: starting takes a third of the
 * time, and a query is mostly starting. Where that place cannot be written nothing is kept.
 */
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

enableCompileCache(join(import.meta.dirname, '..', 'node_modules', '.cache', 'peertrail'))
const { runCommandLine } = await import('./command-line.ts')
process.exitCode = await runCommandLine(process.argv.slice(2))
