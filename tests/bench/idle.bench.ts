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
  const relay = await startRelay({ native: 'no-native' });
  try {
    const { peer } = (await (await fetch(`${relay.url}/relay.json`)).json()) as { peer: string };
    return await measure(relay.pid, 'peers', `/ip4/127.0.0.1/tcp/${relay.port}/ws/p2p/${peer}`);
  } finally {
    await relay.dispose();
  }
}

async function measureBare(): Promise<Cost> {
  const relay = side('bare-relay');
  try {
    const [{ address }] = (await once(relay, 'message')) as [{ address: string }];
    return await measure(relay.pid!, 'bare-peers', address);
  } finally {
    relay.kill('SIGKILL');
  }
}

async function measure(pid: number, kind: string, address: string): Promise<Cost> {
  const before = await usage(pid);
  const crowd = side(kind, String(peers), address);
  try {
    await once(crowd, 'message');
    await passed(settleMs);
    const settled = await usage(pid);
    await passed(measureMs);
    const after = await usage(pid);
    return {
      kilobytes: (after.kilobytes - before.kilobytes) / peers,
      percent: (100 * (after.processorMs - settled.processorMs)) / measureMs,
    };
  } finally {
    crowd.kill('SIGKILL');
  }
}

const side = (...args: readonly string[]): ChildProcess =>
  spawn(process.execPath, [fileURLToPath(new URL('./idle.process.ts', import.meta.url)), ...args], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });

const passed = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Resident memory and processor time of a process, from Linux procfs, which counts time in ticks of 10 ms. */
async function usage(pid: number): Promise<{ readonly kilobytes: number; readonly processorMs: number }> {
  const stat = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ');
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return {
    kilobytes: Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]),
    processorMs: 10 * (Number(stat[11]) + Number(stat[12])),
  };
}
