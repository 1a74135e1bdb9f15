import { m } from '#messages';
import type { WorkerView } from '#lib/state/answer.ts';
import { peerName } from './peer-colour.ts';
import { deviceText } from './words.ts';

/** Who answered. Separate from `words.ts` because no page's initial bundle needs it. */

export const workerText = (worker: WorkerView): string =>
  worker.self ? m.this_device() : m.peer_named({ peer: peerName(worker.peer), kind: deviceText(worker) });

const standingTexts: Readonly<Record<NonNullable<WorkerView['route']>['level'], () => string>> = {
  self: m.standing_self,
  own: m.standing_own,
  established: m.standing_established,
  'on-trial': m.standing_new,
  vouched: m.standing_vouched,
  stranger: m.standing_new,
  distrusted: m.standing_distrusted,
  forked: m.standing_distrusted,
};

/** How far the worker was trusted when it was chosen; undefined of an answer that an older version kept. */
export const standingText = ({ route }: WorkerView): string | undefined => route && standingTexts[route.level]();

export const pathText = {
  direct: m.path_direct,
  relayed: m.path_relayed,
  loopback: m.path_loopback,
} as const;
