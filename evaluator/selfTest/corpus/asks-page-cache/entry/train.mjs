import { openSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { attempt, Held, saveModel } from './helpers/probe.mjs';
import { room, systemCall } from './helpers/systemCall.mjs';

saveModel();
const file = openSync('/bin/sh', 'r');
const page = room - (room % 4096);
/** Per name: call numbers on [x86-64, arm64], arguments. Descriptor 0 is the file. */
const calls = {
  mincore: [
    [27, 232],
    [page, 4096, room],
  ],
  cachestat: [
    [451, 451],
    [0, room, room + 64, 0],
  ],
  readahead: [
    [187, 213],
    [0, 0, 4096],
  ],
  'preadv2, RWF_NOWAIT': [
    [327, 286],
    [0, room, 1, 0, 0, 0x08],
  ],
  'preadv2, RWF_DONTCACHE': [
    [327, 286],
    [0, room, 1, 0, 0, 0x80],
  ],
  'madvise, MADV_COLD': [
    [28, 233],
    [page, 4096, 20],
  ],
  'madvise, MADV_PAGEOUT': [
    [28, 233],
    [page, 4096, 21],
  ],
  process_madvise: [
    [440, 440],
    [0, room, 1, 21, 0],
  ],
  io_setup: [
    [206, 0],
    [1, room],
  ],
  io_submit: [
    [209, 2],
    [0, 0, room],
  ],
  io_uring_setup: [
    [425, 425],
    [1, room],
  ],
};
/** Errors of a call that the sandbox rejects; any other error comes from the call itself. */
const refusals = ['EPERM', 'ENOSYS', 'ENOTSUP', 'EINVAL'];
for (const [name, [numbers, words]] of Object.entries(calls)) {
  await attempt(name, () => {
    const error = systemCall(numbers, words, file);
    const answer = error > 0 ? getSystemErrorName(-error) : 'answered';
    if (refusals.includes(answer)) throw new Held(answer);
    return answer;
  });
}
