import { existsSync, readFileSync } from 'node:fs';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../fixtures.ts';

/** How the next submissions go. */
export type Submitting = 'works' | 'loses-its-answer' | 'is-refused';

/** Programs of Slurm whose answers a test chooses. */
export interface FakeSlurm {
  /** Sets whether the controller answers. */
  isUp(up: boolean): Promise<void>;
  submitting(how: Submitting): Promise<void>;
  /** Sets what `scontrol show job` says about a job: by default that its tasks run; null: the job is not known. */
  says(id: string, line: string | null): Promise<void>;
  /** Names of the jobs that the controller has accepted, in order: the first has id 1. */
  accepted(): string[];
  /** Has sbatch refuse jobs that keep off a node. */
  refusesExclusion(): Promise<void>;
  /** Words of the calls of sbatch. */
  submitted(): string[];
  /** Sets what `sinfo` prints: a line for each node, with its state. */
  nodes(...lines: string[]): Promise<void>;
  /** Has the next call of scontrol that changes a job fail. */
  missesUpdate(): Promise<void>;
  /** Words of the calls of scontrol that changed a job. */
  updated(): string[];
  /** Words of the calls of scancel. */
  cancelled(): string[];
  /** Sets what happens as soon as a node is drained, in words of shell. */
  onDrain(script: string): Promise<void>;
  /** Words of the calls of scontrol that drained a node. */
  drained(): string[];
}

const down = 'error: Unable to contact slurm controller (connect failure)';
const common = (folder: string) => `#!/bin/sh
cd ${folder}
name=$(printf '%s\\n' "$@" | sed -n 's/^--\\(job-\\)\\{0,1\\}name=//p')
[ -e up ] || { echo "${down}" >&2; exit 1; }
`;
const programs: Readonly<Record<string, string>> = {
  sbatch: `how=$(cat how)
echo "$*" >> submitted
case "$*" in *--exclude=*) [ ! -e no-other ] || how=is-refused;; esac
[ "$how" != is-refused ] || { echo 'error: invalid partition specified: lost' >&2; exit 1; }
echo "$name" >> accepted
[ "$how" != loses-its-answer ] || { echo 'error: Socket timed out on send/recv operation' >&2; exit 1; }
wc -l < accepted`,
  squeue: 'grep -n -x -- "$name" accepted 2>/dev/null | cut -d: -f1; exit 0',
  scontrol: `case "$1 $2" in
  'show node') echo "NodeName=$4 $(cat "drained-$4" 2>/dev/null || echo State=IDLE)"; exit;;
  'update JobId='*) if [ -e deaf ]; then rm deaf; exit 1; fi; echo "$*" >> updated; exit;;
  'update NodeName='*)
    echo "$*" >> drained
    echo "State=IDLE+DRAIN $4 [root@2026-11-30T00:00:00]" > "drained-\${2#NodeName=}"
    . ./on-drain; exit;;
esac
[ "$1" = show ] || exit 0
name=$(sed -n "$4p" accepted 2>/dev/null)
if [ -e "job-$4" ]; then cat "job-$4"
elif [ -e "forgotten-$4" ] || [ -z "$name" ]; then
  echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1
else echo "JobId=$4 ArrayJobId=$4 ArrayTaskId=0-9 JobName=$name JobState=RUNNING ExitCode=0:0 NodeList=n1"
fi`,
  sinfo: 'cat nodes',
  scancel: 'echo "$@" >> cancelled',
  sacct: 'exit 1',
};

/** Puts the programs before all others for the tests that follow, with a controller that answers. */
export async function fakeSlurm(): Promise<FakeSlurm> {
  const folder = await temporaryFolder();
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(folder, name), `${common(folder)}${script}\n`);
    await chmod(join(folder, name), 0o755);
  }
  process.env.PATH = `${folder}:${process.env.PATH}`;
  const lines = (file: string) => {
    const path = join(folder, file);
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  };
  const put = (file: string, text: string) => writeFile(join(folder, file), text);
  const drop = (file: string) => rm(join(folder, file), { force: true });
  await put('up', '');
  await put('how', 'works');
  await put('on-drain', '');
  await put('nodes', 'n1 idle');
  return {
    isUp: (up) => (up ? put('up', '') : drop('up')),
    submitting: (how) => put('how', how),
    async says(id, line) {
      if (line !== null) return put(`job-${id}`, `${line}\n`);
      await put(`forgotten-${id}`, '');
      await drop(`job-${id}`);
    },
    accepted: () => lines('accepted'),
    submitted: () => lines('submitted'),
    nodes: (...nodes) => put('nodes', `${nodes.join('\n')}\n`),
    refusesExclusion: () => put('no-other', ''),
    missesUpdate: () => put('deaf', ''),
    updated: () => lines('updated'),
    cancelled: () => lines('cancelled'),
    onDrain: (script) => put('on-drain', script),
    drained: () => lines('drained'),
  };
}
