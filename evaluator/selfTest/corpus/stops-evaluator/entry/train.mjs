import { setTimeout as sleep } from 'node:timers/promises';
import { attempt, hints, isOther, saveModel } from './helpers/probe.mjs';

saveModel();
await attempt('SIGSTOP at a process of the evaluator', () => {
  isOther(hints.bystander.pid);
  process.kill(hints.bystander.pid, 'SIGSTOP');
});
await attempt('SIGSTOP at the evaluator', async () => {
  isOther(hints.evaluator);
  process.kill(hints.evaluator, 'SIGSTOP');
  await sleep(500);
  process.kill(hints.evaluator, 'SIGCONT');
});
await attempt('SIGUSR1 at the evaluator', () => {
  isOther(hints.evaluator);
  process.kill(hints.evaluator, 'SIGUSR1');
});
