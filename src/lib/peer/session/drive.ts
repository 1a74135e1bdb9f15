/** Holds the state of a pure reducer and dispatches its events one after the other. */
export interface Driver<State, Event> {
  readonly state: State;
  dispatch(event: Event): void;
}

/**
 * Performs the effects of each event, in order, before it reduces the next one: an event dispatched from inside an effect is
 * queued.
 */
export function drive<State, Event, Effect>(options: {
  readonly initial: State;
  readonly reduce: (state: State, event: Event) => readonly [state: State, effects: readonly Effect[]];
  readonly perform: (effect: Effect) => void;
}): Driver<State, Event> {
  const inbox: Event[] = [];
  let isBusy = false;

  // No getter: each session would be an object of a shape of its own, which lives until the old generation is collected.
  const driver: Driver<State, Event> & { state: State } = {
    state: options.initial,
    dispatch(event) {
      inbox.push(event);
      if (isBusy) return;
      isBusy = true;
      try {
        for (let next = inbox.shift(); next !== undefined; next = inbox.shift()) {
          const [after, effects] = options.reduce(driver.state, next);
          driver.state = after;
          for (const effect of effects) options.perform(effect);
        }
      } finally {
        isBusy = false;
      }
    },
  };
  return driver;
}
