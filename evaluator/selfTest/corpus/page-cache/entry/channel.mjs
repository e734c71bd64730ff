// A message in the page cache. Each bit is a page of a file that all entries see: in memory for a one, not for a
// zero. The reader needs no call that could be rejected: /proc/self/io counts the bytes read from the disk.
import { spawnSync } from 'node:child_process';
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** Distance at which the kernel's read-ahead does not load the page of the next bit. */
const strideBytes = 32 * 1024;
const folders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/bin'];
const page = Buffer.alloc(4096);

/** Returns pages of files that this program does not use, the same in every stage: the requested number, or all. */
export function pages(most) {
  const inUse = readFileSync('/proc/self/maps', 'latin1');
  const found = [];
  for (const folder of folders) {
    for (const name of namesIn(folder)) {
      const path = join(folder, name);
      const facts = lstatSync(path);
      if (!facts.isFile() || inUse.includes(path)) continue;
      for (let at = strideBytes; at + page.length <= facts.size && found.length < most; at += strideBytes) {
        found.push({ path, at });
      }
    }
  }
  return found;
}

function namesIn(folder) {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // not on this machine
  }
}

/** Evicts the files from memory if necessary, and reads the pages of the ones. */
export function write(places, bits) {
  for (const path of new Set(places.map((place) => place.path))) {
    spawnSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']);
  }
  withFiles(places, (file, { at }, index) => {
    if (bits[index]) readSync(file, page, 0, page.length, at);
  });
}

/** Returns, per page, whether it was read from the disk, and the nanoseconds of the read. */
export function read(places) {
  const facts = [];
  fetchedBytes();
  withFiles(places, (file, { at }) => {
    const before = fetchedBytes();
    const start = process.hrtime.bigint();
    readSync(file, page, 0, page.length, at);
    const nanoseconds = Number(process.hrtime.bigint() - start);
    facts.push({ fetched: fetchedBytes() > before, nanoseconds });
  });
  return facts;
}

function withFiles(places, visit) {
  let open = { path: '', file: -1 };
  places.forEach((place, index) => {
    if (place.path !== open.path) {
      if (open.file >= 0) closeSync(open.file);
      open = { path: place.path, file: openSync(place.path, 'r') };
    }
    visit(open.file, place, index);
  });
  if (open.file >= 0) closeSync(open.file);
}

const fetchedBytes = () => Number(/^read_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'latin1'))[1]);
