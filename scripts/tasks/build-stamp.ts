import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const inputs = [
  'src',
  'static',
  'workers',
  'messages/compile.js',
  'messages/parts.js',
  'messages/language.js',
  'messages/sentences.json',
  ...['en', 'de', 'es', 'zh-Hans', 'ar'].map((language) => `messages/${language}.json`),
  'messages/project.inlang/settings.json',
  'scripts/preload-first.js',
  'scripts/tasks/build-widget.ts',
  'vite.config.ts',
  'svelte.config.js',
  'package-lock.json',
];

/** SHA-256 over names and contents of everything the build reads. */
export function hashInputs(root: string): string {
  const hash = createHash('sha256');
  for (const file of inputs.flatMap((input) => filesOf(root, input))) {
    if (file.endsWith('.test.ts')) continue;
    hash.update(`${file}\0`).update(readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}

/** Whether `build/` was made from these inputs. */
export function isFresh(root: string, hash: string): boolean {
  try {
    return readFileSync(join(root, 'build/.stamp'), 'utf8') === hash;
  } catch {
    return false;
  }
}

export const writeStamp = (root: string, hash: string): void => writeFileSync(join(root, 'build/.stamp'), hash);

function filesOf(root: string, path: string): readonly string[] {
  let entries;
  try {
    entries = readdirSync(join(root, path), { withFileTypes: true });
  } catch {
    return [path];
  }
  return entries
    .flatMap((entry) => (entry.isDirectory() ? filesOf(root, `${path}/${entry.name}`) : [`${path}/${entry.name}`]))
    .sort();
}
