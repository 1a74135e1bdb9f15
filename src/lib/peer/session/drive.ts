/** Where the state of a pure reducer lives, and its events come in one after the other. */
export interface Driver<State, Event> {
  readonly state: State;
  dispatch(event: Event): void;
}

/**
 * Performs the effects of each event, in order, before the next one is looked at: what is dispatched from inside an effect
 * waits its turn.
 */
export function drive<State, Event, Effect>(options: {
  readonly initial: State;
  readonly reduce: (state: State, event: Event) => readonly [state: State, effects: readonly Effect[]];
  readonly perform: (effect: Effect) => void;
}): Driver<State, Event> {
  const inbox: Event[] = [];
  let { initial: state } = options;
  let isBusy = false;

  return {
    get state() {
      return state;
    },
    dispatch(event) {
      inbox.push(event);
      if (isBusy) return;
      isBusy = true;
      try {
        for (let next = inbox.shift(); next !== undefined; next = inbox.shift()) {
          const [after, effects] = options.reduce(state, next);
          state = after;
          for (const effect of effects) options.perform(effect);
        }
      } finally {
        isBusy = false;
      }
    },
  };
}
