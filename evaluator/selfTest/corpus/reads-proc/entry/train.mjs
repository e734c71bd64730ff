import { readdirSync, readFileSync } from 'node:fs';
import { attempt, Held, hints, isOther, saveModel } from './helpers/probe.mjs';

saveModel();
await attempt('find the secret in an environment or the bystander by its name', () => {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    for (const file of ['environ', 'cmdline']) {
      let text = '';
      try {
        text = readFileSync(`/proc/${pid}/${file}`, 'latin1');
      } catch {
        continue; // ended or not readable
      }
      if (text.includes(hints.secret) || text.includes(hints.bystander.name)) return `${file} of ${pid}`;
    }
  }
  throw new Held(`not among ${pids.length} processes`);
});
for (const pid of [hints.bystander.pid, hints.evaluator]) {
  await attempt(`read the environment of process ${pid}`, () => {
    isOther(pid);
    readFileSync(`/proc/${pid}/environ`);
  });
  for (const folder of ['fd', 'root', 'cwd', 'map_files']) {
    await attempt(`list ${folder} of process ${pid}`, () => {
      isOther(pid);
      readdirSync(`/proc/${pid}/${folder}`);
    });
  }
}
