/** Work that is found while other work is in progress. */
export interface ExtraWork {
  /** Starts it. */
  add(act: () => Promise<void>): void;
  /** Waits until all of it has ended. @throws its first failure */
  ended(): Promise<void>;
}

/** @param failed called at the first failure, so that other work can end early */
export function createExtraWork(failed: () => void): ExtraWork {
  const inProgress = new Set<Promise<void>>();
  const failures: unknown[] = [];
  return {
    add(act) {
      const work = act()
        .catch((error) => {
          failures.push(error);
          failed();
        })
        .finally(() => inProgress.delete(work));
      inProgress.add(work);
    },
    async ended() {
      while (inProgress.size > 0) await Promise.all(inProgress);
      if (failures.length > 0) throw failures[0];
    },
  };
}
