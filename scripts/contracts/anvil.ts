import { spawn, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export type AnvilOptions = {
  /** 0, the default, takes any free port. */
  readonly port?: number;
  readonly host?: string;
  readonly chainId?: number;
  /** State file: loaded at start if it exists, and written on exit. */
  readonly statePath?: string;
  readonly extra?: readonly string[];
  readonly signal?: AbortSignal;
  /** Time limit for starting to listen, in milliseconds. */
  readonly startTimeoutMs?: number;
  /** Time limit for writing its state on shutdown, in milliseconds, after which it is killed. */
  readonly stopTimeoutMs?: number;
};

export type Anvil = {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Stops the chain, which first writes its state, and waits for it to exit. Kills it if it does not. */
  readonly stop: () => Promise<void>;
};

const platforms: Readonly<Record<string, string>> = {
  'linux-x64': 'anvil-linux-amd64',
  'linux-arm64': 'anvil-linux-arm64',
  'darwin-x64': 'anvil-darwin-amd64',
  'darwin-arm64': 'anvil-darwin-arm64',
  'win32-x64': 'anvil-win32-amd64',
};

/** The binary inside the platform package, without a wrapper process, so that signals reach the chain itself. */
export function anvilPath(): string {
  const name = platforms[`${process.platform}-${process.arch}`];
  if (!name) throw new Error(`there is no anvil for ${process.platform}-${process.arch}`);
  const near = createRequire(createRequire(import.meta.url).resolve('@foundry-rs/anvil/package.json'));
  const binary = process.platform === 'win32' ? 'anvil.exe' : 'anvil';
  return join(dirname(near.resolve(`@foundry-rs/${name}/package.json`)), 'bin', binary);
}

/** Starts a local chain and waits until it listens. It stops on `signal`, on `stop`, and with this process. */
export async function startAnvil(options: AnvilOptions = {}): Promise<Anvil> {
  const { port = 0, host = '127.0.0.1', chainId = 31337, statePath, extra = [], signal } = options;
  signal?.throwIfAborted();
  const child = spawn(
    anvilPath(),
    [
      `--port=${port}`,
      `--host=${host}`,
      `--chain-id=${chainId}`,
      ...(statePath ? [`--state=${statePath}`] : []),
      ...extra,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const onExit = () => child.kill('SIGKILL');
  const onAbort = () => child.kill('SIGTERM');
  process.once('exit', onExit);
  signal?.addEventListener('abort', onAbort, { once: true });
  void gone.then(() => {
    process.off('exit', onExit);
    signal?.removeEventListener('abort', onAbort);
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), options.stopTimeoutMs ?? 5_000);
    await gone;
    clearTimeout(timer);
  };
  try {
    const listening = await listeningPort(child, gone, options.startTimeoutMs ?? 10_000);
    return { url: `http://${host}:${listening}`, port: listening, pid: child.pid!, stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

/** Reads the chain's output up to the line with its port; later output is discarded. */
function listeningPort(child: ChildProcess, gone: Promise<void>, timeoutMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => reject(new Error(`anvil did not listen within ${timeoutMs} ms`)), timeoutMs);
    const onOutput = (bytes: Buffer) => {
      if (output.length > 65_536) return;
      output += bytes.toString('utf8');
      const found = /Listening on .*:(\d+)/.exec(output);
      if (!found) return;
      clearTimeout(timer);
      output = ''.padEnd(65_537);
      resolve(Number(found[1]));
    };
    child.stdout?.on('data', onOutput);
    child.stderr?.on('data', onOutput);
    child.once('error', reject);
    void gone.then(() => {
      clearTimeout(timer);
      reject(new Error(`anvil exited before listening. Its output:\n${output.slice(-2_000)}`));
    });
  });
}
