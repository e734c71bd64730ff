import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { gpusOfRun, gpusOfTask, listGpus, usableGpus } from '../../../evaluator/machine/gpus.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'haet-gpus-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Writes the driver's file of a GPU, as /proc/driver/nvidia/gpus/ADDRESS/information is. */
async function put(address: string, uuid: string, minor: number) {
  const place = join(folder, 'gpus', address);
  await mkdir(place, { recursive: true });
  const lines = [
    'Model: \t\t NVIDIA L4',
    'IRQ:   \t\t 93',
    `GPU UUID: \t ${uuid}`,
    'Bus Type: \t PCIe',
    `Device Minor: \t ${minor}`,
    'GPU Excluded:\t No',
  ];
  await writeFile(join(place, 'information'), `${lines.join('\n')}\n`);
}

const gpu = (name: string, device = '/dev/nvidia0') => ({ uuid: `GPU-${name}`, model: 'L4', device });
const three = [gpu('aa11'), gpu('bb22'), gpu('cc33')];

test('the GPUs of this machine are read from the files of the driver, in the order of their addresses', async () => {
  expect(listGpus(join(folder, 'none'))).toEqual([]);
  await put('0000:41:00.0', 'GPU-22', 0);
  await put('0000:01:00.0', 'GPU-11', 1);
  await put('0000:81:00.0', 'GPU-????????-????', 2);
  expect(listGpus(folder)).toEqual([
    { uuid: 'GPU-11', model: 'NVIDIA L4', device: '/dev/nvidia1' },
    { uuid: 'GPU-22', model: 'NVIDIA L4', device: '/dev/nvidia0' },
  ]);
});

test('CUDA_VISIBLE_DEVICES of this process restricts them, as CUDA reads it', () => {
  expect(usableGpus(three, undefined)).toEqual(three);
  expect(usableGpus(three, '2,0')).toEqual([three[2], three[0]]);
  expect(usableGpus(three, 'GPU-bb')).toEqual([three[1]]);
  for (const none of ['', '-1', '3,0', 'none']) expect(usableGpus(three, none)).toEqual([]);
  expect(usableGpus(three, '1,-1,0')).toEqual([three[1]]);
});

test('a task of Slurm keeps its CUDA_VISIBLE_DEVICES, and has the GPUs whose devices it may open', () => {
  const all = [gpu('open', '/dev/null'), gpu('closed', join(folder, 'no device'))];
  expect(gpusOfTask(all, '0')).toEqual({ visible: '0', gpus: [all[0]] });
  expect(gpusOfTask(all, undefined)).toBeUndefined();
});

test('a run can use the GPUs of its share, and without one those that its sandbox shows it', () => {
  const open = gpu('open', '/dev/null');
  const all = [open, gpu('closed', join(folder, 'no device'))];
  expect(gpusOfRun(undefined, false, all)).toEqual([open]);
  expect(gpusOfRun(undefined, true, all)).toEqual([]);
  for (const fenced of [true, false]) {
    expect(gpusOfRun({ visible: 'GPU-bb22', gpus: [three[1]!] }, fenced, all)).toEqual([three[1]]);
    // A task of Slurm that can open all devices of its node.
    expect(gpusOfRun({ visible: '2', gpus: three }, fenced, all)).toEqual([three[2]]);
    expect(gpusOfRun({ visible: '', gpus: [] }, fenced, all)).toEqual([]);
  }
});
