import type { Command } from 'commander';

/**
 * A command as listed by `haet --help`. Its arguments and action are in a file of their own, which is loaded on use.
 */
export interface ListedCommand {
  readonly name: string;
  readonly description: string;
  /** Whether other commands call it, and `haet --help` does not list it. */
  readonly hidden?: true;
  /** Loads the function that adds arguments, options, examples and action to the command. */
  readonly load: () => Promise<(command: Command) => void>;
}

export const commandList: readonly ListedCommand[] = [
  {
    name: 'init',
    description: 'Create a new entry from a template: PyTorch, NumPy, TensorFlow.js or shell.',
    load: async () => (await import('./commands/init.ts')).initCommand,
  },
  {
    name: 'dry-run',
    description:
      'Train an entry against the clock on this machine, score it on held-out images, write a report.',
    load: async () => (await import('./commands/dryRun.ts')).dryRunCommand,
  },
  {
    name: 'study',
    description: 'Compare variants of an entry over samples and seeds, paired, with intervals.',
    load: async () => (await import('./commands/study.ts')).studyCommand,
  },
  {
    name: 'pack',
    description: 'Make the archive of an entry and check it as an organizer would.',
    load: async () => (await import('./commands/pack.ts')).packCommand,
  },
  {
    name: 'check',
    description: 'Check an entry, a folder or an archive, as an organizer would.',
    load: async () => (await import('./commands/check.ts')).checkCommand,
  },
  {
    name: 'grade',
    description: 'Run every archive of a folder and write a leaderboard.',
    load: async () => (await import('./commands/grade.ts')).gradeCommand,
  },
  {
    name: 'rejudge',
    description: 'Make results of a grading again, compare, and replace all of them at once or none.',
    load: async () => (await import('./commands/rejudge.ts')).rejudgeCommand,
  },
  {
    name: 'export',
    description: 'Write all records of a grading as one file that anyone can verify offline.',
    load: async () => (await import('./commands/export.ts')).exportCommand,
  },
  {
    name: 'official',
    description:
      'Run an entry on a sealed Track, to be scored later by `haet score`; without the images key, do a dry run. The default command of the image.',
    load: async () => (await import('./commands/official.ts')).officialCommand,
  },
  {
    name: 'score',
    description: 'Open the labels of a sealed Track, score finished runs on it and sign their records.',
    load: async () => (await import('./commands/score.ts')).scoreCommand,
  },
  {
    name: 'audit',
    description:
      'Train an entry three times, twice on control labels, to detect knowledge that it did not learn from its training set.',
    load: async () => (await import('./commands/audit.ts')).auditCommand,
  },
  {
    name: 'data',
    description: 'Make a Track (training images and held-out images) from a data set, or show one.',
    load: async () => (await import('./commands/data/data.ts')).dataCommand,
  },
  {
    name: 'seal',
    description: 'Encrypt the withheld half of a Track to public keys, in the age format.',
    load: async () => (await import('./commands/seal/seal.ts')).sealCommand,
  },
  {
    name: 'setup',
    description: 'Fetch and compile TensorFlow for the reference submission; other entries do not need it.',
    load: async () => (await import('./commands/setup.ts')).setupCommand,
  },
  {
    name: 'check-machine',
    description: 'Report what this machine offers for training, and what would make its timings unreliable.',
    load: async () => (await import('./commands/checkMachine.ts')).checkMachineCommand,
  },
  {
    name: 'verify',
    description:
      'Check signed records, one, all of a contest, or a bundle, offline, and report what does not hold.',
    load: async () => (await import('./commands/verify.ts')).verifyCommand,
  },
  {
    name: 'self-test',
    description:
      'Run the hostile-entry corpus in the sandboxes of this machine, and check that each attack is stopped and gets the right verdict.',
    load: async () => (await import('./commands/selfTest.ts')).selfTestCommand,
  },
  {
    name: 'node-task',
    description: 'Run one attempt on a node of a cluster; `--executor slurm` of other commands calls it.',
    hidden: true,
    load: async () => (await import('./commands/nodeTask.ts')).nodeTaskCommand,
  },
];
