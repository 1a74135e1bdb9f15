/**
 * Who answers a question in the widget: rung by rung, downwards. Peers and the relay's own models are one rung, `network`,
 * because the gateway goes from one to the other by itself, in the middle of an answer too.
 */
export type Rung = 'device' | 'network' | 'endpoint';

/** What is known of whoever answers. */
export interface Answerer {
  readonly rung: Rung;
  /** `peer`: another visitor's tab; `native`: a model on a machine of a relay or a provider. */
  readonly role?: 'peer' | 'native' | undefined;
  readonly model?: string | undefined;
}

/** A call of one of the site's own functions, as the model wrote it. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text. */
  readonly arguments: string;
}

export interface Failure {
  readonly rung: Rung;
  readonly code: string;
  readonly retryAfterSeconds?: number | undefined;
}

export interface LadderState {
  readonly phase: 'idle' | 'asking' | 'answering' | 'finished' | 'stopped' | 'failed';
  readonly rungs: readonly Rung[];
  readonly at: number;
  readonly text: string;
  readonly calls: readonly ToolCall[];
  readonly answerer: Answerer | undefined;
  /** Rungs that failed, in order. */
  readonly failures: readonly Failure[];
  readonly reason: 'stop' | 'length' | 'tool-calls' | undefined;
}

export type LadderEvent =
  | { readonly type: 'question-asked'; readonly rungs: readonly Rung[] }
  | { readonly type: 'text-delta'; readonly rung: Rung; readonly text: string }
  | { readonly type: 'answerer-known'; readonly answerer: Answerer }
  | {
      readonly type: 'rung-finished';
      readonly rung: Rung;
      readonly reason: NonNullable<LadderState['reason']>;
      readonly calls: readonly ToolCall[];
    }
  | ({ readonly type: 'rung-failed' } & Failure)
  | { readonly type: 'stopped' };

export type LadderEffect = { readonly type: 'ask'; readonly rung: Rung } | { readonly type: 'abort' };

type Step = readonly [LadderState, readonly LadderEffect[]];

export const idle: LadderState = {
  phase: 'idle',
  rungs: [],
  at: 0,
  text: '',
  calls: [],
  answerer: undefined,
  failures: [],
  reason: undefined,
};

/** Characters of an answer; a rung that sends more has failed. */
export const answerLengthMax = 200_000;

/** Errors in the question itself: every rung would refuse it, and nobody is asked in vain. */
const ownFault = new Set(['context-length-exceeded', 'too-long', 'body-too-large']);

/** The ladder of one question, from the first rung down to an answer, a stop, or the last failure. */
export function reduceLadder(state: LadderState, event: LadderEvent): Step {
  const running = state.phase === 'asking' || state.phase === 'answering';
  if (event.type === 'question-asked') return running ? [state, []] : begin(event.rungs);
  if (!running) return [state, []];
  if (event.type === 'stopped') return [{ ...state, phase: 'stopped' }, [{ type: 'abort' }]];
  const current = state.rungs[state.at];
  // What a rung still says after it was left counts for nothing.
  if ((event.type === 'answerer-known' ? event.answerer.rung : event.rung) !== current) return [state, []];
  switch (event.type) {
    case 'answerer-known':
      return [{ ...state, answerer: event.answerer }, []];
    case 'text-delta':
      return addText(state, event.rung, event.text);
    case 'rung-finished':
      if (state.phase === 'asking' && event.calls.length === 0) return goDown(state, { rung: current, code: 'empty' });
      return [{ ...state, phase: 'finished', reason: event.reason, calls: event.calls }, []];
    case 'rung-failed': {
      const { rung, code, retryAfterSeconds } = event;
      return goDown(state, { rung, code, retryAfterSeconds });
    }
  }
}

function begin(rungs: readonly Rung[]): Step {
  const [first] = rungs;
  if (!first) return [{ ...idle, phase: 'failed', failures: [] }, []];
  return [{ ...idle, phase: 'asking', rungs }, [{ type: 'ask', rung: first }]];
}

function addText(state: LadderState, rung: Rung, text: string): Step {
  if (text === '') return [state, []];
  // The lower rung begins anew: until its first word the reader keeps what the upper one had written.
  const before = state.phase === 'answering' ? state.text : '';
  if (before.length + text.length > answerLengthMax) return goDown(state, { rung, code: 'answer-too-long' });
  return [{ ...state, phase: 'answering', text: before + text, answerer: state.answerer ?? { rung } }, []];
}

function goDown(state: LadderState, failure: Failure): Step {
  const failures = [...state.failures, failure];
  const next = ownFault.has(failure.code) ? undefined : state.rungs[state.at + 1];
  const abort: LadderEffect = { type: 'abort' };
  if (!next) return [{ ...state, phase: 'failed', failures }, [abort]];
  return [
    { ...state, phase: 'asking', at: state.at + 1, answerer: undefined, failures },
    [abort, { type: 'ask', rung: next }],
  ];
}
