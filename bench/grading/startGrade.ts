import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Standing } from '../../evaluator/grade/standing.ts';
import { projectFolder } from '../../evaluator/machine/version.ts';
import type { Stubs } from './stubs.ts';

/** A call of `haet grade`. */
export interface Grade {
  readonly child: ChildProcess;
  readonly ended: Promise<{
    /** Exit status; null if it was killed. */
    readonly code: number | null;
    /** The leaderboard; null if there is none. */
    readonly standing: Standing | null;
    readonly stderr: string;
  }>;
}

/** Options under which the machine's other work does not decide. */
const common = ['--json', '--wait-for-quiet', '0', '--most-disturbance', '100'];

/**
 * Starts `haet grade` on stubs, with a budget that they do not use up.
 * @param words further options, which win
 */
export function startGrade(
  { archives, trackDir }: Stubs,
  out: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Grade {
  return startGradeOf(archives, trackDir, out, ['--trusted', '--budget', '60', ...words], env);
}

/** Starts `haet grade` on a folder of archives. */
export function startGradeOf(
  archives: string,
  trackDir: string,
  out: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Grade {
  const given = [archives, '--track', trackDir, '--out', out, ...common, ...words];
  const child = spawn(process.execPath, [join(projectFolder, 'cli/bin.mjs'), 'grade', ...given], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Awaited<Grade['ended']>>((done) => {
    child.once('close', (code) => {
      const last = stdout.trim().split('\n').at(-1) ?? '';
      done({ code, standing: last.startsWith('{') ? JSON.parse(last) : null, stderr });
    });
  });
  return { child, ended };
}
