import { throwIfAborted } from '#lib/base/abort.ts';
import type { ChatTool, ToolCall } from '#lib/protocol/kinds/chat.ts';
import type { OfferedTools } from '../ask-request.ts';
import { firstRound, reduceToolLoop } from './tool-loop.ts';
import type { Toolbox, ToolResult } from './toolbox.ts';

interface Answered {
  readonly answer: { readonly phase: string; readonly output: { readonly toolCalls: readonly ToolCall[] } };
}

interface ToolLoopParts<T> {
  /** Those that are switched on, where the model can use them. */
  readonly tools: readonly ChatTool[];
  /** Resolves when the answer has ended in any way. */
  readonly ask: (turn: T, tools: OfferedTools | undefined) => Promise<void>;
  readonly run: Toolbox['run'];
  /** The turn in which the model is asked with these results; undefined where there is no room for it. */
  readonly follow: (turn: T, results: readonly ToolResult[]) => T | undefined;
  readonly signal: AbortSignal;
}

/** Asks, runs what the answer calls, and asks again with what came of it: the runner of {@link reduceToolLoop}. */
export async function answerWithTools<T extends Answered>(
  first: T,
  { tools, ask, run, follow, signal }: ToolLoopParts<T>,
): Promise<void> {
  const names = tools.map(({ name }) => name);
  let [turn, loop, as] = [first, firstRound, 'offered' as OfferedTools['as']];
  for (;;) {
    await ask(turn, tools.length > 0 ? { tools, as } : undefined);
    const calls = tools.length > 0 && turn.answer.phase === 'finished' ? turn.answer.output.toolCalls : [];
    const [running, wanted] = reduceToolLoop(loop, { type: 'answer-ended', calls });
    if (wanted?.type !== 'run-calls') return;
    const results = await run(wanted.calls, names, { signal });
    throwIfAborted(signal);
    const [asking, again] = reduceToolLoop(running, { type: 'results-ready', results });
    const next = again?.type === 'ask' ? follow(turn, again.results) : undefined;
    if (again?.type !== 'ask' || !next) return;
    [turn, loop, as] = [next, asking, again.tools];
  }
}
