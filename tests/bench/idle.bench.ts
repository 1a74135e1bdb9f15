import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startRelay } from '../fixtures/relay-process.ts';
import { processorMs } from './gateway/process.ts';
import { inspecting, inspectorIn, kilobytes, type Inspected } from './inspected.ts';
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
    const sinceMs = processorMs(relay.pid);
    await passed(measureMs);
    return {
      kilobytes: (after - before) / peers,
      percent: (100 * (processorMs(relay.pid) - sinceMs)) / measureMs,
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
