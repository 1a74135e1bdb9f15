import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../../relay/main.ts', import.meta.url));

/** The program as a person starts it, in a process of its own with its own data. */
export interface RelayProcess {
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  /** Everything said on standard output and standard error so far. */
  text(): string;
  /** Sends the signal and resolves with the exit code. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface RelayInput {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly dataDir?: string;
}

export const temporaryFolder = () => mkdtemp(join(tmpdir(), 'tabloom-relay-'));

/** Resolves when it says that it is ready. @throws with its words when it leaves before. */
export async function startRelayProcess({ args = [], env = {}, dataDir }: RelayInput = {}): Promise<RelayProcess> {
  const folder = dataDir ?? (await temporaryFolder());
  const { child, text, exited } = launch(['--port', '0', ...args], { DATA_DIR: folder, ...env });
  const ready = new Promise<void>((resolve) => {
    child.stdout.on('data', () => {
      if (/^Ready after/m.test(text())) resolve();
    });
  });
  await Promise.race([ready, exited.then((code) => Promise.reject(new Error(`left with ${code}: ${text()}`)))]);
  const url = /(http:\/\/localhost:\d+)/.exec(text())![1]!;
  return {
    url,
    port: Number(new URL(url).port),
    dataDir: folder,
    text,
    async end(signal = 'SIGTERM') {
      if (child.exitCode === null) child.kill(signal);
      const code = await exited;
      if (dataDir === undefined) await rm(folder, { recursive: true, force: true });
      return code;
    },
  };
}

/** Runs the program until it leaves by itself. */
export async function runRelay(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { text, exited } = launch(args, env);
  const code = await exited;
  return { code, text: text() };
}

function launch(args: readonly string[], env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [main, ...args], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, text: () => said, exited };
}
