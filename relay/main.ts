import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { printable } from '#lib/base/printable.ts';
import { readEnv, readFlags, usage, type Env, type Flags } from './settings.ts';
import { startupBanner, handleSignals, openBrowser } from './terminal.ts';

/** The program behind `npm start`. Its exit codes are listed in docs/OPERATING.md. */
async function main(): Promise<void> {
  const startedMs = performance.now();
  const { flags, env } = readSettings();
  if (flags.help) return print(`${usage}\n`);

  // Loaded late, so that a wrong flag fails without waiting for the network's code.
  const { startRelay } = await import('./relay.ts');
  const relay = await startRelay(env).catch(fail);
  handleSignals({
    process,
    elapsed: () => performance.now(),
    exit: (code) => process.exit(code),
    stop: async () => {
      print('Stopping; running answers may end. Press again to quit immediately.\n');
      setTimeout(() => fail(new TabloomError('stop-stuck', 'It did not stop in time.')), stopLimitMs(env)).unref();
      await relay.stop();
    },
  });
  // This process holds thousands of connections: one unhandled rejection must not end them all.
  process.on('unhandledRejection', (error) =>
    relay.logger.warn('unhandled-rejection', { code: errorCode(error), error }),
  );
  print(startupBanner(relay.url, relay.modelName, env));
  if (flags.open && !(await openBrowser(relay.url))) print('No browser could be opened; follow the link above.\n');
  const native = await relay.ready;
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  if (native.state === 'failed')
    print(`The native model does not answer (${native.error.code}): ${printable(native.error.message)}\n`);
  print(`Ready after ${seconds} s. Press Ctrl+C to stop.\n`);
}

/** After running answers have had their time, only sockets and files remain to be closed. */
const stopLimitMs = ({ SHUTDOWN_SECONDS }: Env) => SHUTDOWN_SECONDS * 1_000 + 8_000;

function readSettings(): { readonly flags: Flags; readonly env: Env } {
  try {
    const flags = readFlags(process.argv.slice(2));
    return { flags, env: readEnv({ ...process.env, ...flags.variables }) };
  } catch (error) {
    return fail(error);
  }
}

const wrongSettings = new Set(['bad-flag', 'bad-setting']);

function fail(error: unknown): never {
  const code = errorCode(error);
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${code}: ${printable(message)}\n`);
  if (code === 'internal' && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  process.exit(wrongSettings.has(code) ? 2 : 1);
}

function print(text: string): void {
  process.stdout.write(text);
}

await main();
