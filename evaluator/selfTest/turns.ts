/** Hands out places to work in, in the order in which they are asked for. */
export interface Turns<Place> {
  /** Runs work in a place that nobody else has meanwhile. */
  inOne<Result>(work: (place: Place) => Promise<Result>): Promise<Result>;
  /** Runs work while no other runs: waits until all places are free, and later requests wait for it. */
  alone<Result>(work: (place: Place) => Promise<Result>): Promise<Result>;
}

export function createTurns<Place>(places: readonly [Place, ...Place[]]): Turns<Place> {
  const free = [...places];
  const waiting: { readonly count: number; readonly start: (taken: Place[]) => void }[] = [];
  const serve = () => {
    for (let next = waiting[0]; next !== undefined && next.count <= free.length; next = waiting[0]) {
      waiting.shift();
      next.start(free.splice(0, next.count));
    }
  };
  const take = async <Result>(count: number, work: (place: Place) => Promise<Result>): Promise<Result> => {
    const taken = await new Promise<Place[]>((start) => {
      waiting.push({ count, start });
      serve();
    });
    try {
      return await work(taken[0]!);
    } finally {
      free.push(...taken);
      serve();
    }
  };
  return {
    inOne: (work) => take(1, work),
    alone: (work) => take(places.length, work),
  };
}
