import { limits } from '#lib/protocol/limits.ts';
import type { JobState } from './lifecycle.ts';

/**
 * What an asker does when its worker is lost. `next`: begins again elsewhere, nobody has read anything yet. `fail`: says
 * so at once and leaves the retry to the person.
 *
 * Everything an answer needs to go on elsewhere is in the state (`text`, `tokens`), on the wire (`resume`) and in
 * providers and engines; this function is the one place that decides not to.
 */
export type AfterLoss = 'next' | 'fail';

export function afterLoss(state: JobState): AfterLoss {
  if (state.attempt >= limits.attemptsMax) return 'fail';
  return state.text === '' && state.tokens === 0 ? 'next' : 'fail';
}
