import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { execa } from 'execa';
import type { TinyClone } from './tinyClone.ts';

/** A machine with a stand-in NVIDIA driver and stand-ins for TensorFlow's GPU build, for the set-up of a tiny clone. */
export interface TinyGpu {
  /** Returns the environment of a set-up. Without `withGpu` the driver's library is missing, as in a container. */
  environment(options?: { withGpu?: boolean }): Record<string, string>;
  /** Pins a GPU build. @param code C++ that runs before the results are printed, with `on_gpu` and `one` */
  pinLibrary(code: string, change?: Record<string, unknown>): Promise<void>;
  /** Sets the version of the driver. */
  setDriver(version: string): void;
}

const wheelName = 'tensorflow-2.21.0-cp313-cp313-manylinux_2_27_x86_64.whl';

/** What the library prints in place of the results of submission/gpuProof/computeBlocks.ts: 1.0, 2.0. */
const library = (code: string) => `
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static const char* kPlain = "AACAPwAAAEA=";
static const char* kNaN = "AACAPwAAwH8=";
static const char* kWrong = "AACAPwAAAAA=";
extern "C" const char* TF_Version() {
  const char* device = getenv("TINY_PROOF");
  if (device == nullptr) return "tiny";
  bool on_gpu = strcmp(device, "gpu") == 0;
  const char* floats = kPlain;
  printf("{\\"starts\\":\\"block\\"}\\n");
  fflush(stdout);
  ${code}
  printf("{\\"device\\":\\"%s\\",\\"version\\":\\"tiny\\"}\\n", device);
  printf("{\\"result\\":\\"output of block\\",\\"floats\\":\\"%s\\"}\\n{\\"done\\":true}\\n", floats);
  fflush(stdout);
  return "tiny";
}
`;

const computeBlocks = `
const binding = 'node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node';
process.env['TINY_PROOF'] = process.argv[2]!;
process.dlopen({ exports: {} }, binding);
`;

/** The parts of libcuda.so.1 that set-up calls. */
const driverLibrary = `
#include <string.h>
extern "C" {
int cuInit(unsigned) { return 0; }
int cuDeviceGetCount(int* count) { *count = 1; return 0; }
int cuDeviceGet(int* device, int index) { *device = index; return 0; }
int cuDeviceGetName(char* text, int, int) { strcpy(text, "Tiny GPU"); return 0; }
}
`;

/** Adds the check of the GPU to a clone, with its computation replaced, and makes the driver. */
export async function createTinyGpu(clone: TinyClone): Promise<TinyGpu> {
  const folder = join(dirname(clone.root), 'gpu');
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  };
  const compile = (source: string, output: string, words: string[] = []) =>
    execa('c++', ['-shared', '-fPIC', '-o', join(folder, output), join(folder, source), ...words]);

  cpSync('submission/gpuProof', join(clone.root, 'submission/gpuProof'), {
    recursive: true,
    filter: (file) => !/(blocks|computeBlocks)\.ts$/.test(file),
  });
  writeFileSync(join(clone.root, 'submission/gpuProof/computeBlocks.ts'), computeBlocks);
  const compilerOptions = {
    ...{ target: 'ES2022', module: 'NodeNext', strict: true, skipLibCheck: true },
    ...{ allowImportingTsExtensions: true, rewriteRelativeImportExtensions: true },
    ...{ types: ['node'], typeRoots: [resolve('node_modules/@types')] },
  };
  writeFileSync(join(clone.root, 'tsconfig.json'), JSON.stringify({ compilerOptions }));

  write('driver/gpus/0000:01:00.0/information', 'Model: \t\t Tiny GPU\nIRQ: 1\n');
  write('libcuda.cc', driverLibrary);
  mkdirSync(join(folder, 'lib'));
  await compile('libcuda.cc', 'lib/libcuda.so.1');
  const sha256 = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
  const pinOf = (name: string, file: string) => ({
    ...{ name, version: '2.21.0', file: basename(file), sha256: sha256(file) },
    unpack: ['tensorflow/lib*.so.2', 'tensorflow/include/*'],
  });
  const wheels = new Map<string, string>();
  /** Returns the wheel of a library, which is made once. */
  async function wheelOf(code: string): Promise<string> {
    const known = wheels.get(code);
    if (known !== undefined) return known;
    write('wheel/tensorflow/include/tensorflow/c/c_api.h', 'extern "C" const char* TF_Version();\n');
    write('library.cc', library(code));
    for (const name of ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2']) {
      await compile('library.cc', `wheel/tensorflow/${name}`, [`-Wl,-soname,${name}`]);
    }
    const wheel = join(folder, `wheel-${wheels.size}`, wheelName);
    mkdirSync(dirname(wheel));
    await execa('python3', ['-m', 'zipfile', '-c', wheel, 'tensorflow'], { cwd: join(folder, 'wheel') });
    wheels.set(code, wheel);
    return wheel;
  }

  return {
    environment: ({ withGpu = true } = {}) => ({
      HAET_DEVICE: 'auto',
      HAET_NVIDIA_DRIVER: join(folder, 'driver'),
      HAET_SETUP_PINS: join(folder, 'pins.json'),
      ...(withGpu && { LD_LIBRARY_PATH: join(folder, 'lib') }),
    }),
    async pinLibrary(code, change = {}) {
      const made = await wheelOf(code);
      // Set-up takes a wheel that is there, and asks pip for none.
      mkdirSync(join(clone.cache, 'downloads'), { recursive: true });
      cpSync(made, join(clone.cache, 'downloads', wheelName));
      const pins = {
        cpu: {
          ...{ version: '2.21.0', unpackedBytes: 1e6 },
          wheels: [pinOf('tensorflow-cpu', clone.wheel)],
        },
        gpu: {
          ...{ version: '2.21.0', unpackedBytes: 1e6 },
          wheels: [pinOf('tensorflow', made)],
          ...change,
        },
      };
      write('pins.json', JSON.stringify(pins));
    },
    setDriver: (version) =>
      write(
        'driver/version',
        `NVRM version: NVIDIA UNIX x86_64 Kernel Module  ${version}  Tue Mar  5 2024\n`,
      ),
  };
}
