import type { ToolCall } from '#lib/protocol/kinds/chat.ts';
import type { ToolResult } from './toolbox.ts';

/**
 * Ask, run what the model calls, ask again with the results: as often as {@link roundsMax}. Then the model is asked once more
 * without tools, so that it answers in words with what it has.
 */
export interface ToolLoop {
  readonly phase: 'asking' | 'running' | 'over';
  /** Rounds of calls that were run. */
  readonly round: number;
}

export type ToolLoopEvent =
  /** @param calls of an answer that is whole; none of one that failed or was stopped. */
  | { readonly type: 'answer-ended'; readonly calls: readonly ToolCall[] }
  | { readonly type: 'results-ready'; readonly results: readonly ToolResult[] }
  | { readonly type: 'stopped' };

export type ToolLoopEffect =
  | { readonly type: 'run-calls'; readonly calls: readonly ToolCall[] }
  | { readonly type: 'ask'; readonly results: readonly ToolResult[]; readonly tools: 'offered' | 'withheld' };

export const roundsMax = 8;

export const firstRound: ToolLoop = { phase: 'asking', round: 0 };

/** Pure; an event that does not fit the phase changes nothing. */
export function reduceToolLoop(
  state: ToolLoop,
  event: ToolLoopEvent,
): readonly [ToolLoop, effect: ToolLoopEffect | undefined] {
  if (state.phase === 'over') return [state, undefined];
  if (event.type === 'stopped') return [{ ...state, phase: 'over' }, undefined];
  if (event.type === 'answer-ended' && state.phase === 'asking') {
    if (event.calls.length === 0 || state.round >= roundsMax) return [{ ...state, phase: 'over' }, undefined];
    return [
      { ...state, phase: 'running' },
      { type: 'run-calls', calls: event.calls },
    ];
  }
  if (event.type === 'results-ready' && state.phase === 'running') {
    const round = state.round + 1;
    const tools = round >= roundsMax ? 'withheld' : 'offered';
    return [
      { phase: 'asking', round },
      { type: 'ask', results: event.results, tools },
    ];
  }
  return [state, undefined];
}
