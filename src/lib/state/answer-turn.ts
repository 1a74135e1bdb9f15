import { raceSignal } from '#lib/base/abort.ts';
import { toErrorRecord } from '#lib/base/errors.ts';
import { isOver } from '#lib/peer/session/job-state.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import type { ConversationParts } from './conversation-spec.ts';
import type { Turn } from './turn.svelte.ts';

/** How often an answer is saved while it arrives: at most this much is lost in a crash. */
const saveEveryMs = 2_000;

interface AnswerTurnParts extends Pick<ConversationParts, 'asking' | 'now'> {
  readonly where: 'network' | 'this-device';
  /** Decides what is sent, once somebody can be asked. */
  readonly request: () => Promise<AskRequest>;
  readonly save: () => void;
  readonly signal: AbortSignal;
}

/** Asks the question of a turn. Resolves when its answer has ended in any way; an error becomes the end of the answer. */
export async function answerTurn(
  turn: Turn,
  { asking, now, where, request, save, signal }: AnswerTurnParts,
): Promise<void> {
  turn.live = true;
  let savedAt = now();
  save();
  try {
    // If stopped before the tab is ready, do not wait for it.
    const port = await raceSignal(asking(), signal);
    for await (const event of port.ask(await raceSignal(request(), signal), { signal, where })) {
      turn.apply(event);
      if (now() - savedAt < saveEveryMs) continue;
      savedAt = now();
      save();
    }
  } catch (error) {
    if (signal.aborted) turn.apply({ type: 'job-cancelled', at: now() });
    else if (!isOver(turn.answer))
      turn.apply({ type: 'job-failed', at: now(), error: toErrorRecord(error), rejections: [] });
  } finally {
    turn.live = false;
  }
}
