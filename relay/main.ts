import { systemClock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { systemRandom } from '#lib/base/random.ts';
import { printable } from '#lib/base/printable.ts';
import { build } from '#lib/protocol/version.ts';
import { createLiveView, hasLiveView, type LiveView } from './live/view.ts';
import type { Printed, Program } from './program.ts';
import { helpOf } from './settings/help.ts';
import { parseCommand, type ParsedCommand } from './settings/parse-command.ts';
import { readEnv } from './settings/read-env.ts';
import { withSecretFiles } from './settings/secret-files.ts';
import { gatherVariables } from './settings/settings-file.ts';
import { handleSignals, openBrowser } from './terminal.ts';

/** The program behind `npm start` and `tabloom`. Its commands and exit codes are listed in docs/OPERATING.md. */
async function main(): Promise<void> {
  // Whoever read along has gone; what runs here goes on, and stops in order.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const startedMs = performance.now();
  const args = process.argv.slice(2);
  if (args.length === 1 && args[0] === '--version') return print(`${build}\n`);
  const command = parseCommand(args);
  if (command.switches.has('help')) return print(`${helpOf(command.name, calledAs)}\n`);

  assertNode(process.versions.node);
  if (hasLiveView(process.stdout, process.env, command.switches.has('quiet') ? 'quiet' : 'live'))
    live = createLiveView(process.stdout, systemClock);
  const started = await start(command);
  if ('notes' in started) {
    print(started.out);
    process.stderr.write(started.notes);
    process.exitCode = started.exitCode ?? 0;
    return;
  }
  const { program, shutdownSeconds, pageUrl } = started;
  handleSignals({
    process,
    elapsed: () => performance.now(),
    exit: (code) => {
      live?.stop();
      process.exit(code);
    },
    stop: async () => {
      print('Stopping; running answers may end. Press again to quit immediately.\n');
      const stuck = () => fail(new TabloomError('stop-stuck', 'It did not stop in time.'));
      setTimeout(stuck, shutdownSeconds * 1_000 + closingMs).unref();
      await program.stop();
    },
  });
  // This process holds thousands of connections: one unhandled rejection must not end them all.
  process.on('unhandledRejection', (error) =>
    program.logger.warn('unhandled-rejection', { code: errorCode(error), error }),
  );
  print(program.banner);
  if (command.switches.has('open') && pageUrl !== undefined && !(await openBrowser(pageUrl)))
    print('No browser could be opened; follow the link above.\n');
  print(await program.ready);
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  print(`Ready after ${seconds} s. Press Ctrl+C to stop.\n`);
  live?.start(program.live);
}

const chainComponents = { clock: systemClock, random: systemRandom, fetch };

/** By its name where it is installed as JavaScript, through npm in the repository. */
const calledAs = import.meta.filename.endsWith('.ts') ? 'npm start --' : 'tabloom';

/** An older one lacks parts of `node:sqlite`, and would say only that. @throws `node-too-old`. */
function assertNode(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return;
  throw new TabloomError('node-too-old', `Tabloom needs Node 22.18 or later; this is ${version}. Install a newer one.`);
}

/** After running answers have had their time, only sockets and files remain to be closed. */
const closingMs = 8_000;

interface Started {
  readonly program: Program;
  readonly shutdownSeconds: number;
  readonly pageUrl?: string;
}

/** On a terminal; undefined where plain lines are wanted. */
let live: LiveView | undefined;

/** The commands are loaded late, so that a wrong flag fails without waiting for the network's code. */
async function start({ name, switches, variables }: ParsedCommand): Promise<Started | Printed> {
  const given = name === 'init' ? { ...process.env, ...variables } : await gatherVariables(variables, process.env);
  const set = await withSecretFiles(given);
  // Lines of the log would tear the view apart where both are on one terminal.
  const options = live && process.stderr.isTTY ? { log: { write: live.print } } : {};
  switch (name) {
    case 'relay': {
      const given = readEnv('relay', set);
      // Loaded only where a chain is named: what knows one takes two seconds to load.
      const { env, chain } =
        given.CHAIN === undefined
          ? { env: given, chain: undefined }
          : await (await import('./chain/named-chain.ts')).openChain(given, set, chainComponents);
      const { startRelay } = await import('./relay.ts');
      const relay = await startRelay(env, { ...options, chain, variables: set });
      return { program: relay, shutdownSeconds: env.SHUTDOWN_SECONDS, pageUrl: relay.url };
    }
    case 'provide': {
      const env = readEnv('provide', set);
      const { startProvide } = await import('./provide.ts');
      return { program: await startProvide(env, options), shutdownSeconds: env.SHUTDOWN_SECONDS };
    }
    case 'validate': {
      const env = readEnv('validate', set);
      const { startValidate } = await import('./validate.ts');
      return { program: await startValidate(env, options), shutdownSeconds: env.SHUTDOWN_SECONDS };
    }
    case 'init': {
      const isAsking = !switches.has('yes') && process.stdin.isTTY && process.stdout.isTTY;
      const prompter = isAsking ? (await import('./init/terminal-prompter.ts')).terminalPrompter : undefined;
      const { runInit } = await import('./init/init.ts');
      return runInit({ variables: set, overwrite: switches.has('overwrite'), program: calledAs, prompter });
    }
    case 'doctor':
    case 'doctor provide':
    case 'doctor validate': {
      const { runDoctor } = await import('./doctor/doctor.ts');
      return runDoctor(name, set, switches.has('json') ? 'json' : 'text');
    }
    case 'keys create': {
      const env = readEnv(name, set);
      return (await import('./keys.ts')).createKey(env);
    }
    case 'keys list': {
      const env = readEnv(name, set);
      return (await import('./keys.ts')).listKeys(env);
    }
    case 'keys revoke': {
      const env = readEnv(name, set);
      return (await import('./keys.ts')).revokeKey(env);
    }
    case 'ledger check': {
      const env = readEnv(name, set);
      return (await import('./ledger-check.ts')).checkBooks(env);
    }
    case 'check-model': {
      const { checkModel } = await import('./check-model/check-model.ts');
      return checkModel(readEnv(name, set), switches.has('json') ? 'json' : 'text');
    }
    case 'verify': {
      const { verifyReceipts } = await import('./verify.ts');
      const format = switches.has('json') ? 'json' : 'text';
      return verifyReceipts({ env: readEnv(name, set), format, stdin: process.stdin });
    }
    case 'provider status':
      return (await import('./provider.ts')).showProvider(readEnv(name, set));
    case 'provider register':
      return (await import('./provider.ts')).registerProvider(readEnv(name, set));
    case 'provider bond':
      return (await import('./provider.ts')).bondProvider(readEnv(name, set));
    case 'provider unbond':
      return (await import('./provider.ts')).unbondProvider(readEnv(name, set));
    case 'provider withdraw':
      return (await import('./provider.ts')).withdrawProvider(readEnv(name, set));
    case 'provider payout':
      return (await import('./provider.ts')).payProvider(readEnv(name, set));
  }
}

const wrongUsage = new Set(['unknown-command', 'bad-flag', 'bad-setting']);

function fail(error: unknown): never {
  live?.stop();
  const code = errorCode(error);
  const lines = (error instanceof Error ? error.message : String(error)).split('\n').map(printable);
  process.stderr.write(`${code}: ${lines.join('\n')}\n`);
  if (code === 'internal' && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  process.exit(wrongUsage.has(code) ? 2 : code === 'cancelled' ? 130 : 1);
}

function print(text: string): void {
  if (live) return live.print(text);
  process.stdout.write(text);
}

await main().catch(fail);
