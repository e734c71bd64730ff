import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { UserError } from '../datasets/userError.ts';
import { referenceSubmission, runtimeIsReady, runtimePlaces } from '../evaluator/machine/runtime.ts';
import { projectFolder } from '../evaluator/machine/version.ts';
import { whyReferenceCannotRun } from '../evaluator/machine/whyReferenceCannotRun.ts';
import type { SandboxKind } from '../evaluator/sandbox/sandbox.ts';

/** Runs set-up, which reports on standard error, and returns its exit status. @param words options that choose steps */
export async function setUp(...words: string[]): Promise<number> {
  const { exitCode } = await execa(process.execPath, [join(projectFolder, 'scripts/setup.mjs'), ...words], {
    stdio: ['ignore', 'ignore', 'inherit'],
    reject: false,
  });
  return exitCode ?? 1;
}

/**
 * Returns the folder to run for an entry: for the reference submission where it finds its packages, which are set up
 * first if they are not there; for any other entry its own.
 * @param sandbox `docker` runs entries in an image that has a runtime of its own
 * @throws UserError if set-up fails, which has then said why
 */
export async function readyEntry(entry: string, sandbox: SandboxKind): Promise<string> {
  if (sandbox === 'docker' || !isReference(entry)) return entry;
  const places = runtimePlaces();
  const obstacle = whyReferenceCannotRun(places.submission);
  if (obstacle?.isDenied) throw obstacle.error;
  if ((obstacle !== null || !runtimeIsReady(places)) && (await setUp('--runtime')) !== 0) {
    throw new UserError({
      reason: 'the reference submission needs TensorFlow, which could not be set up',
      remedy:
        'Do what set-up says above, and run `haet setup`. Other entries do not need it: give one with --entry.',
    });
  }
  return places.submission;
}

function isReference(entry: string): boolean {
  try {
    return realpathSync(entry) === realpathSync(referenceSubmission);
  } catch {
    return false;
  }
}
