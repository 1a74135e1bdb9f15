import { randomBytes } from 'node:crypto';
import { link, open, readFile, rename, rm } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import { TabloomError } from '#lib/base/errors.ts';
import { commandNames, commands } from './commands.ts';
import type { Variables } from './read-env.ts';
import { secretNames } from './secret-files.ts';

/** What a command is given: the settings of its file, over them the environment, over that its flags. */
export async function gatherVariables(
  flags: Readonly<Record<string, string>>,
  environment: Variables,
): Promise<Variables> {
  // An empty variable counts as unset, and hides nothing of the file.
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const path = flags['SETTINGS'] ?? set['SETTINGS'];
  return { ...(path === undefined ? {} : await readSettingsFile(path)), ...set, ...flags };
}

/**
 * Reads a file of lines `NAME=value`, with `#` for comments and quotes around values where needed. A name that is no
 * setting is refused, since it is more likely misspelt than meant.
 * @throws `bad-setting`.
 */
export async function readSettingsFile(path: string): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw bad(`${path} cannot be read. Correct the path, or make it with "init".`, cause);
  });
  const values = parseEnv(text) as Record<string, string>;
  const unknown = Object.keys(values).find((name) => name === 'SETTINGS' || !settingNames.has(name));
  if (unknown !== undefined) throw bad(`${unknown} in ${path} is no setting. Correct its name, or take it out.`);
  return values;
}

const bad = (what: string, cause?: unknown) =>
  new TabloomError('bad-setting', `SETTINGS is wrong: ${what}`, { cause, details: { name: 'SETTINGS' } });

const settingNames: ReadonlySet<string> = new Set([
  ...commandNames.flatMap((name) => Object.keys(commands[name].settings)),
  ...secretNames.map((name) => `${name}_FILE`),
]);

/** The text of a file that reads as these values; its first lines say `about`. */
export const writeSettings = (values: Readonly<Record<string, string>>, about: readonly string[]): string =>
  [...about.map((line) => `# ${line}`), '', ...Object.entries(values).map(([name, value]) => `${name}=${quote(value)}`)]
    .join('\n')
    .concat('\n');

/** In the first kind of quotes that the value itself does not have. @throws `bad-setting`. */
function quote(value: string): string {
  if (/^[\w:/.,*@%+=-]*$/.test(value)) return value;
  const mark = ["'", '"', '`'].find((one) => !value.includes(one));
  if (mark !== undefined && !/[\r\n]/.test(value) && !(mark === '"' && value.includes('\\n')))
    return `${mark}${value}${mark}`;
  throw bad('a value with line breaks or with all kinds of quotes cannot be written. Set it as a variable.');
}

/**
 * Saves a file that only its owner may read, whole or not at all.
 * @throws `settings-exist` where one is there that may not be replaced, `settings-not-writable`.
 */
export async function saveSettings(path: string, text: string, existing: 'keep' | 'replace'): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    // A link, unlike a rename, fails where there is a file.
    await (existing === 'replace' ? rename(draft, path) : link(draft, path));
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') {
      const message = `${path} is there already. Give another file with --settings, or replace it with --overwrite.`;
      throw new TabloomError('settings-exist', message, { cause });
    }
    throw new TabloomError('settings-not-writable', `${path} cannot be written. Give another file with --settings.`, {
      cause,
    });
  } finally {
    await rm(draft, { force: true });
  }
}
