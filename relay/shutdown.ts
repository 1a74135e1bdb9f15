/** How often the same signal may arrive for one key press: a terminal sends it to the whole group, parents pass it on. */
const echoMs = 500;

export interface ShutdownOptions {
  /** Ends what runs; awaited. */
  readonly stop: (signal: NodeJS.Signals) => Promise<void>;
  readonly exit: (code: number) => void;
  readonly elapsed: () => number;
  readonly process: {
    on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
    on(event: 'disconnect', listener: () => void): unknown;
  };
}

/**
 * On the first SIGINT, SIGTERM or SIGHUP stops and leaves with 0 (1 when stopping failed); on a second leaves with 130.
 * The end of the channel to the parent, where there is one, is a SIGTERM from a parent that could send none.
 */
export function handleSignals({ stop, exit, elapsed, process }: ShutdownOptions): void {
  let since: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (since === undefined) {
      since = elapsed();
      stop(signal).then(
        () => exit(0),
        () => exit(1),
      );
    } else if (elapsed() - since > echoMs) exit(130);
  };
  process.on('disconnect', () => since ?? onSignal('SIGTERM'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
}
