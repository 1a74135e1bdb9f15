import { m } from '#messages';
import type { WorkerView } from '#lib/state/answer.ts';
import { peerName } from './peer-colour.ts';
import { deviceText } from './words.ts';

/** Who answered. Separate from `words.ts` because no page's initial bundle needs it. */

export const workerText = (worker: WorkerView): string =>
  worker.self ? m.this_device() : m.peer_named({ peer: peerName(worker.peer), kind: deviceText(worker) });

export const pathText = {
  direct: m.path_direct,
  relayed: m.path_relayed,
  loopback: m.path_loopback,
} as const;
