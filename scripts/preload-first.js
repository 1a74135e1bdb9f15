import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a first answer needs beside the first page, as vite.config.ts names it, the largest first; each with the files that it imports. */
const parts = ['network', 'asking'];
/** For other sites, without a tab that nobody asked for. */
const framed = 'frame.html';

/**
 * Pages name the files of a first answer, so that a browser asks for them before it has read the script that needs them: on a slow
 * connection that is a round trip of seconds. Nothing waits for these files, and one that is missing takes nothing along.
 * @param {import('@sveltejs/kit').Adapter} adapter
 * @returns {import('@sveltejs/kit').Adapter}
 */
export function preloadFirst(adapter) {
  return {
    ...adapter,
    adapt: (builder) =>
      adapter.adapt({
        ...builder,
        async compress(folder) {
          const manifest = join(builder.getBuildDirectory('output'), 'client/.vite/manifest.json');
          const named = filesOf(JSON.parse(readFileSync(manifest, 'utf8')));
          for (const name of readdirSync(folder, { recursive: true })) {
            if (!name.endsWith('.html') || name === framed) continue;
            const path = join(folder, name);
            writeFileSync(path, withLinks(readFileSync(path, 'utf8'), named));
          }
          await builder.compress(folder);
        },
      }),
  };
}

/**
 * @param {Readonly<Record<string, { file: string, name?: string, imports?: string[] }>>} manifest of Vite.
 * @returns {readonly string[]} paths without a leading slash.
 * @throws if the build has no file for a part any more.
 */
export function filesOf(manifest) {
  const entries = Object.values(manifest);
  const found = new Set();
  const add = (/** @type {{ file: string, imports?: string[] } | undefined} */ entry, /** @type {string} */ name) => {
    if (!entry) throw new Error(`The build has no file ${name}: see scripts/preload-first.js and vite.config.ts.`);
    if (found.has(entry.file)) return;
    found.add(entry.file);
    for (const key of entry.imports ?? []) add(manifest[key], key);
  };
  for (const part of parts)
    add(
      entries.find(({ name }) => name === part),
      part,
    );
  return [...found];
}

const stylesheet = /\s*<link [^>]*rel="stylesheet"[^>]*>/g;

/**
 * The page with the files named at the end of its head, and its styles before all scripts but the first: six requests run at a time, and nothing
 * is painted without them.
 * @param {string} html
 * @param {readonly string[]} files
 */
export function withLinks(html, files) {
  const end = html.indexOf('</head>');
  const [head, body] = [html.slice(0, end), html.slice(end)];
  const styles = (head.match(stylesheet) ?? []).join('');
  const links = files
    .filter((file) => !head.includes(file))
    .map((file) => `<link rel="modulepreload" href="/${file}" data-first-answer>`);
  const ordered = head.includes('</script>')
    ? head.replaceAll(stylesheet, '').replace('</script>', `</script>${styles}`)
    : head;
  return `${ordered}${links.join('')}${body}`;
}
