import { parseArgs, type ParseArgsConfig } from 'node:util';
import { TabloomError } from '#lib/base/errors.ts';
import { commandNames, commands, type CommandName } from './commands.ts';
import { commandTable } from './help.ts';
import type { Settings } from './setting.ts';

const defaultCommand: CommandName = 'relay';

/** What the command line says. */
export interface ParsedCommand {
  readonly name: CommandName;
  /** Flags that set no variable, `help` among them. */
  readonly switches: ReadonlySet<string>;
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
  const { values, words: operands } = parseFlags(
    name,
    named === undefined ? args : args.slice(named.split(' ').length),
  );
  const variables: Record<string, string> = {};
  const { settings, operand }: { readonly settings: Settings; readonly operand?: string } = commands[name];
  if (operand !== undefined && operands[0] !== undefined) variables[operand] = operands[0];
  for (const [variable, { flag }] of Object.entries(settings)) {
    const given = flag && values[flag.name];
    if (given !== undefined) variables[variable] = flag?.value ?? String(given);
  }
  const switches = ['help', ...Object.keys(commands[name].switches)].filter((word) => values[word] === true);
  return { name, switches: new Set(switches), variables };
}

/** Whether the command line starts what serves the pages. One that cannot be read starts nothing. */
export function needsPages(args: readonly string[]): boolean {
  try {
    const { name, switches } = parseCommand(args);
    return name === 'relay' && !switches.has('help');
  } catch {
    return false;
  }
}

const isCommand = (name: string): name is CommandName => commandNames.some((known) => known === name);

interface Flags {
  readonly values: Readonly<Record<string, unknown>>;
  /** Words without a flag: none, or one where the command takes one. */
  readonly words: readonly string[];
}

function parseFlags(name: CommandName, args: readonly string[]): Flags {
  const command: { readonly settings: Settings; readonly switches: object; readonly operand?: string } = commands[name];
  const { settings, switches, operand } = command;
  const options: NonNullable<ParseArgsConfig['options']> = { help: { type: 'boolean', short: 'h' } };
  for (const word of Object.keys(switches)) options[word] = { type: 'boolean' };
  for (const { flag } of Object.values(settings)) {
    if (flag) options[flag.name] = { type: flag.argument === undefined ? 'boolean' : 'string' };
  }
  try {
    const allowPositionals = operand !== undefined;
    const { values, positionals } = parseArgs({ args: [...args], strict: true, allowPositionals, options });
    if (positionals.length > 1) throw new Error(`Unexpected argument '${positionals[1]}'`);
    return { values, words: positionals };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0]! : 'unknown flag';
    const shown = reason.replace(/\.? To specify.*$/, '').replace(/\. This command.*$/, '');
    throw new TabloomError('bad-flag', `${shown}. Try "${name} --help".`, { cause });
  }
}
