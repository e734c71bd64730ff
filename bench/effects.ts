import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { parse } from 'csv-parse/sync';
import { spreadOf } from '../evaluator/score/statistics.ts';

/**
 * Prints the effect of a change that a study makes in several settings: the mean of the paired differences of all pairs
 * of arms that differ in that change alone.
 */
const program = new Command()
  .name('npm run bench:effects --')
  .description('Average the paired differences of several pairs of arms.')
  .argument('<files...>', 'runs.csv of one study, or of parts of it')
  .requiredOption('--pairs <arms...>', 'pairs of arms as WITH=WITHOUT: "celu alone=none"')
  .parse();
const { pairs } = program.opts<{ pairs: string[] }>();

interface Run {
  readonly arm: string;
  readonly sample: string;
  readonly seed: string;
  readonly accuracy: string;
}
const accuracies = new Map<string, Map<string, number>>();
for (const file of program.args) {
  for (const { arm, sample, seed, accuracy } of parse<Run>(await readFile(file), { columns: true })) {
    const ofArm = accuracies.get(arm) ?? new Map<string, number>();
    if (accuracy !== '') ofArm.set(`${sample} ${seed}`, 100 * Number(accuracy));
    accuracies.set(arm, ofArm);
  }
}

const differences = pairs.flatMap((pair) => {
  const names = pair.split('=');
  if (names.length !== 2) program.error(`error: --pairs: "${pair}" is not WITH=WITHOUT`);
  const [arm, other] = names.map(runsOf) as [Map<string, number>, Map<string, number>];
  const ofPair = [...arm].flatMap(([cell, one]) => (other.has(cell) ? [one - other.get(cell)!] : []));
  process.stderr.write(`${pair}: ${ofPair.map((each) => each.toFixed(2)).join(', ')}\n`);
  return ofPair;
});
const { n, mean, standardDeviation, mean95 } = spreadOf(differences);
const standardError = standardDeviation === null ? null : standardDeviation / Math.sqrt(n);
process.stdout.write(`${JSON.stringify({ n, mean, standardError, mean95 })}\n`);

/** Returns accuracies in percent by sample and seed. */
function runsOf(arm: string): Map<string, number> {
  const found = accuracies.get(arm);
  if (found !== undefined) return found;
  return program.error(
    `error: --pairs: no arm is named "${arm}". Arms: ${[...accuracies.keys()].join(', ')}.`,
  );
}
