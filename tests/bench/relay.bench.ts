import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { startRelay } from '../fixtures/relay-process.ts';
import { file } from './gateway/field.ts';
import { processorMs } from './gateway/process.ts';
import { inspecting, inspectorIn, kilobytes, type Inspected } from './inspected.ts';
import { median, type Row } from './row.ts';

const sizes = [100, 500, 1_000];
const rounds = 3;
/** Between two announcements of a peer, which a relay expects to be apart. */
const betweenMs = 2_000;

/**
 * One relay with many clients that all announce at once: the shipped program, then plain js-libp2p with the same clients. Ours
 * checks every offer and keeps it; the other one passes bytes on.
 */
export default async function relay(): Promise<readonly Row[]> {
  const own = await measureOwn();
  const bare = await measureBare();
  return own.map((one, i): Row => {
    const other = bare[i];
    const show = (read: (cost: Cost) => string) => `${read(one)}; ${other ? read(other) : '–'}`;
    return {
      what: `relay with ${sizes[i]!.toLocaleString('en')} clients: memory a connection; announcements/s; delivered`,
      value: `${one.kilobytes.toFixed(0)} kB; ${one.perSecond.toFixed(0)}; ${(100 * one.delivered).toFixed(1)} %`,
      goal: 'reported',
      note:
        `plain js-libp2p ${other ? `${other.kilobytes.toFixed(0)} kB; ${other.perSecond.toFixed(0)}; ${(100 * other.delivered).toFixed(1)} %` : 'not measured'}; ` +
        `processor time each ${show(({ processorMs: ms }) => `${ms.toFixed(2)} ms`)}; joined ${show(({ clients }) => String(clients))}`,
    };
  });
}

interface Cost {
  /** As many as joined in the time there was. */
  readonly clients: number;
  readonly kilobytes: number;
  readonly perSecond: number;
  /** Share of the announcements that reached another client. */
  readonly delivered: number;
  /** Of the relay, for one announcement. */
  readonly processorMs: number;
}

async function measureOwn(): Promise<readonly Cost[]> {
  const program = await startRelay({ native: 'no-native', env: { NODE_OPTIONS: inspecting } });
  try {
    const { peer } = (await (await fetch(`${program.url}/relay.json`)).json()) as { readonly peer: string };
    const address = `/ip4/127.0.0.1/tcp/${program.port}/ws/p2p/${peer}`;
    return await measure({ pid: program.pid, inspector: inspectorIn(program.text()) }, address);
  } finally {
    await program.dispose();
  }
}

async function measureBare(): Promise<readonly Cost[]> {
  const program = spawn(process.execPath, [inspecting, file('../idle.process.ts'), 'bare-relay'], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let text = '';
  program.stderr!.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  try {
    const [{ address }] = (await once(program, 'message')) as [{ readonly address: string }];
    return await measure({ pid: program.pid!, inspector: inspectorIn(text) }, address);
  } finally {
    program.kill('SIGKILL');
  }
}

async function measure(relayed: Inspected, address: string): Promise<readonly Cost[]> {
  const crowd = fork(file('../relay.process.ts'), [address]);
  const left = once(crowd, 'exit').then(() => Promise.reject(new Error('the crowd left')));
  const answer = async (message?: object): Promise<Record<string, number>> => {
    if (message) crowd.send(message);
    const [said] = (await Promise.race([once(crowd, 'message'), left])) as [Record<string, number>];
    return said;
  };
  left.catch(() => undefined);
  try {
    await answer();
    const emptyKilobytes = await kilobytes(relayed);
    const costs: Cost[] = [];
    let seq = 0;
    for (const size of sizes) {
      const { clients = 0 } = await answer({ join: size });
      const grown = (await kilobytes(relayed)) - emptyKilobytes;
      const seen: (readonly [perSecond: number, delivered: number, processorMs: number])[] = [];
      for (let round = 0; round < rounds; round++) {
        const beforeMs = processorMs(relayed.pid);
        const { seen: arrived = 0, ms = 1 } = await answer({ announce: ++seq });
        const usedMs = processorMs(relayed.pid) - beforeMs;
        seen.push([(1_000 * arrived) / ms, arrived / clients, usedMs / clients]);
        await new Promise((resolve) => setTimeout(resolve, betweenMs));
      }
      const [perSecond = 0, delivered = 0, usedMs = 0] = [0, 1, 2].map((i) => median(seen.map((one) => one[i]!)));
      costs.push({ clients, kilobytes: grown / clients, perSecond, delivered, processorMs: usedMs });
    }
    return costs;
  } finally {
    crowd.kill('SIGKILL');
  }
}
