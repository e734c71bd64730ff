import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits until a condition holds. It is polled every millisecond during the first second and every 20 ms after it, since
 * a kill is over soon or takes long.
 * @param pauseMs between two polls, for a condition that is expensive to check
 * @returns false if the condition did not hold within the time
 */
export async function waitUntil(
  holds: () => boolean | Promise<boolean>,
  mostSeconds: number,
  pauseMs = 0,
): Promise<boolean> {
  const start = performance.now();
  while (!(await holds())) {
    const waited = performance.now() - start;
    if (waited > mostSeconds * 1000) return false;
    await sleep(Math.max(pauseMs, waited < 1000 ? 1 : 20));
  }
  return true;
}
