import { describe, expect, test } from 'vitest'
import { absolutePath, baseDirectory, fileTypeOf, objectPath } from '../../../src/correlate/hosts/audit-paths.ts'
import { madeCall, madePath } from './made-audit.ts'

describe('absolute paths', () => {
  test.each([
    ['/etc/shadow', '/root', '/etc/shadow'],
    ['shadow', '/etc', '/etc/shadow'],
    ['../etc/./shadow', '/root', '/etc/shadow'],
    ['/etc//ssh/../shadow', '', '/etc/shadow'],
    ['/etc/ssh/', '', '/etc/ssh'],
    ['/../..', '', '/'],
    ['.', '/', '/'],
    ['.bashrc', '/root', '/root/.bashrc'],
    ['/root/..bashrc', '', '/root/..bashrc'],
    ['...', '/root', '/root/...'],
    ['shadow', '', 'shadow'],
    ['', '/root', ''],
  ])('%s in %s is %s', (name, base, path) => {
    expect(absolutePath(name, base)).toBe(path)
  })

  test.each([
    ['openat', { a0: 'ffffff9c' }, '/root'],
    ['openat', { a0: 'ffffffffffffff9c' }, '/root'],
    ['openat', { a0: '3' }, ''],
    ['open', { a0: '3' }, '/root'],
    ['renameat2', { a0: 'ffffff9c', a2: '5' }, ''],
    ['renameat2', { a0: 'ffffff9c', a2: 'ffffff9c' }, '/root'],
    ['symlinkat', { a0: '7ffd', a1: 'ffffff9c' }, '/root'],
  ])('%s with %o starts in %j', (name, changes, base) => {
    expect(baseDirectory(madeCall(name, { cwd: '/root', ...changes }))).toBe(base)
  })
})

describe('the object among the paths', () => {
  test.each([
    ['open', [madePath('/etc/shadow', 'NORMAL')], '/etc/shadow'],
    ['create', [madePath('/tmp', 'PARENT'), madePath('/tmp/x', 'CREATE')], '/tmp/x'],
    ['unlink', [madePath('/tmp', 'PARENT'), madePath('/tmp/x', 'DELETE')], '/tmp/x'],
    [
      'rename',
      [madePath('a', 'PARENT'), madePath('b', 'PARENT'), madePath('a/x', 'DELETE'), madePath('b/x', 'CREATE')],
      'b/x',
    ],
    ['link', [madePath('old', 'NORMAL'), madePath('.', 'PARENT'), madePath('new', 'CREATE')], 'new'],
    ['refused', [madePath('/root', 'PARENT')], undefined],
  ])('of %s is %s', (_, paths, name) => {
    expect(objectPath(paths)?.name).toBe(name)
  })
})

test('the mode says what kind of file it is', () => {
  const kinds = ['0100644', '040755', '0120777', '020620', '060660', '010644', '0140777', '', '0644']
  expect(kinds.map(fileTypeOf)).toEqual([
    'file',
    'directory',
    'symlink',
    'character-device',
    'block-device',
    'named-pipe',
    'socket',
    '',
    '',
  ])
})
