import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { printable } from '#lib/base/printable.ts';
import { readEnv, readFlags, usage, type Env, type Flags } from './settings.ts';
import { greeting, handleSignals, openBrowser } from './terminal.ts';

/** The program of `npm start`. Exit codes stand in docs/OPERATING.md. */
async function main(): Promise<void> {
  const began = performance.now();
  const { flags, env } = readSettings();
  if (flags.help) return say(`${usage}\n`);

  // Loaded only now: a wrong flag or a taken port should not wait for the network's code.
  const { startRelay } = await import('./relay.ts');
  const relay = await startRelay(env).catch(fail);
  handleSignals({
    process,
    elapsed: () => performance.now(),
    exit: (code) => process.exit(code),
    stop: async () => {
      say('Stopping; running answers may end. Press again to leave at once.\n');
      setTimeout(() => fail(new TabloomError('stop-stuck', 'It did not stop in time.')), stopLimitMs(env)).unref();
      await relay.stop();
    },
  });
  // Thousands of connections live in this process: one promise that nobody waited for must not end them all.
  process.on('unhandledRejection', (error) =>
    relay.logger.warn('unhandled-rejection', { code: errorCode(error), error }),
  );
  say(greeting(relay.url, relay.modelName, env));
  if (flags.open && !(await openBrowser(relay.url))) say('There is no browser to open here; follow the link.\n');
  const native = await relay.ready;
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  if (native.state === 'failed')
    say(`The native model does not answer (${native.error.code}): ${printable(native.error.message)}\n`);
  say(`Ready after ${seconds} s. Ctrl+C stops it.\n`);
}

/** Past the time for running answers, what is left is closing sockets and files. */
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

function say(text: string): void {
  process.stdout.write(text);
}

await main();
