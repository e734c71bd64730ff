import { z } from 'zod';

/** What a sandbox holds every stage to, as data; `contains` says the same for people. */
export const holdsSchema = z.strictObject({
  memory: z.boolean().describe('memory, without swap'),
  processes: z.boolean().describe('processes and threads alive at once'),
  cpus: z.boolean().describe('CPU time per second'),
  output: z
    .boolean()
    .describe('size and files of the output folder, by its file system; false: looked at now and then'),
  network: z.boolean().describe('there is no network to reach'),
  files: z.boolean().describe('only the places of the contract are seen'),
});
export type Holds = z.infer<typeof holdsSchema>;

export const nothingHeld: Holds = {
  memory: false,
  processes: false,
  cpus: false,
  output: false,
  network: false,
  files: false,
};

/** What must be held in a run that is signed: the limits that its record states, and the network. */
const neededToSign = {
  memory: 'memory',
  processes: 'the number of processes',
  cpus: 'CPU time',
  network: 'the network',
} as const satisfies Partial<Record<keyof Holds, string>>;

/** What a sandbox does not hold and a signed run needs, in words; empty where all is held. */
export function unheld(holds: Holds): string[] {
  return Object.entries(neededToSign)
    .filter(([name]) => !holds[name as keyof typeof neededToSign])
    .map(([, words]) => words);
}
