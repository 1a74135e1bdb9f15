import { m } from '#messages';
import type { WorkerView } from '#lib/state/answer.ts';
import { peerName } from './peer-colour.ts';
import { machineWords } from './words.ts';

/** Who answered and how it was reached; no page begins with it, so it stands apart from the other words. */

export const workerWords = (worker: WorkerView): string =>
  worker.self ? m.this_device() : m.peer_named({ peer: peerName(worker.peer), kind: machineWords(worker) });

export const pathWords = {
  direct: m.path_direct,
  relayed: m.path_relayed,
  loopback: m.path_loopback,
} as const;
