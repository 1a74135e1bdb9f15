import type { ErrorRecord } from '#lib/base/errors.ts';
import type { Rejection, RouteQuery } from '#lib/market/spec.ts';
import { isWireErrorCode, wireErrors, type WireErrorCode } from '#lib/protocol/errors.ts';

/**
 * The one error for "nobody could do it", the most useful first: the request's own fault, then a queue to wait for, then
 * the last worker that was lost, and only then that there is no worker.
 */
export function nobodyLeft(
  wish: RouteQuery,
  rejections: readonly Rejection[],
  tried: readonly ErrorRecord[],
): ErrorRecord {
  const never = tried.find(({ code }) => isWireErrorCode(code) && wireErrors[code].retry === 'never');
  if (never) return never;
  const reasons = new Set(rejections.map(({ reason }) => reason));
  reasons.delete('tried-already');
  reasons.delete('not-allowed');
  if (tried.length === 0 && reasons.size === 1) {
    if (reasons.has('context-too-small')) return record('too-long');
    if (reasons.has('queue-full')) return record('busy');
  }
  const busy = tried.filter(({ code }) => code === 'busy');
  if (busy.length > 0) return soonest(busy);
  const lost = tried.findLast(({ code }) => code !== 'draining' && code !== 'model-not-here');
  if (lost) return lost;
  const { model } = wish;
  if (model === 'any' || 'artefact' in model) return record('no-peer-available');
  return record('no-peer-available', `No peer serves "${model.name}" now. Try again soon or use this device.`);
}

const record = (code: WireErrorCode, message: string = wireErrors[code].says): ErrorRecord => ({ code, message });

/** Of several full queues the one that frees first. */
function soonest(busy: readonly ErrorRecord[]): ErrorRecord {
  const waits = busy.flatMap(({ details }) =>
    typeof details?.['retryAfterMs'] === 'number' ? details['retryAfterMs'] : [],
  );
  return { ...record('busy'), ...(waits.length > 0 ? { details: { retryAfterMs: Math.min(...waits) } } : {}) };
}
