import { z } from 'zod';

/** Sandboxes in which runs can be signed. */
export const committedSandboxes = ['bubblewrap', 'docker', 'user'] as const;
export const imageIdPattern = /^sha256:[0-9a-f]{64}$/;
export const commitPattern = /^[0-9a-f]{40}$/;

/** Terms for every entry of a contest. */
export const termsSchema = z.strictObject({
  trainSeconds: z.number().positive(),
  predictSeconds: z.number().positive(),
  cpus: z.int().positive(),
  memoryBytes: z.int().positive(),
  processes: z.int().positive().describe('maximum number of processes and threads'),
  sandbox: z.enum(committedSandboxes),
  image: z
    .string()
    .regex(imageIdPattern, 'expected sha256: and 64 hexadecimal digits')
    .nullable()
    .describe('content hash of the container image, from `docker image inspect`; null: any'),
  evaluator: z.strictObject({
    version: z.string().min(1),
    commit: z
      .string()
      .regex(commitPattern, 'expected 40 hexadecimal digits')
      .nullable()
      .describe('null: any commit of that version'),
  }),
});
export type ContestTerms = z.infer<typeof termsSchema>;

/** Terms of a run; image and commit may be unknown. */
export interface UsedTerms extends Omit<ContestTerms, 'sandbox'> {
  readonly sandbox: string;
}

/** One term of a run, compared with the commitment. */
export interface TermCheck {
  readonly name: string;
  /** The term as it was used. */
  readonly used: string;
  /** How they differ, without a final period; null if they agree. */
  readonly fault: string | null;
}

type Say = (terms: UsedTerms) => string | null;
const rows: readonly [name: string, say: Say][] = [
  ['train limit', ({ trainSeconds }) => `${trainSeconds} s to train`],
  ['predict limit', ({ predictSeconds }) => `${predictSeconds} s to predict`],
  ['cpus', ({ cpus }) => `${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'}`],
  ['memory', ({ memoryBytes }) => `${memoryBytes} bytes of memory`],
  ['processes', ({ processes }) => `${processes} processes`],
  ['sandbox', ({ sandbox }) => `the sandbox ${sandbox}`],
  ['image', ({ image }) => image && `the image ${image}`],
  ['evaluator', ({ evaluator }) => `haet ${evaluator.version}`],
  ['evaluator commit', ({ evaluator }) => evaluator.commit && `the evaluator's commit ${evaluator.commit}`],
];

/** Compares the terms of a run with those that a commitment names. */
export function compareTerms(committed: ContestTerms, used: UsedTerms): TermCheck[] {
  return rows.flatMap(([name, say]) => {
    const expected = say(committed);
    if (expected === null) return [];
    const got = say(used) ?? `no known ${name}`;
    const fault = got === expected ? null : `${got}, but the commitment says ${expected}`;
    return [{ name, used: got, fault }];
  });
}

/** Formats the terms in one line. */
export function describeTerms(terms: UsedTerms): string {
  return rows.flatMap(([, say]) => say(terms) ?? []).join(', ');
}
