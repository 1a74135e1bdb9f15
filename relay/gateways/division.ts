import type { BackendConfig } from '../native/bridge/backend-config.ts';

/**
 * What one of several processes has of each model server: slots, reserved ones and what may be paid, so that all of them together have
 * what was set. Slots for everybody are dealt out before reserved ones; a process without any does not have the server.
 * @param place of the process, from 0 to `of - 1`.
 */
export const shareOf = (backends: readonly BackendConfig[], place: number, of: number): readonly BackendConfig[] =>
  backends.flatMap((backend, index) => {
    const { slots, reserve, overflow } = backend;
    const allowances = overflow ? [overflow.requestsPerDay, overflow.tokensPerDay] : [];
    const holders = Math.min(of, slots - reserve, ...allowances);
    // Each server begins at another process, so that those with few slots are not all at the first.
    const turn = (place - index + of * index) % of;
    if (turn >= holders) return [];
    const part = (whole: number, at = turn) => Math.floor(whole / holders) + (at < whole % holders ? 1 : 0);
    const kept = part(reserve, holders - 1 - turn);
    return [
      {
        ...backend,
        slots: part(slots - reserve) + kept,
        reserve: kept,
        overflow: overflow && {
          requestsPerDay: part(overflow.requestsPerDay),
          tokensPerDay: part(overflow.tokensPerDay),
        },
      },
    ];
  });
