import { upstreamName } from '#lib/protocol/offer.ts';
import type { Attempts, ModelAttempt } from './attempts.ts';
import type { Caller } from './caller.ts';
import { assertSupported, type ModelList } from './model-list.ts';

/**
 * The attempts of a request, and those at other providers that workers pay where the models themselves are busy: after all
 * that the request names, and before them while none of those has a free slot. There are none for a request that says which
 * peers may read it, as with `provider.only`, `tabloom.peers` or `allow_fallbacks: false`, and none beside the models of a
 * key that names its own.
 */
export function withUpstream(attempts: Attempts, caller: Caller, models: ModelList): Attempts {
  const paid = attempts.flatMap((attempt) => upstreamOf(attempt, caller, models) ?? []);
  const [first, ...others] = paid;
  if (!first) return attempts;
  const isFull = attempts.every(({ model }) =>
    models.offersOf(model).every((offer) => offer.model.running >= offer.model.slots),
  );
  return isFull ? [first, ...others, ...attempts] : [...attempts, ...paid];
}

function upstreamOf(attempt: ModelAttempt, caller: Caller, models: ModelList): ModelAttempt | undefined {
  const { ask } = attempt;
  const name = upstreamName(attempt.model);
  if (ask.tier !== 'open' || ask.only !== undefined || ask.model === 'any') return undefined;
  if (caller.type === 'key' && caller.key.models.length > 0 && !caller.key.models.includes(name)) return undefined;
  if (!models.offersOf(name).some(({ model }) => model.upstream)) return undefined;
  try {
    assertSupported(name, ask, ask, models);
  } catch {
    return undefined;
  }
  const contextTokens = models.contextTokens(name);
  return { ...attempt, model: name, contextTokens, ask: { ...ask, model: { name } } };
}
