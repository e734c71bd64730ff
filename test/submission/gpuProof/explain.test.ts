import { describe, expect, test } from '@jest/globals';
import type { Attempt } from '../../../submission/gpuProof/attempt.ts';
import { explainAttempt } from '../../../submission/gpuProof/explain.ts';

const attempt = (seen: Partial<Attempt>): Attempt => ({
  device: 'gpu',
  version: '2.21.0',
  results: new Map(),
  block: 'layer1 in float32',
  isDone: false,
  log: '',
  ending: 'exit status 1',
  exceededSeconds: null,
  ...seen,
});

describe('a log is explained:', () => {
  // Lines that users of TensorFlow reported.
  test.each([
    [
      "Error: /lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.30' not found (required by tfjs_binding.node)",
      /needs a newer C or C\+\+ library/,
      /newer Linux distribution/,
    ],
    [
      'Error: libcudnn.so.9: cannot open shared object file: No such file or directory',
      /is missing .*libcudnn\.so\.9/,
      /LD_LIBRARY_PATH/,
    ],
    [
      'W0000 00:00:1727.5 4184 gpu_device.cc:2344] Cannot dlopen some GPU libraries. Please make sure the missing libraries mentioned above are installed properly',
      /is missing/,
      /LD_LIBRARY_PATH/,
    ],
    [
      'E0000 00:00:1727.5 4184 cuda_diagnostics.cc:304] kernel version 535.161.7 does not match DSO version 535.183.1 -- cannot find working devices in this configuration',
      /have different versions, as after an update \(.*kernel version 535\.161\.7 does not match/,
      /restart the machine/,
    ],
    [
      'Message: CUDA_ERROR_UNSUPPORTED_PTX_VERSION: the provided PTX was compiled with an unsupported toolchain.',
      /the NVIDIA driver is too old/,
      /update the NVIDIA driver/,
    ],
    [
      'Message: failed to allocate 15.78GiB (16944267264 bytes) from device: CUDA_ERROR_OUT_OF_MEMORY: out of memory',
      /memory of the GPU is used up/,
      /nvidia-smi/,
    ],
    [
      'Message: CUDA_ERROR_DEVICE_UNAVAILABLE: CUDA-capable device(s) is/are busy or unavailable',
      /another program has the GPU to itself/,
      /nvidia-smi/,
    ],
    [
      "Message: 'cuLaunchKernel' failed with 'CUDA_ERROR_NO_BINARY_FOR_GPU'",
      /no code for this model of GPU/,
      /another GPU/,
    ],
    [
      'E0000 00:00:1727.5 4184 cuda_dnn.cc:522] Loaded runtime CuDNN library: 9.1.0 but source was compiled with: 9.3.0.  CuDNN library needs to have matching major version',
      /a CUDA library fails on this GPU \(.*Loaded runtime CuDNN library: 9\.1\.0/,
      /update the NVIDIA driver, or unset LD_LIBRARY_PATH/,
    ],
    [
      'E0000 00:00:1727.5 4184 cuda_dnn.cc:534] Could not create cudnn handle: CUDNN_STATUS_NOT_INITIALIZED',
      /a CUDA library fails/,
      /driver/,
    ],
    [
      'Message: DNN library initialization failed. Look at the errors above for more details.',
      /a CUDA library fails/,
      /driver/,
    ],
    ['Message: CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access', /the GPU reported an error/, /restart/],
  ])('%s', (line, why, remedy) => {
    const failure = explainAttempt(attempt({ log: `first line\n${line}\nlast line\n` }), 'gpu');
    expect(failure?.why).toMatch(why);
    expect(failure?.remedy).toMatch(remedy);
  });

  test('a failure that no line explains quotes the last error and where it happened', () => {
    const log =
      'I0000 a.cc:1] note\nE0000 00:00:1.0 4 b.cc:2] first\nF0000 00:00:1.0 4 c.cc:3] Check failed: x\nnote\n';
    expect(explainAttempt(attempt({ log, ending: 'SIGABRT' }), 'gpu')?.why).toBe(
      'computing layer1 in float32 on the GPU failed (SIGABRT: Check failed: x)',
    );
  });
});

describe('TensorFlow that uses the CPU in place of the GPU', () => {
  const onCpu = (log: string) =>
    explainAttempt(attempt({ device: 'cpu', block: null, isDone: true, log }), 'gpu');

  test('finds no GPU, with the line of the log that says so', () => {
    expect(onCpu('')?.why).toBe('TensorFlow finds no GPU');
    expect(
      onCpu('E0000 00:00:1.0 4 cuda_platform.cc:52] failed call to cuInit: INTERNAL: UNKNOWN ERROR (303)')
        ?.why,
    ).toBe('TensorFlow finds no GPU (failed call to cuInit: INTERNAL: UNKNOWN ERROR (303))');
  });

  test('is explained by another cause if the log shows one', () => {
    expect(onCpu('E failed call to cuInit: CUDA_ERROR_SYSTEM_DRIVER_MISMATCH: driver mismatch')?.why).toMatch(
      /different versions/,
    );
  });
});

test('a time limit that was exceeded names the limit and, if so, that the driver was compiling', () => {
  const hung = (log: string) =>
    explainAttempt(attempt({ exceededSeconds: 300, ending: 'SIGKILL', log }), 'gpu');
  expect(hung('')?.why).toBe('computing layer1 in float32 on the GPU did not end within 300 s');
  expect(hung('CUDA kernels will be jit-compiled from PTX, which could take 30 minutes')).toMatchObject({
    why: expect.stringMatching(/while the driver compiled code/),
    remedy: 'try again',
  });
});

test('an attempt that computed all blocks on its device is no failure, whatever it logged', () => {
  expect(explainAttempt(attempt({ isDone: true, log: 'W out of memory, trying less\n' }), 'gpu')).toBeNull();
});
