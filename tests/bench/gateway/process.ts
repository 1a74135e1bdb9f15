import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A process that is measured or asked. */
export interface Server {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const startMs = 20_000;

/** Resolves when it takes requests. `port` is read from its first line of output where it is not given. */
export async function startServer(args: readonly string[], port?: number): Promise<Server> {
  const child = spawn(process.execPath, [...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  const left = new Promise<never>((_, reject) => {
    child.once('exit', (code) => reject(new Error(`${args[0]} exited with ${code}`)));
  });
  left.catch(() => undefined);
  const firstLine = new Promise<string>((resolve) => child.stdout.once('data', (data: Buffer) => resolve(`${data}`)));
  const url = `http://127.0.0.1:${port ?? Number(await Promise.race([firstLine, left]))}`;
  child.stdout.resume();
  await Promise.race([untilListening(url), left]);
  return {
    url,
    pid: child.pid!,
    async stop() {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode === null && child.kill()) await exited;
    },
  };
}

async function untilListening(url: string): Promise<void> {
  const deadline = performance.now() + startMs;
  while (performance.now() < deadline) {
    const ok = await fetch(url).then(
      async (response) => (await response.arrayBuffer(), true),
      () => false,
    );
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} does not listen after ${startMs} ms`);
}

/** Processor time of a process so far, user and system, all threads, in ms. Linux only. */
export function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  const ticksPerSecond = 100;
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond;
}

/** Resident memory in MiB. Linux only. */
export function residentMiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1_024;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
