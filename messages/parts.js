import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const src = fileURLToPath(new URL('../src', import.meta.url));

/** What draws the first page. `NewVersion` comes with it, since it is needed most when this version's files are gone. */
const firstPage = [
  'routes/+layout.svelte',
  'routes/+error.svelte',
  'routes/(chat)/+layout.svelte',
  'routes/(chat)/+page.svelte',
  'routes/(chat)/c/[id]/+page.svelte',
  'lib/ui/shell/NewVersion.svelte',
];
const widget = ['lib/widget/main.ts'];

/** @returns the keys of the texts that the first page begins with, and of those of the widget, each in the order of `keys`. */
export function partsOf(keys) {
  const [first, inWidget] = [usedBy(firstPage), usedBy(widget)];
  return { first: keys.filter((key) => first.has(key)), widget: keys.filter((key) => inWidget.has(key)) };
}

/** Keys used by these files, and by everything that they import at once. */
function usedBy(entries) {
  const used = new Set();
  const seen = new Set();
  const left = entries.map((path) => `${src}/${path}`);
  for (let path = left.pop(); path; path = left.pop()) {
    if (seen.has(path) || !existsSync(path)) continue;
    seen.add(path);
    const text = readFileSync(path, 'utf8');
    for (const [, key] of text.matchAll(/\bm\.([a-z][a-z0-9_]*)\b/g)) used.add(key);
    const imports = text.matchAll(/^\s*(?:import|export)\b(?! type\b)[^;()]*?'([^']+\.(?:svelte|ts))';/gms);
    for (const [, name] of imports)
      left.push(name.startsWith('#lib/') ? `${src}/lib/${name.slice(5)}` : resolve(dirname(path), name));
  }
  return used;
}
