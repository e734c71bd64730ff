import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { homeFolder } from './cacheFolder.ts';

/** Folders in which other tools and tutorials keep data sets: torchvision (`./data`, its own cache), Keras, the hub. */
export function usualPlaces(env: NodeJS.ProcessEnv = process.env, workingFolder = '.'): string[] {
  const home = homeFolder(env);
  const cache = env.XDG_CACHE_HOME || (home === null ? null : join(home, '.cache'));
  /** A folder of the environment, else one in a folder that may not exist. */
  const either = (named: string | undefined, parent: string | null, name: string) =>
    named || (parent === null ? null : join(parent, name));
  const below = (folder: string | null, name: string) => (folder === null ? [] : [join(folder, name)]);
  return [
    resolve(workingFolder, 'data'),
    ...below(home, 'data'),
    ...below(either(env.KERAS_HOME, home, '.keras'), 'datasets'),
    ...below(either(env.TORCH_HOME, cache, 'torch'), 'datasets/vision'),
    ...below(either(env.HF_HOME, cache, 'huggingface'), 'hub'),
  ];
}

/** Names of CIFAR-10 in these places; of a folder, the first file that it must have. */
const archives = ['cifar-10-binary.tar.gz', 'cifar-10-python.tar.gz', 'cifar-10-batches-py.tar.gz'];
const folders: readonly (readonly [string, string])[] = [
  ['cifar-10-batches-bin', 'data_batch_5.bin'],
  ['cifar-10-batches-py', 'data_batch_5'],
  ['cifar-10-batches-py-target/cifar-10-batches-py', 'data_batch_5'],
];
const above = ['', 'cifar10', 'cifar-10', 'CIFAR10', 'CIFAR-10'];
/** Folders of the hub's copies; below them is one folder per version. */
const hubVersions = ['datasets--uoft-cs--cifar10/snapshots', 'datasets--cifar10/snapshots'];

/** Returns the copies of CIFAR-10 in the usual places, unpacked ones first in each place. */
export function cifar10InUsualPlaces(env?: NodeJS.ProcessEnv, workingFolder?: string): string[] {
  return usualPlaces(env, workingFolder).flatMap((place) => [
    ...above.flatMap((name) => [
      ...folders
        .filter(([folder, file]) => existsSync(join(place, name, folder, file)))
        .map(([folder]) => join(place, name, folder)),
      ...archives.map((file) => join(place, name, file)).filter((path) => existsSync(path)),
    ]),
    ...hubVersions.flatMap((versions) =>
      namesIn(join(place, versions)).map((name) => join(place, versions, name)),
    ),
  ]);
}

/** Returns the first usual place with Fashion-MNIST: a folder with IDX files; null if there is none. */
export function fashionMnistInUsualPlaces(env?: NodeJS.ProcessEnv, workingFolder?: string): string | null {
  const candidates = usualPlaces(env, workingFolder).flatMap((place) =>
    ['FashionMNIST/raw', 'fashion-mnist'].map((name) => join(place, name)),
  );
  return candidates.find((folder) => namesIn(folder).some((name) => name.startsWith('train-images'))) ?? null;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
