import { stat } from 'node:fs/promises';
import { secretNames } from '../settings/secret-files.ts';
import { readSettingsFile } from '../settings/settings-file.ts';
import { fail, ok, type Check } from './finding.ts';

/** The file of `--settings`: one that holds a password or a key is for its owner alone. */
export const checkSettingsFile = (path: string): Check => ({
  id: 'settings-file',
  async run() {
    const [values, { mode }] = await Promise.all([readSettingsFile(path), stat(path)]);
    const secret = Object.keys(values).find((name) => secretNames.includes(name));
    if (secret !== undefined && (mode & 0o077) !== 0 && process.platform !== 'win32')
      return fail(`Others may read ${path}, which holds ${secret}.`, `It is for its owner alone: chmod 600 ${path}`);
    return ok(`${path} can be read.`);
  },
});
