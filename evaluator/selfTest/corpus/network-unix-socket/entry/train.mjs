import { connect } from 'node:net';
import { attempt, greet, hints, saveModel, visibleFiles } from './helpers/probe.mjs';

saveModel();
const known = [
  '/run/docker.sock',
  '/var/run/docker.sock',
  '/run/containerd/containerd.sock',
  '/run/dbus/system_bus_socket',
  '/run/systemd/private',
  `/proc/1/root${hints.unixSocket}`,
];
const found = [...visibleFiles()].filter(({ entry }) => entry.isSocket()).map(({ path }) => path);
await attempt(`connect to ${hints.unixSocket}`, () => greet(connect(hints.unixSocket)));
for (const path of new Set([...known, ...found])) {
  await attempt(
    `connect to ${path}`,
    () =>
      new Promise((resolve, reject) => {
        const socket = connect(path, () => {
          socket.destroy();
          resolve();
        });
        socket.on('error', reject);
      }),
  );
}
