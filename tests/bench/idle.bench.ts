import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { startRelay } from '../fixtures/relay-process.ts';
import type { Row } from './row.ts';

const peers = 300;
const settleMs = 15_000;
const measureMs = 30_000;

/** The cost of idle peers to a relay: the shipped program, then plain js-libp2p in the same run. */
export default async function idle(): Promise<readonly Row[]> {
  const own = await measureOwn();
  const bare = await measureBare();
  return [
    {
      what: 'relay memory per idle peer',
      value: `${own.kilobytes.toFixed(0)} kB`,
      goal: 'within a quarter of plain js-libp2p',
      note: `${peers} peers; plain js-libp2p ${bare.kilobytes.toFixed(0)} kB`,
    },
    {
      what: 'relay processor time for idle peers',
      value: `${own.percent.toFixed(1)} % of a core`,
      goal: 'at most plain js-libp2p',
      note: `${peers} peers, ${measureMs / 1_000} s; plain js-libp2p ${bare.percent.toFixed(1)} %`,
    },
  ];
}

/** Of the relay process. */
interface Cost {
  readonly kilobytes: number;
  readonly percent: number;
}

async function measureOwn(): Promise<Cost> {
  const relay = await startRelay({ native: 'no-native', env: { NODE_OPTIONS: inspecting } });
  try {
    const { peer } = (await (await fetch(`${relay.url}/relay.json`)).json()) as { peer: string };
    const address = `/ip4/127.0.0.1/tcp/${relay.port}/ws/p2p/${peer}`;
    return await measure({ pid: relay.pid, inspector: inspectorIn(relay.text()) }, 'peers', address);
  } finally {
    await relay.dispose();
  }
}

async function measureBare(): Promise<Cost> {
  const relay = side(['bare-relay'], [inspecting]);
  let text = '';
  relay.stderr!.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  try {
    const [{ address }] = (await once(relay, 'message')) as [{ address: string }];
    return await measure({ pid: relay.pid!, inspector: inspectorIn(text) }, 'bare-peers', address);
  } finally {
    relay.kill('SIGKILL');
  }
}

async function measure(relay: Inspected, kind: string, address: string): Promise<Cost> {
  const before = await kilobytes(relay);
  const crowd = side([kind, String(peers), address]);
  const left = once(crowd, 'exit').then(() => Promise.reject(new Error(`the ${kind} left before all had connected`)));
  try {
    await Promise.race([once(crowd, 'message'), left]);
    await passed(settleMs);
    const after = await kilobytes(relay);
    const sinceMs = await processorMs(relay);
    await passed(measureMs);
    return {
      kilobytes: (after - before) / peers,
      percent: (100 * ((await processorMs(relay)) - sinceMs)) / measureMs,
    };
  } finally {
    crowd.kill('SIGKILL');
  }
}

const side = (args: readonly string[], execArgv: readonly string[] = []): ChildProcess =>
  spawn(process.execPath, [...execArgv, fileURLToPath(new URL('./idle.process.ts', import.meta.url)), ...args], {
    stdio: ['ignore', 'ignore', execArgv.length > 0 ? 'pipe' : 'inherit', 'ipc'],
  });

const passed = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A process whose debugger listens. */
interface Inspected {
  readonly pid: number;
  readonly inspector: string;
}

const inspecting = '--inspect=127.0.0.1:0';
const inspectorIn = (text: string): string => /ws:\S+/.exec(text)![0];

/** Resident memory once garbage has been collected: most of the growth while peers connect is garbage. */
async function kilobytes({ pid, inspector }: Inspected): Promise<number> {
  const socket = new WebSocket(inspector);
  await once(socket, 'open');
  for (const id of [1, 2]) {
    socket.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }));
    await once(socket, 'message');
  }
  socket.close();
  return Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))![1]);
}

/** User and system time so far, from Linux procfs, which counts in ticks of 10 ms. */
async function processorMs({ pid }: Inspected): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}
