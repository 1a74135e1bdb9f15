import { spawn, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { TabloomError } from '#lib/base/errors.ts';

export type AnvilOptions = {
  /** 0, the default, takes any free port. */
  readonly port?: number;
  readonly host?: string;
  readonly chainId?: number;
  /** State file: loaded at start if it exists, and written on exit. */
  readonly statePath?: string;
  readonly extra?: readonly string[];
  readonly signal?: AbortSignal;
  /** Instead of the one that is found. */
  readonly binary?: string;
  /** Time limit for starting to listen, in milliseconds. */
  readonly startTimeoutMs?: number;
  /** Time limit for writing its state on shutdown, in milliseconds, after which it is killed. */
  readonly stopTimeoutMs?: number;
};

export type Anvil = {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Resolves when it has ended, for whatever reason. */
  readonly gone: Promise<void>;
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

const command = process.platform === 'win32' ? 'anvil.exe' : 'anvil';

/**
 * The binary inside the platform package, without a wrapper process, so that signals reach the chain itself. Where there is no
 * such package, the one of this name that the system finds.
 */
export function anvilPath(): string {
  try {
    const near = createRequire(createRequire(import.meta.url).resolve('@foundry-rs/anvil/package.json'));
    const name = platforms[`${process.platform}-${process.arch}`] ?? 'none';
    return join(dirname(near.resolve(`@foundry-rs/${name}/package.json`)), 'bin', command);
  } catch {
    return command;
  }
}

/**
 * Starts a local chain and waits until it listens. It stops on `signal`, on `stop`, and with this process.
 * @throws `anvil-missing`, `chain-port-in-use`, `chain-failed`.
 */
export async function startAnvil(options: AnvilOptions = {}): Promise<Anvil> {
  const { port = 0, host = '127.0.0.1', chainId = 31337, statePath, extra = [], signal } = options;
  signal?.throwIfAborted();
  const child = spawn(
    options.binary ?? anvilPath(),
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
    const listening = await listeningPort(child, gone, { port, timeoutMs: options.startTimeoutMs ?? 60_000 });
    return { url: `http://${host}:${listening}`, port: listening, pid: child.pid!, gone, stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

/** Reads the chain's output up to the line with its port; later output is discarded. */
function listeningPort(
  child: ChildProcess,
  gone: Promise<void>,
  { port, timeoutMs }: { readonly port: number; readonly timeoutMs: number },
): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = '';
    const late = () => reject(chainError('chain-failed', `The local chain did not listen within ${timeoutMs} ms.`));
    const timer = setTimeout(late, timeoutMs);
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
    child.once('error', () =>
      reject(
        chainError(
          'anvil-missing',
          'There is no anvil here, which runs a local chain. Install Foundry (getfoundry.sh), or name a chain by its address.',
        ),
      ),
    );
    void gone.then(() => {
      clearTimeout(timer);
      reject(
        /address already in use|os error 98/i.test(output)
          ? chainError(
              'chain-port-in-use',
              `Port ${port} for the local chain is taken. Stop what uses it, choose another with CHAIN_PORT, or name the chain there: --chain http://127.0.0.1:${port}`,
            )
          : chainError('chain-failed', `The local chain ended before it listened. It said:\n${output.slice(-2_000)}`),
      );
    });
  });
}

const chainError = (code: string, message: string): TabloomError => new TabloomError(code, message);
