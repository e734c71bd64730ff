// Code shared by the attacks; each entry gets a copy. An attack writes what succeeded into the file `escaped` of its
// output folder, and what was rejected and how into `tried`, because an attack that did not try proves nothing.
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Paths, ports and ids of the targets, see evaluator/selfTest/surroundings.ts. */
export const hints = JSON.parse(readFileSync(new URL('../hints.json', import.meta.url), 'utf8'));
export const outFolder = process.env.HAET_OUT_DIR;

/** Thrown by an attempt that found no target. */
export class Held extends Error {}

/** Adds a line to `tried` or `escaped`. */
export const note = (file, line) => appendFileSync(join(outFolder, file), `${line}\n`);

export const saveModel = () => writeFileSync(join(outFolder, 'model'), 'weights\n');

/**
 * Tries something that must fail. It succeeded if `action` returns; the result is reported too. It must be rejected
 * by the system or not complete within two seconds; any other error is a bug in the attack.
 */
export async function attempt(what, action) {
  let timer;
  const patience = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Held('no answer')), 2000);
  });
  try {
    const loot = await Promise.race([action(), patience]);
    note('escaped', loot === undefined ? what : `${what}: ${loot}`);
  } catch (error) {
    if (!(error instanceof Held) && !/^E(?!RR_)[A-Z]/.test(error.code ?? '')) throw error;
    note('tried', `${what}: ${error instanceof Held ? error.message : error.code}`);
  } finally {
    clearTimeout(timer);
  }
}

/** Sends the secret over a connection and waits for the response. */
export function greet(socket) {
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('data', () => {
      socket.destroy();
      resolve();
    });
    socket.on('connect', () => socket.write(hints.secret));
    setTimeout(() => socket.destroy(), 2500).unref();
  });
}

/** @throws Held if the id belongs to a process of our own or to none, because ids then differ from those outside */
export function isOther(pid) {
  const isBystander = commandOf(hints.bystander.pid).includes(hints.bystander.name);
  const seesOthers = isBystander || commandOf(pid) === '';
  if (!seesOthers) throw new Held(`${pid} is a process of its own`);
}

function commandOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

/** Lists visible files as { path, name, entry }, the nearest and likeliest first, for two seconds. */
export function* visibleFiles() {
  const end = performance.now() + 1500;
  const likely = ['/tmp', '/var/tmp', '/dev/shm', '/run', '/home', '/root', '/mnt', '/srv', '/data', '/opt'];
  const dull = new Set(['/proc', '/sys', '/dev', '/usr', '/lib', '/lib64', '/bin', '/sbin']);
  const own = [outFolder, process.env.HAET_MODEL_DIR].filter(Boolean);
  const queue = [join(outFolder, '..'), ...likely, '/', '/usr'];
  const seen = new Set(own);
  while (queue.length > 0 && performance.now() < end) {
    const folder = queue.shift();
    if (seen.has(folder)) continue;
    seen.add(folder);
    let entries = [];
    try {
      entries = readdirSync(folder, { withFileTypes: true });
    } catch {
      continue; // missing or not readable
    }
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (!entry.isDirectory()) yield { path, name: entry.name, entry };
      else if (!dull.has(path)) queue.push(path);
    }
  }
}
