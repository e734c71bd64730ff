/** What the person at the terminal asked for. */
export interface StopSignals {
  /** End training early and score what is there. */
  readonly interrupt: AbortSignal;
  /** End everything. */
  readonly abort: AbortSignal;
  /** Says whether training is under way: only then does a first Ctrl-C mean less than the end of everything. */
  training: boolean;
  /** Gives the signals their usual meaning back. */
  close(): void;
}

/**
 * Listens for the signals by which people and machines stop a command: the first Ctrl-C in training ends training
 * early, any other ends the run. Ctrl-Z would stop us but not the entry, which would then run past its deadline.
 * @param tell takes a sentence for the person
 */
export function listenForStops(tell: (sentence: string) => void): StopSignals {
  const interrupt = new AbortController();
  const abort = new AbortController();
  const stops: StopSignals = { interrupt: interrupt.signal, abort: abort.signal, training: false, close };

  const onInterrupt = () => {
    if (stops.training && !interrupt.signal.aborted) {
      tell('Ending training now and scoring what it has saved. Ctrl-C again to stop without a score.');
      interrupt.abort();
    } else {
      onTerminate();
    }
  };
  const onTerminate = () => {
    if (!abort.signal.aborted) tell('Stopping.');
    abort.abort();
  };
  const onSuspend = () => tell('A run cannot be suspended: its clock would run on.');
  const handlers: [NodeJS.Signals, () => void][] = [
    ['SIGINT', onInterrupt],
    ['SIGTERM', onTerminate],
    ['SIGHUP', onTerminate],
    ['SIGTSTP', onSuspend],
  ];
  for (const [name, handler] of handlers) process.on(name, handler);
  function close() {
    for (const [name, handler] of handlers) process.off(name, handler);
  }
  return stops;
}
