import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const roots = ['src', 'workers', 'relay', 'scripts', 'tests', 'contracts'];
const skipped = new Set(['node_modules', 'artifacts', 'cache', '__pycache__']);

/** Every TypeScript and Svelte source of the tree, as `[path relative to the root, text]`. */
export function readSources(root: string): readonly (readonly [string, string])[] {
  return roots
    .flatMap((folder) => walk(root, folder))
    .map((file) => [file, readFileSync(join(root, file), 'utf8')] as const);
}

function walk(root: string, folder: string): readonly string[] {
  let entries;
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true });
  } catch {
    return [];
  }
  return entries
    .filter((entry) => !skipped.has(entry.name))
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return walk(root, path);
      return /\.(ts|svelte|js|mjs)$/.test(entry.name) ? [path] : [];
    })
    .sort();
}
