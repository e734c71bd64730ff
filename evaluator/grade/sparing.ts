/** Repeats an act that takes longer the more there is, without taking more than a share of the time. */
export interface Sparing {
  /**
   * Asks for the act. It runs now, or is put off for some time if the last one took long; one act answers all that asked.
   * @throws what the act threw, also one that was put off earlier
   */
  ask(): Promise<void>;
  /** Runs what was put off. @throws what an act threw */
  flush(): Promise<void>;
}

/** @param share of the time that acts take at most, a fraction of 1 */
export function createSparing(act: () => Promise<void>, share = 0.1): Sparing {
  let dueAt = Number.NEGATIVE_INFINITY;
  let running: Promise<void> | null = null;
  let timer: NodeJS.Timeout | null = null;
  const failures: unknown[] = [];
  const drop = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  const run = async () => {
    drop();
    const startedAt = performance.now();
    running = act();
    try {
      await running;
    } finally {
      running = null;
      const endedAt = performance.now();
      dueAt = endedAt + (endedAt - startedAt) * (1 / share - 1);
    }
  };
  /** Runs the act later, once, whoever else asks. */
  const putOff = () => {
    timer ??= setTimeout(
      () => {
        timer = null;
        // One that is running may have begun before what this one is for.
        if (running !== null) putOff();
        else run().catch((error) => failures.push(error));
      },
      Math.max(1, dueAt - performance.now()),
    );
  };
  const requireNoFailure = () => {
    if (failures.length > 0) throw failures.shift();
  };
  return {
    async ask() {
      requireNoFailure();
      if (running === null && performance.now() >= dueAt) return run();
      putOff();
    },
    async flush() {
      const isPutOff = timer !== null;
      drop();
      await running?.catch(() => {});
      requireNoFailure();
      if (isPutOff) await run();
    },
  };
}
