import { type Command, Option } from 'commander';
import { type ArchiveLimits, archiveLimitsSchema } from '../../evaluator/intake/limits.ts';
import { byteCount } from './numberOption.ts';

/** Limits of intake, from the command line. */
export interface IntakeOptions {
  readonly maxArchiveBytes: number;
  readonly maxUnpackedBytes: number;
  readonly maxFiles: number;
}

const usual = archiveLimitsSchema.parse({});

/** Adds the limits of intake to a command that takes archives. */
export function addIntakeOptions(command: Command): void {
  const { archiveBytes, unpackedBytes, members } = archiveLimitsSchema.shape;
  const options = [
    ['--max-archive-bytes <n>', archiveBytes.description, usual.archiveBytes],
    ['--max-unpacked-bytes <n>', unpackedBytes.description, usual.unpackedBytes],
    ['--max-files <n>', members.description, usual.members],
  ] as const;
  for (const [flags, description, value] of options) {
    command.addOption(
      new Option(flags, `intake: maximum ${description}`).argParser(byteCount).default(value),
    );
  }
}

export function intakeLimits({ maxArchiveBytes, maxUnpackedBytes, maxFiles }: IntakeOptions): ArchiveLimits {
  return { ...usual, archiveBytes: maxArchiveBytes, unpackedBytes: maxUnpackedBytes, members: maxFiles };
}
