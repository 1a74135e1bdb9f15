import type { AskRequest } from '#lib/peer/spec.ts';
import { definedOf, toAskRequest, type AskingTerms, type OfferedTools } from './ask-request.ts';
import { attachedOf, attachmentRoom, lengthOf, promptWith, withFound, type RankPassages } from './attachment.ts';
import type { ConversationParts } from './conversation-spec.ts';
import { blobsOf } from './pictures.ts';
import { goOnRequest } from './go-on.ts';
import { answerRoom } from './fit-messages.ts';
import type { ChatOptions } from './records.ts';
import type { Needs } from './narrow-route.ts';
import type { Target } from './target.ts';
import type { Turn } from './turn.svelte.ts';

type PlanParts = Pick<
  ConversationParts,
  'settings' | 'budget' | 'contextTokens' | 'rank' | 'meaning' | 'shelf' | 'resuming' | 'sees'
>;

/** What is sent for the questions of a conversation: for the model that is likely to answer, as things are now. */
export function createAskPlan(parts: PlanParts, options: () => ChatOptions, needs: () => Needs) {
  const terms = (): AskingTerms => {
    const { answerTokensMax, temperature, aboutYou } = parts.settings();
    const { about, system } = options();
    const first = [about ? aboutYou : undefined, system].map((text) => text?.trim()).filter(Boolean);
    return {
      answerTokensMax,
      temperature,
      ...definedOf(options()),
      ...(first.length > 0 ? { system: first.join('\n\n') } : {}),
    };
  };

  /** Characters of attachments that can go with a question. */
  const room = (question: string, target: Target): number => {
    const contextTokens = parts.contextTokens(target, needs());
    const used = `${question}${terms().system ?? ''}`;
    return attachmentRoom(used, contextTokens, answerRoom(contextTokens, terms().answerTokensMax));
  };

  return {
    room,
    /** Decides what of its attachments a question takes along. */
    async fill(turn: Turn, target: Target, signal: AbortSignal): Promise<void> {
      const { meaning, shelf, tier = 'open' } = options();
      const attached = attachedOf(turn.attachments);
      const all = room(turn.question, target);
      // Of what is attached there is at least half of the room, if it needs that.
      const left = all - Math.min(lengthOf(attached), Math.floor(all / 2));
      const found = shelf && turn.question !== '' ? await parts.shelf(turn.question, left) : [];
      if (attached.length + found.length === 0) return;
      const model = meaning && parts.meaning.model(target);
      const peer = target.by === 'anyone' ? undefined : target.by;
      const rank: RankPassages = model
        ? (question, passages) => parts.meaning.rank(question, passages, { model, tier, peer }, signal)
        : parts.rank;
      const { prompt, attachments } = await promptWith(turn.question, attached, all - lengthOf(found), rank);
      turn.prompt = withFound(found, prompt);
      turn.attachments = [...attachments, ...found];
    },
    /**
     * How the answer at the end of a path goes on where it was cut off. Undefined where nobody can, and it takes another turn.
     */
    goOn(path: readonly Turn[], target: Target): AskRequest | undefined {
      const { answer, ids } = path.at(-1)!;
      const resuming = answer.job && parts.resuming(answer.job.artefact, target);
      const { tier } = options();
      // In a higher tier than it was begun in, the question is asked anew.
      if (!resuming || (tier && tier !== answer.job?.tier)) return undefined;
      const { answerTokensMax } = terms();
      const request = goOnRequest(answer, ids, { target, ...resuming, answerTokensMax, budget: parts.budget() });
      return request && { ...request, blobs: blobsOf(path) };
    },
    /** @param path from the first turn to the one that is asked now. */
    request(path: readonly Turn[], target: Target, tools: OfferedTools | undefined): AskRequest {
      const { request, leftOut, picturesLeftOut } = toAskRequest(path, target, {
        terms: terms(),
        contextTokens: parts.contextTokens(target, needs()),
        budget: parts.budget(),
        tools,
        sight: parts.sees(target, needs().tier) ? 'sees' : 'blind',
      });
      path.at(-1)!.leftOut = leftOut;
      path.at(-1)!.picturesLeftOut = picturesLeftOut;
      return request;
    },
  };
}
