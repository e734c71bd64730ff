import { expect, test } from '@jest/globals';
import { execa } from 'execa';

const haet = (words: string[], env = {}) => execa('node', ['cli/bin.mjs', ...words], { env, reject: false });

test('check-machine --json ends with one line that names TensorFlow, the granted cores and the data', async () => {
  const { stdout, exitCode } = await haet(['check-machine', '--json'], {
    HAET_CIFAR10: '/nowhere/cifar.tar.gz',
  });
  expect(exitCode).toBe(0);
  const sections = JSON.parse(stdout.split('\n').at(-1)!) as {
    findings: { name: string; value: string; remedy: string | null }[];
  }[];
  const find = (name: string) =>
    sections.flatMap(({ findings }) => findings).find((finding) => finding.name === name);
  expect(find('training ops')?.value).toMatch(/^(native-\w+|TensorFlow's), in (float32|bfloat16)/);
  expect(find('TensorFlow')).toEqual({ name: 'TensorFlow', value: '2.21.0', remedy: null });
  expect(find('cores granted')?.value).toMatch(/^\d+ of \d+/);
  expect(find('process namespaces')).toBeDefined();
});

test('reports the cores granted by CPU affinity', async () => {
  const { stdout } = await execa('taskset', ['-c', '0', 'node', 'cli/bin.mjs', 'check-machine']);
  expect(stdout).toMatch(/cores granted +1 of/);
});
