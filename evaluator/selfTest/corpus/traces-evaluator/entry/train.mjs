import { closeSync, openSync } from 'node:fs';
import { attempt, hints, isOther, saveModel } from './helpers/probe.mjs';

saveModel();
for (const pid of [hints.bystander.pid, hints.evaluator]) {
  await attempt(`open the memory of process ${pid}`, () => {
    isOther(pid);
    closeSync(openSync(`/proc/${pid}/mem`, 'r+'));
  });
}
