import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { withManual } from '../../relay/settings/manual.ts';
import { law, roomEdges, roomOf } from './check.ts';
import { readSources } from './sources.ts';

const begin = '<!-- rooms:begin (drawn from the imports by `npm run diagram`) -->';
const end = '<!-- rooms:end -->';

/** A Mermaid graph of the rooms, drawn from the current imports, with the number of files in each. */
export function drawRooms(sources: readonly (readonly [string, string])[]): string {
  const own = sources.filter(
    ([file]) => !file.endsWith('.test.ts') && !['tests', 'scripts'].includes(roomOf(file) ?? ''),
  );
  const counts = new Map<string, number>();
  for (const [file] of own) counts.set(roomOf(file) ?? '?', (counts.get(roomOf(file) ?? '?') ?? 0) + 1);
  const edges = [...new Set(own.flatMap(([file, source]) => roomEdges(file, source)))]
    .filter((edge) => !edge.endsWith(' base') && !edge.endsWith(' protocol'))
    .sort();
  const rooms = Object.keys(law.rooms).filter((room) => counts.has(room));
  return [
    '```mermaid',
    'graph TD',
    ...rooms.map((room) => `  ${room}["${room} · ${counts.get(room)}"]`),
    ...edges.map((edge) => `  ${edge.replace(' ', ' --> ')}`),
    '```',
  ].join('\n');
}

/** The document with its diagram replaced. @throws if the markers are missing. */
export function withDiagram(document: string, diagram: string): string {
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error('docs/ARCHITECTURE.md has lost the markers of its diagram');
  return `${document.slice(0, from + begin.length)}\n\n${diagram}\n\n${document.slice(to)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  rewrite(join(root, 'docs/ARCHITECTURE.md'), (document) => withDiagram(document, drawRooms(readSources(root))));
  rewrite(join(root, 'docs/OPERATING.md'), withManual);
}

function rewrite(path: string, change: (document: string) => string): void {
  writeFileSync(path, change(readFileSync(path, 'utf8')));
}
