import { readFile } from 'node:fs/promises';
import { TabloomError } from '#lib/base/errors.ts';
import { commands } from './commands.ts';
import type { Settings } from './setting.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/** Settings that may hold a password or a key. */
export const secretNames: readonly string[] = [
  ...new Set(
    Object.values(commands).flatMap(({ settings }: { readonly settings: Settings }) =>
      Object.entries(settings).flatMap(([name, { secret }]) => (secret === true ? [name] : [])),
    ),
  ),
];

/**
 * Reads secrets that are given as files, `DATABASE_URL_FILE` in place of `DATABASE_URL`, as containers and systemd hand them
 * out: an environment is easily seen by others. A line feed at the end is left out.
 * @throws `bad-setting`, which names the variable and never what is in the file.
 */
export async function withSecretFiles(variables: Variables): Promise<Variables> {
  const read: Record<string, string> = {};
  for (const name of secretNames) {
    const file = variables[`${name}_FILE`];
    if (file === undefined || file === '') continue;
    const bad = (message: string) => new TabloomError('bad-setting', message, { details: { name: `${name}_FILE` } });
    if (variables[name]) throw bad(`${name} and ${name}_FILE are both set; leave one out.`);
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text === undefined) throw bad(`${name}_FILE cannot be "${file}": it is no file that can be read.`);
    read[name] = text.replace(/\r?\n$/, '');
  }
  return { ...variables, ...read };
}
