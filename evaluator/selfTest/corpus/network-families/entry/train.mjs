import { getSystemErrorName } from 'node:util';
import { attempt, Held, saveModel } from './helpers/probe.mjs';
import { systemCall } from './helpers/systemCall.mjs';

saveModel();
/** [family, type] of socket(2). */
const families = {
  AF_VSOCK: [40, 1],
  'AF_VSOCK for datagrams': [40, 2],
  AF_ALG: [38, 5],
  AF_PACKET: [17, 3],
  AF_KEY: [15, 3],
  AF_BLUETOOTH: [31, 3],
  AF_CAN: [29, 3],
  AF_TIPC: [30, 1],
  AF_RDS: [21, 5],
  AF_NFC: [39, 5],
  AF_KCM: [41, 5],
  AF_SMC: [43, 1],
  AF_XDP: [44, 3],
  AF_MCTP: [45, 2],
};
for (const [name, words] of Object.entries(families)) {
  await attempt(`open a socket of ${name}`, () => {
    const error = systemCall([41, 198], [...words, 0]);
    if (error > 0) throw new Held(getSystemErrorName(-error));
  });
}
