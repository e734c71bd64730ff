import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { attempt, greet, Held, hints, saveModel } from './helpers/probe.mjs';

saveModel();
for (const [host, port] of hints.tcp) {
  await attempt(`TCP to ${host}:${port}`, () => greet(connect({ host, port })));
}
await attempt('find a network', () => {
  const outer = Object.entries(networkInterfaces()).filter(([, all]) => all.some((each) => !each.internal));
  if (outer.length === 0) throw new Held('no interface but the loop');
  return outer.map(([name]) => name).join(', ');
});
