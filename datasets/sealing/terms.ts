import { z } from 'zod';

/** The sandboxes that runs can be signed in. */
export const committedSandboxes = ['bubblewrap', 'docker', 'user'] as const;
export const imageIdPattern = /^sha256:[0-9a-f]{64}$/;
export const commitPattern = /^[0-9a-f]{40}$/;

/** What every entry of a contest is run under. */
export const termsSchema = z.strictObject({
  trainSeconds: z.number().positive(),
  predictSeconds: z.number().positive(),
  cpus: z.int().positive(),
  memoryBytes: z.int().positive(),
  processes: z.int().positive().describe('processes and threads alive at once'),
  sandbox: z.enum(committedSandboxes),
  image: z
    .string()
    .regex(imageIdPattern, 'expected sha256: and 64 hexadecimal digits')
    .nullable()
    .describe('content of the container image, as `docker image inspect` names it; null: any'),
  evaluator: z.strictObject({
    version: z.string().min(1),
    commit: z
      .string()
      .regex(commitPattern, 'expected 40 hexadecimal digits')
      .nullable()
      .describe('null: any of that version'),
  }),
});
export type ContestTerms = z.infer<typeof termsSchema>;

/** The terms that a run was made under, or is about to be; its image and commit may not be known. */
export interface UsedTerms extends Omit<ContestTerms, 'sandbox'> {
  readonly sandbox: string;
}

/** One term beside that of a commitment. */
export interface TermCheck {
  readonly name: string;
  /** The term as it was used. */
  readonly used: string;
  /** How the two differ, as a sentence without its end; null where they agree. */
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

/** Compares the terms of a run with those of a commitment, each that the commitment names. */
export function compareTerms(committed: ContestTerms, used: UsedTerms): TermCheck[] {
  return rows.flatMap(([name, say]) => {
    const expected = say(committed);
    if (expected === null) return [];
    const got = say(used) ?? `no known ${name}`;
    const fault = got === expected ? null : `${got}, and the commitment is to ${expected}`;
    return [{ name, used: got, fault }];
  });
}

/** In one line, for people. */
export function describeTerms(terms: UsedTerms): string {
  return rows.flatMap(([, say]) => say(terms) ?? []).join(', ');
}
