import { createSocket } from 'node:dgram';
import { attempt, hints, saveModel } from './helpers/probe.mjs';

saveModel();
for (const [host, port] of [...hints.udp, ['255.255.255.255', hints.udp[0][1]]]) {
  await attempt(`UDP to ${host}:${port}`, async () => {
    const socket = createSocket('udp4').unref();
    await new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', resolve);
      socket.bind(0, () => {
        socket.setBroadcast(true);
        socket.send(hints.secret, port, host, (error) => error && reject(error));
      });
    });
  });
}
