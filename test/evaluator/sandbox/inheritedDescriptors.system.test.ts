import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@jest/globals';

/** Returns the targets of descriptors 41 to 43 in a child of a process that was started with 41 and 43 open. */
function descriptorsOfChild(stdio: string): string[] {
  const module = pathToFileURL(resolve('dist/evaluator/sandbox/inheritedDescriptors.js')).href;
  const script = `
    import { spawnSync } from 'node:child_process';
    import { shutInherited } from '${module}';
    const look = 'for fd in 41 42 43; do readlink /proc/$$/fd/$fd || echo none; done';
    process.stdout.write(spawnSync('sh', ['-c', look], { stdio: ${stdio} }).stdout);`;
  const file = openSync('/etc/passwd', 'r');
  try {
    const ignored = Array<'ignore'>(38).fill('ignore');
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'pipe', ...ignored, file, 'ignore', file],
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    return stdout.trim().split('\n');
  } finally {
    closeSync(file);
  }
}

test('a child inherits open descriptors unless they are closed', () => {
  const given = "['ignore', 'pipe', 'ignore']";
  expect(descriptorsOfChild(given)).toEqual(['/etc/passwd', 'none', '/etc/passwd']);
  expect(descriptorsOfChild(`shutInherited(${given})`)).toEqual(['/dev/null', 'none', '/dev/null']);
});

test('a descriptor that is passed to the child by number is unchanged', () => {
  const given = "['ignore', 'pipe', 'ignore', ...Array(40).fill('ignore'), 43]";
  expect(descriptorsOfChild(`shutInherited(${given})`)).toEqual(['/dev/null', 'none', '/etc/passwd']);
});
