import { parseArgs, type ParseArgsConfig } from 'node:util';
import { TabloomError } from '#lib/base/errors.ts';

/** A flag that sets an environment variable: to its argument, or to a fixed value where it takes none. */
interface Flag {
  readonly variable?: string | undefined;
  /** How the argument is shown in the help. */
  readonly argument?: string | undefined;
  readonly value?: string | undefined;
  readonly help: string;
}

interface Command {
  readonly summary: string;
  readonly flags: Readonly<Record<string, Flag>>;
}

export type CommandName = keyof typeof commands;

/**
 * Everything this program does, one command a row. The parser, `--help` and a test of docs/OPERATING.md read this table.
 * Each flag overrides the variable that it names.
 */
export const commands = {
  relay: {
    summary: 'serve the pages, the OpenAI gateway and the network on one port (the default)',
    flags: {
      port: { variable: 'PORT', argument: 'number', help: 'the port (8080); 0 picks a free one' },
      host: { variable: 'HOST', argument: 'address', help: 'the address to listen on (127.0.0.1); 0.0.0.0 for all' },
      relays: { variable: 'RELAYS', argument: 'urls', help: 'other relays to share offers with, by commas' },
      'no-native': { variable: 'NATIVE', value: 'off', help: 'run no model on this machine; only peers answer' },
      open: { help: 'open the page in the browser' },
    },
  },
  provide: {
    summary: "put this machine's models on the network through relays; it opens no port",
    flags: {
      relays: { variable: 'RELAYS', argument: 'urls', help: 'relays to join, such as wss://relay.example, by commas' },
      backend: {
        variable: 'NATIVE_SERVER',
        argument: 'urls',
        help: 'model servers, by commas; without, the bundled model',
      },
      backends: { variable: 'BACKENDS', argument: 'file', help: 'a JSON file with model servers and their settings' },
      models: { variable: 'NATIVE_MODELS', argument: 'names', help: 'models to offer, by commas (all they list)' },
      'direct-port': { variable: 'DIRECT_PORT', argument: 'number', help: 'a UDP port for WebRTC without a relay' },
    },
  },
  'keys create': {
    summary: 'make a key for the gateway, and print it; it is not stored',
    flags: {
      name: { variable: 'KEY_NAME', argument: 'text', help: 'what it is for' },
      publishable: { variable: 'KEY_TYPE', value: 'publishable', help: 'for pages; needs origins and a daily cap' },
      models: { variable: 'KEY_MODELS', argument: 'names', help: 'models that it may use, by commas (all)' },
      origins: { variable: 'KEY_ORIGINS', argument: 'urls', help: 'pages that may use it, by commas' },
      days: { variable: 'KEY_DAYS', argument: 'number', help: 'days until it expires (never)' },
      'requests-per-day': { variable: 'KEY_REQUESTS_PER_DAY', argument: 'number', help: 'requests per day of UTC' },
      'requests-total': { variable: 'KEY_REQUESTS_TOTAL', argument: 'number', help: 'requests in all' },
      'tokens-per-day': { variable: 'KEY_TOKENS_PER_DAY', argument: 'number', help: 'tokens per day of UTC' },
      'tokens-total': { variable: 'KEY_TOKENS_TOTAL', argument: 'number', help: 'tokens in all' },
      'requests-per-minute': {
        variable: 'KEY_REQUESTS_PER_MINUTE',
        argument: 'number',
        help: "requests per minute (the relay's)",
      },
      'tokens-per-minute': {
        variable: 'KEY_TOKENS_PER_MINUTE',
        argument: 'number',
        help: "tokens per minute (the relay's)",
      },
    },
  },
  'keys list': { summary: 'list the keys of the gateway', flags: {} },
  'keys revoke': {
    summary: 'revoke a key, at once',
    flags: { id: { variable: 'KEY_ID', argument: 'id', help: 'the key, as "keys list" names it' } },
  },
} as const satisfies Record<string, Command>;

const defaultCommand: CommandName = 'relay';

/** What the command line says. */
export interface ParsedCommand {
  readonly name: CommandName;
  readonly help: boolean;
  readonly open: boolean;
  /** The environment variables that the flags set. */
  readonly variables: Readonly<Record<string, string>>;
}

/** @throws `unknown-command`, with the table; `bad-flag`. */
export function parseCommand(args: readonly string[]): ParsedCommand {
  const until = args.findIndex((word) => word.startsWith('-'));
  const words = until < 0 ? args : args.slice(0, until);
  // A command has one word or two; what follows is refused with the help of that command.
  const named = [words.slice(0, 2), words.slice(0, 1)].map((some) => some.join(' ')).find(isCommand);
  const name = named ?? (words.length === 0 ? defaultCommand : words.join(' '));
  if (!isCommand(name)) {
    throw new TabloomError('unknown-command', `There is no command "${name}". The commands are:\n${commandTable()}`);
  }
  const values = parseFlags(name, named === undefined ? args : args.slice(named.split(' ').length));
  const variables: Record<string, string> = {};
  for (const [flag, { variable, value }] of flagsOf(name)) {
    const given = values[flag];
    if (variable !== undefined && given !== undefined) variables[variable] = value ?? String(given);
  }
  return { name, help: values['help'] === true, open: values['open'] === true, variables };
}

/** Whether the command line starts what serves the pages. One that cannot be read starts nothing. */
export function needsPages(args: readonly string[]): boolean {
  try {
    const { name, help } = parseCommand(args);
    return name === 'relay' && !help;
  } catch {
    return false;
  }
}

const isCommand = (name: string): name is CommandName => Object.hasOwn(commands, name);

const flagsOf = (name: CommandName): readonly (readonly [string, Flag])[] => Object.entries(commands[name].flags);

function parseFlags(name: CommandName, args: readonly string[]): Readonly<Record<string, unknown>> {
  const options: NonNullable<ParseArgsConfig['options']> = { help: { type: 'boolean', short: 'h' } };
  for (const [flag, { argument }] of flagsOf(name)) {
    options[flag] = { type: argument === undefined ? 'boolean' : 'string' };
  }
  try {
    return parseArgs({ args: [...args], strict: true, allowPositionals: false, options }).values;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0]! : 'unknown flag';
    const shown = reason.replace(/\.? To specify.*$/, '').replace(/\. This command.*$/, '');
    throw new TabloomError('bad-flag', `${shown}. Try "${name} --help".`, { cause });
  }
}

const commandTable = (): string =>
  Object.entries(commands)
    .map(([name, { summary }]) => `  ${name.padEnd(12)} ${summary}`)
    .join('\n');

/** The text of `--help`. */
export function helpOf(name: CommandName): string {
  const rows = [...flagsOf(name), ['help', { help: 'show this text' }] as const].map(
    ([flag, { argument, variable, help }]) => {
      const shown = `--${flag}${argument === undefined ? '' : ` <${argument}>`}`;
      return `  ${shown.padEnd(23)} ${help}${variable === undefined ? '' : ` [${variable}]`}`;
    },
  );
  return [
    `Usage: npm start -- ${name} [flags]`,
    `\n${name}: ${commands[name].summary}.\n`,
    ...rows,
    `\nCommands:\n${commandTable()}`,
    '\nFurther settings are environment variables: see docs/OPERATING.md.',
  ].join('\n');
}
