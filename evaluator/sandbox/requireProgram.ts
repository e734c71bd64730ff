import { accessSync, constants, statSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { quoteUntrusted } from '../../datasets/quoteUntrusted.ts';
import { ProgramNotFound, type StageSpec } from './sandbox.ts';

/**
 * A wrapped start would report a missing program only as an exit status, which an entry can forge.
 * @param spec places as this machine sees them
 * @throws ProgramNotFound
 */
export function requireProgram(spec: Pick<StageSpec, 'argv' | 'cwd' | 'environment'>): void {
  const program = spec.argv[0];
  const candidates = program.includes('/')
    ? [isAbsolute(program) ? program : resolve(spec.cwd, program)]
    : (spec.environment.PATH ?? '').split(':').map((folder) => join(folder, program));
  if (!candidates.some(isProgram)) throw programNotFound(spec);
}

export function programNotFound({
  argv,
  environment,
}: Pick<StageSpec, 'argv' | 'environment'>): ProgramNotFound {
  const program = argv[0];
  return new ProgramNotFound(
    program.includes('/')
      ? `no executable file ${quoteUntrusted(program)} in the entry`
      : `no program ${quoteUntrusted(program)} on PATH (${environment.PATH})`,
  );
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
