import type { NetStatus } from '#lib/net/spec.ts';
import type { Shelf } from '../spec.ts';

/**
 * What makes two announcements say the same, in the parts that change at different times: what is served, the ways to
 * it, and how busy it is. Others must know the first two at once; the third changes with every job, in the very moment
 * in which the job's first token is due.
 */
export interface Wording {
  readonly served: string;
  readonly ways: string;
  readonly load: string;
}

const loadFields: ReadonlySet<string> = new Set(['running', 'queued', 'measured']);

export const servedWording = (shelves: readonly (Shelf | undefined)[]): string =>
  JSON.stringify(shelves, (field, value: unknown) => (loadFields.has(field) ? undefined : value));

export const loadWording = (shelves: readonly (Shelf | undefined)[]): string =>
  JSON.stringify(
    shelves.map((shelf) => shelf?.models.map(({ running, queued, measured }) => [running, queued, measured])),
  );

export const waysWording = (addresses: readonly string[], { relays }: Pick<NetStatus, 'relays'>): string =>
  JSON.stringify([
    addresses,
    relays.filter(({ state }) => state === 'connected' || state === 'reserved').map(({ peer, state }) => [peer, state]),
  ]);
