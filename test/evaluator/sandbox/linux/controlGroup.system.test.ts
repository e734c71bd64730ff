import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { killAll } from '../../../../evaluator/sandbox/killing.ts';
import {
  controlGroupObstacle,
  createControlGroup,
} from '../../../../evaluator/sandbox/linux/controlGroup.ts';
import { readLimitHits } from '../../../../evaluator/sandbox/linux/groupCounters.ts';
import {
  groupOf,
  groupRoot,
  processesIn,
  setFrozen,
  sweepGroups,
} from '../../../../evaluator/sandbox/linux/groupFolders.ts';
import { ownName } from '../../../../evaluator/sandbox/ownNames.ts';
import { countProcessesLeft } from '../../../../evaluator/sandbox/processesLeft.ts';
import { temporaryFolder } from '../../fixtures.ts';

const limits = {
  cpus: 1,
  memoryBytes: 64 * 2 ** 20,
  processes: 20,
  workBytes: 2 ** 20,
  outBytes: 2 ** 20,
  outFiles: 100,
};
const enter = 'for each in "$@"; do echo $$ > "$each"; done; ';
const able = controlGroupObstacle() === null ? describe : describe.skip;
function group(name = ownName('test')) {
  return createControlGroup(name, limits);
}

able('a control group of this machine', () => {
  test('is removed when the process that created it is gone, and kept while that is alive', async () => {
    const left = group(ownName('test').replace(/\d+-\d+/, `${2 ** 22 + 1}-5`));
    const kept = group();
    sweepGroups();
    expect(Object.values(left.folders).filter((each) => each !== null && existsSync(each))).toEqual([]);
    expect(existsSync(kept.folders.pids)).toBe(true);
    expect(kept.folders.pids.startsWith(groupRoot)).toBe(true);
    await kept.remove();
    expect(existsSync(kept.folders.pids)).toBe(false);
  });

  test('counts no hit for a process within its limits, and does not exist after its removal', async () => {
    const held = group();
    const { stdout } = await execa('sh', ['-c', `${enter} cat /proc/self/cgroup`, 'sh', ...held.entrances]);
    expect(stdout).toContain(`haet-test-${process.pid}-`);
    expect(readLimitHits(held.folders)).toMatchObject({
      outOfMemoryKills: 0,
      memoryUsedUp: false,
      processesRefused: 0,
    });
    expect(processesIn(held.folders)).toEqual([]);
    await held.remove();
    expect(existsSync(held.folders.memory)).toBe(false);
    expect(readLimitHits(held.folders)).toBeNull();
  });

  test('counts the kill of a process that wanted more memory, also for memory of files in tmpfs', async () => {
    const held = group();
    const hog = 'head -c 300000000 /dev/zero | tail -c 299999999 > /dev/null';
    const { exitCode } = await execa('sh', ['-c', `${enter} ${hog}`, 'sh', ...held.entrances], {
      reject: false,
    });
    expect(exitCode).not.toBe(0);
    const { outOfMemoryKills, memoryUsedUp, peakMemoryBytes } = readLimitHits(held.folders)!;
    expect(outOfMemoryKills).toBeGreaterThan(0);
    expect(memoryUsedUp).toBe(true);
    // Null on kernels older than memory.peak.
    expect(peakMemoryBytes ?? limits.memoryBytes).toBeGreaterThan(0.9 * limits.memoryBytes);
    expect(peakMemoryBytes ?? limits.memoryBytes).toBeLessThan(1.1 * limits.memoryBytes);
    await held.remove();
  });

  test('counts the processes that it rejected', async () => {
    const held = group();
    const many = 'i=0; while [ $i -lt 40 ]; do sleep 0.2 & i=$((i + 1)); done; wait';
    await execa('sh', ['-c', `${enter} ${many}`, 'sh', ...held.entrances], { reject: false });
    expect(readLimitHits(held.folders)!.processesRefused).toBeGreaterThan(0);
    await held.remove();
  });

  test('freezes its processes so that none runs its own code, kills them and is empty', async () => {
    const held = group();
    const counter = join(await temporaryFolder(), 'counter');
    const files = [`${counter}1`, `${counter}2`];
    const [one, two] = files.map((file) => `i=0; while :; do i=$((i + 1)); echo $i >> ${file}; done`);
    const busy = execa('sh', ['-c', `${enter} ${one} & ${two}`, 'sh', ...held.entrances], { reject: false });
    for (let waited = 0; waited < 5000 && !files.every(existsSync); waited += 5) await sleep(5);
    const counters = () => files.map((file) => readFileSync(file, 'utf8').length);
    expect(setFrozen(held.folders, true)).toBe(true);
    await sleep(20); // a running system call may end
    const before = counters();
    await sleep(200);
    expect(counters()).toEqual(before);
    const { signalledAt, stoppedAt, goneAt } = await killAll({
      list: () => processesIn(held.folders),
      setFrozen: (frozen) => setFrozen(held.folders, frozen),
    });
    expect([signalledAt, stoppedAt, goneAt]).toEqual([signalledAt, stoppedAt, goneAt].sort((a, b) => a - b));
    expect(processesIn(held.folders)).toEqual([]);
    expect((await busy).signal).toBe('SIGKILL');
    await held.remove();
  });

  test('a process in it counts as left until it was sent SIGKILL, also while the kernel still lists it', async () => {
    const held = group();
    const sleeper = execa('sh', ['-c', `${enter} echo in; exec sleep 60`, 'sh', ...held.entrances], {
      reject: false,
    });
    await new Promise((resolve) => sleeper.stdout.once('data', resolve));
    expect(countProcessesLeft(undefined, processesIn(held.folders))).toBe(1);
    setFrozen(held.folders, true); // a frozen process of version 1 keeps its SIGKILL
    sleeper.kill('SIGKILL');
    const left = countProcessesLeft(undefined, [...processesIn(held.folders), sleeper.pid!]);
    setFrozen(held.folders, false);
    await sleeper;
    await held.remove();
    expect(left).toBe(0);
  });

  test('is found by the id of a process in it', async () => {
    const held = group();
    const sleeper = execa('sh', ['-c', `${enter} echo in; exec sleep 60`, 'sh', ...held.entrances], {
      reject: false,
    });
    await new Promise((resolve) => sleeper.stdout.once('data', resolve));
    expect(groupOf(sleeper.pid!)).toEqual(held.folders);
    expect(processesIn(held.folders)).toEqual([sleeper.pid]);
    sleeper.kill('SIGKILL');
    await sleeper;
    await held.remove();
  });
});
