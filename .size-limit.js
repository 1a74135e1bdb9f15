import { readFileSync, readdirSync, statSync } from 'node:fs';

const build = 'build';

/** Files that the page needs before anybody can touch it; what it asks for beside them, for a first answer, nothing waits for. */
function shell() {
  const html = readFileSync(`${build}/index.html`, 'utf8').replaceAll(/<link[^>]* data-first-answer>/g, '');
  const named = [...html.matchAll(/["'(](?:\.\/|\/)?(_app\/[^"')]+\.(?:js|css))["')]/g)].map(
    ([, path]) => `${build}/${path}`,
  );
  return [...new Set(named)];
}

/** Compiled scripts, largest first. */
function scripts(folder = `${build}/_app/immutable`) {
  return readdirSync(folder, { recursive: true })
    .map((name) => `${folder}/${name}`)
    .filter((path) => path.endsWith('.js'))
    .toSorted((a, b) => statSync(b).size - statSync(a).size);
}

const holds = (text) => (path) => readFileSync(path, 'utf8').includes(text);

export default [
  { name: 'shell before interaction', path: shell(), gzip: true, limit: '60 kB' },
  {
    name: 'libp2p, after first paint',
    path: scripts().filter(holds('/libp2p/circuit/relay')).slice(0, 1),
    gzip: true,
    limit: '250 kB',
  },
  { name: 'widget, before an answer', path: `${build}/widget.js`, gzip: true, limit: '25 kB' },
  { name: 'widget, with Markdown', path: [`${build}/widget.js`, `${build}/widget/*.js`], gzip: true, limit: '50 kB' },
  { name: 'bundled model', path: `${build}/models/tabloom-demo.gguf`, gzip: false, brotli: false, limit: '4 MB' },
];
