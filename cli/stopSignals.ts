/** Stop requests from the terminal. */
export interface StopSignals {
  /** Ends training early and scores what has been saved. */
  readonly interrupt: AbortSignal;
  /** Ends the run. */
  readonly abort: AbortSignal;
  /** Sets whether training is running; only then does the first Ctrl-C end training instead of the run. */
  training: boolean;
  /** Restores the default signal handlers. */
  close(): void;
}

/**
 * Handles stop signals: the first Ctrl-C in training ends training early; any other signal ends the run. Ctrl-Z is
 * refused, because it would stop the evaluator and not the entry, which would pass its deadline.
 * @param tell prints a message
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
  const onSuspend = () => tell('A run cannot be suspended, because its clock keeps running.');
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
