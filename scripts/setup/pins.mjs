import { readFileSync } from 'node:fs';
import { SetupFailure } from './failure.mjs';
import { otherPlatform } from './platform.mjs';

/**
 * @typedef {object} Wheel
 * @property {string} name      pip's name of the package
 * @property {string} version
 * @property {string} file      its tags tell pip the interpreter and platform
 * @property {string} sha256
 * @property {number} [bytes]   size of the download
 * @property {string} [folderUrl]  folder of a direct download
 * @property {string[]} unpack  the files that are needed, as shell patterns
 *
 * @typedef {object} Library
 * @property {string} version   TensorFlow's
 * @property {number} unpackedBytes  disk space needed, in addition to the downloads
 * @property {Wheel[]} wheels
 * @property {number} [proofSeconds]  time limit of the check of the GPU, for each device; by default that of its program
 */

const tensorflowFiles = [
  'tensorflow/libtensorflow_cc.so.2',
  'tensorflow/libtensorflow_framework.so.2',
  'tensorflow/include/*',
];
const tensorflowUrl = 'https://storage.googleapis.com/tensorflow/versions/2.21.0';

/** @type {(name: string, version: string, platform: string, sha256: string, bytes: number) => Wheel} */
const cuda = (name, version, platform, sha256, bytes) => ({
  name: `nvidia-${name}-cu12`,
  version,
  file: `nvidia_${name.replaceAll('-', '_')}_cu12-${version}-py3-none-${platform}.whl`,
  sha256,
  bytes,
  unpack: ['nvidia/*/lib/*.so*'],
});

/**
 * The downloads of each device on x86-64. The CUDA wheels are those of TensorFlow's extra `and-cuda` without the
 * compiler, at one release of CUDA (12.8) whose parts are known to be compatible.
 * @type {Record<'cpu' | 'gpu', Library>}
 */
const pinsOfX64 = {
  cpu: {
    version: '2.21.0',
    unpackedBytes: 1.15e9,
    wheels: [
      {
        name: 'tensorflow-cpu',
        version: '2.21.0',
        file: 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
        sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
        bytes: 273_829_956,
        folderUrl: tensorflowUrl,
        unpack: tensorflowFiles,
      },
    ],
  },
  gpu: {
    version: '2.21.0',
    unpackedBytes: 5.6e9,
    wheels: [
      {
        name: 'tensorflow',
        version: '2.21.0',
        file: 'tensorflow-2.21.0-cp313-cp313-manylinux_2_27_x86_64.whl',
        sha256: 'e9d8da8dcab9650efb45f032ba70af2f016f907e6e0c6bda29dd101bba945406',
        bytes: 572_881_074,
        folderUrl: tensorflowUrl,
        unpack: tensorflowFiles,
      },
      cuda(
        'cublas',
        '12.8.4.1',
        'manylinux_2_27_x86_64',
        '8ac4e771d5a348c551b2a426eda6193c19aa630236b418086020df5ba9667142',
        594_346_921,
      ),
      cuda(
        'cuda-cupti',
        '12.8.90',
        'manylinux2014_x86_64.manylinux_2_17_x86_64',
        'ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182',
        10_248_621,
      ),
      cuda(
        'cuda-nvrtc',
        '12.8.93',
        'manylinux2010_x86_64.manylinux_2_12_x86_64',
        'a7756528852ef889772a84c6cd89d41dfa74667e24cca16bb31f8f061e3e9994',
        88_040_029,
      ),
      cuda(
        'cuda-runtime',
        '12.8.90',
        'manylinux2014_x86_64.manylinux_2_17_x86_64',
        'adade8dcbd0edf427b7204d480d6066d33902cab2a4707dcfc48a2d0fd44ab90',
        954_765,
      ),
      cuda(
        'cudnn',
        '9.10.2.21',
        'manylinux_2_27_x86_64',
        '949452be657fa16687d0930933f032835951ef0892b37d2d53824d1a84dc97a8',
        706_758_467,
      ),
      cuda(
        'cufft',
        '11.3.3.83',
        'manylinux2014_x86_64.manylinux_2_17_x86_64',
        '4d2dd21ec0b88cf61b62e6b43564355e5222e4a3fb394cac0db101f2dd0d4f74',
        193_118_695,
      ),
      cuda(
        'curand',
        '10.3.9.90',
        'manylinux_2_27_x86_64',
        'b32331d4f4df5d6eefa0554c565b626c7216f87a06a4f56fab27c3b68a830ec9',
        63_619_976,
      ),
      cuda(
        'cusolver',
        '11.7.3.90',
        'manylinux_2_27_x86_64',
        '4376c11ad263152bd50ea295c05370360776f8c3427b30991df774f9fb26c450',
        267_506_905,
      ),
      cuda(
        'cusparse',
        '12.5.8.93',
        'manylinux2014_x86_64.manylinux_2_17_x86_64',
        '1ec05d76bbbd8b61b06a80e1eaf8cf4959c3d4ce8e711b65ebd0443bb0ebb13b',
        288_216_466,
      ),
      cuda(
        'nccl',
        '2.27.7',
        'manylinux2014_x86_64.manylinux_2_17_x86_64',
        'de5ba5562f08029a19cb1cd659404b18411ed0d6c90ac5f52f30bf99ad5809aa',
        322_546_339,
      ),
      cuda(
        'nvjitlink',
        '12.8.93',
        'manylinux2010_x86_64.manylinux_2_12_x86_64',
        '81ff63371a7ebd6e6451970684f916be2eab07321b73c9d244dc2b4da7f73b88',
        39_254_836,
      ),
    ],
  },
};

/**
 * The download on arm64, where TensorFlow has no build for GPUs and its wheel no suffix for CPUs.
 * @type {{ cpu: Library }}
 */
const pinsOfArm64 = {
  cpu: {
    version: '2.21.0',
    unpackedBytes: 1.2e9,
    wheels: [
      {
        name: 'tensorflow',
        version: '2.21.0',
        file: 'tensorflow-2.21.0-cp313-cp313-manylinux_2_27_aarch64.whl',
        sha256: 'a10abdfb8b1189210c251021a3f153b7ccc52a8e6521351f3dc3331e8ba593e0',
        bytes: 282_213_003,
        unpack: tensorflowFiles,
      },
    ],
  },
};

/** @type {Record<string, { cpu: Library, gpu?: Library }>} */
const pins = { x64: pinsOfX64, arm64: pinsOfArm64 };

/**
 * Returns whether there can be a library for a GPU: a pinned one, or one of your own pins.
 * @param {string} processor as in process.arch
 * @param {NodeJS.ProcessEnv} env
 */
export const hasGpuLibrary = (processor, env = process.env) =>
  Boolean(env.HAET_SETUP_PINS) || pins[processor]?.gpu !== undefined;

/**
 * Returns the pinned library of a device. HAET_SETUP_PINS names a JSON file of the same form that replaces the table,
 * for a TensorFlow that you built yourself.
 * @param {'cpu' | 'gpu'} device
 * @param {NodeJS.ProcessEnv} env
 * @param {string} processor as in process.arch
 * @returns {Library}
 */
export function pinnedLibrary(device, env = process.env, processor = process.arch) {
  if (!env.HAET_SETUP_PINS) {
    const library = pins[processor]?.[device];
    if (library === undefined) throw otherPlatform({ system: process.platform, cpu: processor });
    return library;
  }
  let own;
  try {
    own = JSON.parse(readFileSync(env.HAET_SETUP_PINS, 'utf8'));
  } catch (error) {
    throw new SetupFailure(
      `HAET_SETUP_PINS names ${env.HAET_SETUP_PINS}, which cannot be read as JSON (${error.message}): fix it or unset the variable.`,
    );
  }
  if (!own[device]) {
    throw new SetupFailure(
      `${env.HAET_SETUP_PINS} has no entry "${device}": add one, or set HAET_DEVICE to what it has (${Object.keys(own)}).`,
    );
  }
  return own[device];
}
