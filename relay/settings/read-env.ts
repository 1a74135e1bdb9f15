import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { commands, type CommandEnv, type CommandName } from './commands.ts';
import type { Settings } from './setting.ts';

/** What a command is given, by the names of the variables. */
export type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Reads the environment of a command. An empty variable counts as unset.
 * @throws `bad-setting`, naming the variable.
 */
export function readEnv<Name extends CommandName>(command: Name, variables: Variables): CommandEnv<Name> {
  const { env, problems } = checkEnv(command, variables);
  if (env === undefined) throw problems[0]!;
  return env;
}

/** The same with everything that is wrong: an error `bad-setting` for each variable, which its details name. */
export function checkEnv<Name extends CommandName>(command: Name, variables: Variables): CheckedEnv<Name> {
  const settings: Settings = commands[command].settings;
  const set = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined && value !== ''));
  const shape = Object.fromEntries(Object.entries(settings).map(([name, { schema }]) => [name, schema]));
  const parsed = z.object(shape).safeParse(set);
  if (parsed.success) return { env: parsed.data as CommandEnv<Name>, problems: [] };
  const issues = new Map(parsed.error.issues.toReversed().map((issue) => [String(issue.path[0]), issue.message]));
  const problems = [...issues].toReversed().map(([name, message]) => {
    const given = set[name];
    const begin =
      given === undefined
        ? `${name} is missing: `
        : settings[name]?.secret
          ? `${name} cannot be used: `
          : `${name} cannot be "${given}": `;
    return new TabloomError('bad-setting', `${begin}${message}.`, { details: { name } });
  });
  return { env: undefined, problems };
}

interface CheckedEnv<Name extends CommandName> {
  readonly env: CommandEnv<Name> | undefined;
  readonly problems: readonly TabloomError[];
}
