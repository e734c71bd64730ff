import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatNpy } from '../../datasets/npy.ts';
import { packEntry } from '../../evaluator/intake/packEntry.ts';
import { makeTinyTrack } from '../../evaluator/selfTest/tinyTrack.ts';

/** A small Track and archives of stub entries. */
export interface Stubs {
  readonly archives: string;
  readonly trackDir: string;
  /** Seconds that each stage sleeps, as in its command line; other programs are unlikely to sleep as long. */
  readonly mark: string;
  /** File to which every train stage adds a line, NAME-SEED. */
  readonly ledger: string;
}

const testSize = 100;

/**
 * Makes a Track and entries of two shell scripts, whose models and predictions differ.
 * @param folder in which they are made
 * @param stageSeconds that each stage takes, with one decimal
 * @param first lines of shell before each train stage
 */
export async function makeStubs(
  folder: string,
  count: number,
  stageSeconds: number,
  first = ':',
): Promise<Stubs> {
  const mark = `${stageSeconds.toFixed(1)}${process.pid}`;
  const ledger = join(folder, 'ledger');
  const archives = join(folder, 'archives');
  await mkdir(archives);
  const { dir } = await makeTinyTrack(folder, testSize);
  for (let number = 1; number <= count; number++) {
    const name = `stub-${String(number).padStart(5, '0')}`;
    const entry = await mkdtemp(join(folder, 'entry-'));
    await chmod(entry, 0o755);
    const put = (file: string, content: string | Uint8Array) => writeFile(join(entry, file), content);
    const note = `echo "${name}-$HAET_SEED" >> '${ledger}'`;
    const wait = `sleep ${mark}`;
    await put('train.sh', `${first}\n${note}\n${wait}\necho "${name} $HAET_SEED" > "$HAET_OUT_DIR/model"\n`);
    await put('predict.sh', `${wait}\ncp rows.npy "$HAET_OUT_DIR/predictions.npy"\n`);
    await put('rows.npy', rowsOf(number));
    const commands = { train: ['sh', 'train.sh'], predict: ['sh', 'predict.sh'] };
    await put('haet.json', JSON.stringify({ schemaVersion: 1, name, team: `team ${number}`, ...commands }));
    await packEntry(entry, join(archives, `${name}.tar.gz`));
    await rm(entry, { recursive: true });
  }
  return { archives, trackDir: dir, mark, ledger };
}

/** Predictions of one class for every image, with scores of their own. */
function rowsOf(number: number): Uint8Array {
  const scores = new Float32Array(testSize * 10);
  for (let row = 0; row < testSize; row++) scores[row * 10 + (number % 10)] = 1 + number / 16;
  return formatNpy('float32', scores, [testSize, 10]);
}
