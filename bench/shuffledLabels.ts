// Measures how much an honest learner's accuracy varies on shuffled labels, and how often the audit would accuse it.
// Two simple learners, many shuffles of one Track: the nearest class mean, which gives similar images the same class,
// and the nearest neighbour, which classifies images independently; the first also on ten well separated clusters. `npm
// run bench:shuffled-labels -- --track DIR`, with `--json` for one line of JSON.
import { Command } from 'commander';
import jStat from 'jstat';
import { max, mean, sampleStandardDeviation } from 'simple-statistics';
import { drawVersions, readContent } from '../datasets/controlTracks.ts';
import { type Random, randomFrom } from '../datasets/random.ts';
import { readTrack } from '../datasets/readTrack.ts';
import { compareWithChance, significance } from '../evaluator/audit/chance.ts';

const { track, shuffles, json } = new Command()
  .name('npm run bench:shuffled-labels --')
  .requiredOption('--track <dir>', 'Track whose labels are shuffled')
  .option('--shuffles <n>', 'times that each learner is trained', Number, 200)
  .option('--json', 'end with one JSON line')
  .parse()
  .opts<{ track: string; shuffles: number; json?: true }>();

/** Images as rows of numbers. */
interface Data {
  /** [images * width] */
  readonly train: Uint8Array;
  readonly test: Uint8Array;
  readonly width: number;
  readonly labels: { readonly train: Uint8Array<ArrayBuffer>; readonly test: Uint8Array<ArrayBuffer> };
  readonly classes: number;
}
/** Predicted classes of the test images, [testSize]. */
type Learner = (trainLabels: Uint8Array) => Uint8Array;

const { images, labels, info } = await readContent(track, await readTrack(track));
const photographs: Data = { ...images, width: 32 * 32 * 3, labels, classes: info.classes.length };
const random = randomFrom(1);
const clustered = clusters(random);

const results = [
  measure('nearest class mean', photographs, nearestMean(photographs)),
  measure('nearest neighbour', photographs, nearestNeighbour(photographs)),
  measure('nearest class mean, clean clusters', clustered, nearestMean(clustered)),
];
if (json) process.stdout.write(`${JSON.stringify({ track: info.name, shuffles, results })}\n`);

function measure(name: string, data: Data, learn: Learner) {
  const { classes, labels: truth } = data;
  const taught = accuracyOf(confusionOf(learn(truth.train), data));
  const accuracies: number[] = [];
  const pValues: { binomial: number[]; audit: number[] } = { binomial: [], audit: [] };
  for (let run = 0; run < shuffles; run++) {
    const { shuffled } = drawVersions(truth, classes, random).versions;
    const confusion = confusionOf(learn(shuffled.train), data);
    const accuracy = accuracyOf(confusion);
    accuracies.push(accuracy);
    pValues.binomial.push(binomialTail(accuracy, truth.test.length, 1 / classes));
    pValues.audit.push(compareWithChance(confusion, run).pValue);
  }
  const below = (level: number) => ({
    binomial: pValues.binomial.filter((p) => p < level).length,
    audit: pValues.audit.filter((p) => p < level).length,
  });
  const result = {
    name,
    taught,
    mean: mean(accuracies),
    standardDeviation: sampleStandardDeviation(accuracies),
    max: max(accuracies),
    below: { [significance]: below(significance), 0.05: below(0.05) },
  };
  const percent = (fraction: number) => (100 * fraction).toFixed(1);
  process.stderr.write(
    `${name}: ${percent(taught)} % with true labels; over ${shuffles} shuffles mean ${percent(result.mean)}, ` +
      `standard deviation ${percent(result.standardDeviation)}, at most ${percent(result.max)} %; ` +
      `${[significance, 0.05].map((level) => `p < ${level}: ${below(level).binomial} by a binomial test, ${below(level).audit} by the audit's`).join('; ')}\n`,
  );
  return result;
}

function nearestMean({ train, test, width, classes }: Data): Learner {
  return (trainLabels) => {
    const means = new Float64Array(classes * width);
    const counts = new Float64Array(classes);
    trainLabels.forEach((label, row) => {
      counts[label]! += 1;
      for (let at = 0; at < width; at++) means[label * width + at]! += train[row * width + at]!;
    });
    for (let at = 0; at < means.length; at++) means[at]! /= counts[Math.floor(at / width)]!;
    return Uint8Array.from({ length: test.length / width }, (_, row) => nearest(test, row, means, width));
  };
}

/** Returns the nearest neighbours, which do not depend on labels and are computed once. */
function nearestNeighbour({ train, test, width }: Data): Learner {
  const neighbours = Array.from({ length: test.length / width }, (_, row) =>
    nearest(test, row, train, width),
  );
  return (trainLabels) => Uint8Array.from(neighbours, (row) => trainLabels[row]!);
}

/** Returns the row of `candidates` nearest to a row of `rows`, by squared distance. */
function nearest(
  rows: Uint8Array,
  row: number,
  candidates: Uint8Array | Float64Array,
  width: number,
): number {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let candidate = 0; candidate * width < candidates.length; candidate++) {
    let distance = 0;
    for (let at = 0; at < width && distance < least; at++) {
      const difference = rows[row * width + at]! - candidates[candidate * width + at]!;
      distance += difference * difference;
    }
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Makes ten classes, each around its own well separated point: 5,000 training rows, 1,000 test rows. */
function clusters(draw: Random): Data {
  const [classes, width] = [10, 8];
  const byte = () => (draw.next() >>> 8) & 0xff;
  const centres = Array.from({ length: classes * width }, byte);
  const rows = (size: number) =>
    Uint8Array.from({ length: size * width }, (_, at) => {
      const label = Math.floor(at / width) % classes;
      return Math.min(255, Math.max(0, centres[label * width + (at % width)]! + (byte() % 21) - 10));
    });
  const labelsOf = (size: number) => Uint8Array.from({ length: size }, (_, row) => row % classes);
  return {
    train: rows(5000),
    test: rows(1000),
    width,
    labels: { train: labelsOf(5000), test: labelsOf(1000) },
    classes,
  };
}

function confusionOf(predicted: Uint8Array, { labels: truth, classes }: Data): number[][] {
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  truth.test.forEach((label, image) => {
    confusion[label]![predicted[image]!]!++;
  });
  return confusion;
}

function accuracyOf(confusion: number[][]): number {
  const total = confusion.flat().reduce((sum, count) => sum + count, 0);
  return confusion.reduce((sum, row, label) => sum + row[label]!, 0) / total;
}

/** Returns P(X >= the number of right answers) of as many guesses. */
function binomialTail(accuracy: number, total: number, chance: number): number {
  const correct = Math.round(accuracy * total);
  return correct === 0 ? 1 : jStat.ibeta(chance, correct, total - correct + 1);
}
