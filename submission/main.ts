import { readEnvironment } from './environment.ts';
import { defaultSettings, withOverrides } from './settings.ts';

/** The two commands of the contract: `main.js train [--set name=value ...]` and `main.js predict`. */
async function main([stage, ...words]: readonly string[]): Promise<void> {
  if (stage !== 'train' && stage !== 'predict') {
    throw new Error(`stage "${stage ?? ''}": must be train or predict.`);
  }
  const settings = withOverrides(defaultSettings, overrides(words));
  const environment = readEnvironment(stage, process.env);

  // Set before the imports below, because TensorFlow reads them on load. One thread per granted CPU.
  process.env.TF_NUM_INTRAOP_THREADS = String(environment.cpus);
  process.env.TF_NUM_INTEROP_THREADS = '1';
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';

  if (stage === 'train') await (await import('./train.ts')).train(environment, settings);
  else (await import('./predict.ts')).predict(environment);
}

function overrides(words: readonly string[]): string[] {
  const pairs: string[] = [];
  for (let index = 0; index < words.length; index += 2) {
    const [option, pair] = [words[index], words[index + 1]];
    if (option !== '--set' || pair === undefined) throw new Error(`"${option}": expected --set name=value.`);
    pairs.push(pair);
  }
  return pairs;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
}
