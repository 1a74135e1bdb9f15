import { fork } from 'node:child_process';
import { once } from 'node:events';
import { scriptedModel } from '#lib/engine/catalog.ts';
import type { Tuning } from '#lib/net/libp2p/tuning.ts';
import type { Peer } from '#lib/peer/peer.ts';
import { installEd25519 } from '#lib/protocol/ed25519.ts';
import { limits } from '#lib/protocol/limits.ts';
import { createNodeEd25519 } from '../../relay/ed25519.ts';
import { startRelay } from '../fixtures/relay-process.ts';
import { chat, knows, run, startPeer } from '../integration/peer/ground.ts';
import { file } from './gateway/field.ts';
import { processorMs } from './gateway/process.ts';
import type { Row } from './row.ts';

const warmups = 150;
const shortAnswers = 300;
const shortSeconds = 8;
/** As many as one peer may ask at once. */
const [streams, streamTokens] = [limits.jobsPerPeerMax, 400];
/** No direct connection is made in a millisecond: the relayed one is used. */
const relayedOnly: Partial<Tuning> = { directTryTimeoutsMs: [1], directTimeoutMs: 1 };

/** Two whole peers over libp2p on loopback, each a process of its own, with a receipt for every answer. */
export default async function peers(): Promise<readonly Row[]> {
  installEd25519(createNodeEd25519());
  const relay = await startRelay({ native: 'no-native' });
  const { peer: relayId } = (await (await fetch(`${relay.url}/relay.json`)).json()) as { readonly peer: string };
  const address = `/ip4/127.0.0.1/tcp/${relay.port}/ws/p2p/${relayId}`;
  const worker = fork(file('../peers/worker.process.ts'), ['71', address]);
  const askers: Peer[] = [];
  try {
    const [{ peer }] = (await once(worker, 'message')) as [{ readonly peer: string }];
    const enter = async (number: number, tuning?: Partial<Tuning>) => {
      const asker = await startPeer(number, () => address, tuning ? { tuning } : {});
      askers.push(asker);
      await knows(asker, peer);
      return asker;
    };
    const near = await enter(72);
    const direct = await measureShort(near, worker.pid!);
    const paced = await measurePaced(near, worker.pid!);
    const relayed = await measureShort(await enter(73, relayedOnly), worker.pid!);
    const sides = ({ worker: one, asker: other }: Sides, digits: number) =>
      `${one.toFixed(digits)}; ${other.toFixed(digits)} ms`;
    return [
      {
        what: 'processor time of a short answer over libp2p: worker; asker',
        value: sides(direct, 1),
        goal: '≤ 8 ms a side',
        note: `${direct.path}, one after another`,
      },
      {
        what: `processor time of a token at 100/s over libp2p, ${streams} streams: worker; asker`,
        value: sides(paced, 3),
        goal: '≤ 0.3 ms a side',
        note: paced.path,
      },
      {
        what: 'answers/s of two peers: direct; through a relay',
        value: `${direct.perSecond.toFixed(0)}; ${relayed.perSecond.toFixed(0)}`,
        goal: 'reported',
        note: `${relayed.path}: worker ${relayed.worker.toFixed(1)} ms, asker ${relayed.asker.toFixed(1)} ms each`,
      },
    ];
  } finally {
    for (const asker of askers) await asker.stop();
    worker.kill('SIGKILL');
    await relay.dispose();
  }
}

/** Processor time of each side, in ms. */
interface Sides {
  readonly worker: number;
  readonly asker: number;
  readonly path: string;
}

const request = (rate: number, maxTokens: number) =>
  chat('hello', { model: { artefact: scriptedModel(rate).artefact }, params: { maxTokens, temperature: 0 } });

async function ask(asker: Peer, rate: number, maxTokens: number): Promise<string> {
  const { phase, path = 'no path', error } = await run(asker.consumer, request(rate, maxTokens));
  if (phase !== 'finished') throw new Error(`an answer ended as ${phase}: ${error?.code}`);
  return path;
}

async function measureShort(asker: Peer, workerPid: number): Promise<Sides & { readonly perSecond: number }> {
  for (let i = 0; i < warmups; i++) await ask(asker, 0, 1);
  const stop = startMeasuring(workerPid);
  const endMs = performance.now() + shortSeconds * 1_000;
  let [path, count] = ['', 0];
  for (; count < shortAnswers && performance.now() < endMs; count++) path = await ask(asker, 0, 1);
  const { worker, own, seconds } = stop();
  return { worker: worker / count, asker: own / count, path, perSecond: count / seconds };
}

async function measurePaced(asker: Peer, workerPid: number): Promise<Sides> {
  await ask(asker, 100, 20);
  const stop = startMeasuring(workerPid);
  const [path = ''] = await Promise.all(Array.from({ length: streams }, () => ask(asker, 100, streamTokens)));
  const { worker, own } = stop();
  return { worker: worker / (streams * streamTokens), asker: own / (streams * streamTokens), path };
}

/** The asker is this process, which does nothing else meanwhile. */
function startMeasuring(workerPid: number) {
  const before = { worker: processorMs(workerPid), own: process.cpuUsage(), atMs: performance.now() };
  return () => {
    const { user, system } = process.cpuUsage(before.own);
    return {
      worker: processorMs(workerPid) - before.worker,
      own: (user + system) / 1_000,
      seconds: (performance.now() - before.atMs) / 1_000,
    };
  };
}
