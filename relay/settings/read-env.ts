import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { commands, type CommandName } from './commands.ts';
import type { EnvOf, Settings } from './setting.ts';

/**
 * Reads the environment of a command. An empty variable counts as unset.
 * @throws `bad-setting`, naming the variable.
 */
export function readEnv<Name extends CommandName>(
  command: Name,
  variables: Readonly<Record<string, string | undefined>>,
): EnvOf<(typeof commands)[Name]['settings']> {
  const settings: Settings = commands[command].settings;
  const set = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined && value !== ''));
  const shape = Object.fromEntries(Object.entries(settings).map(([name, { schema }]) => [name, schema]));
  const parsed = z.object(shape).safeParse(set);
  if (parsed.success) return parsed.data as EnvOf<(typeof commands)[Name]['settings']>;
  const issue = parsed.error.issues[0]!;
  const name = String(issue.path[0]);
  const given = set[name];
  const message =
    given === undefined
      ? `${name} is missing: `
      : settings[name]?.secret
        ? `${name} cannot be used: `
        : `${name} cannot be "${given}": `;
  throw new TabloomError('bad-setting', `${message}${issue.message}.`, { details: { name } });
}
