import { printable } from '#lib/base/printable.ts';
import type { LiveSnapshot } from './snapshot.ts';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Columns below which a line would say nothing. */
const columnsMin = 20;
/** Columns of numbers in a table. */
const numberWidth = 8;

/**
 * The view as lines, none wider than the terminal and fewer than it has rows: counters, then a row for each model and each
 * model server, as far as there is room.
 */
export function renderLive(
  snapshot: LiveSnapshot,
  tokensPerSecond: number,
  { columns, rows }: Size,
): readonly string[] {
  const width = Math.max(columnsMin, columns) - 1;
  const room = Math.max(1, rows - 1);
  const counters = [
    `${tokensPerSecond.toFixed(1)} tok/s`,
    `${snapshot.running} running`,
    `${snapshot.queued} queued`,
    `${snapshot.served} served`,
    `${snapshot.failed} failed`,
    `${snapshot.peers} ${snapshot.peers === 1 ? 'peer' : 'peers'}`,
    `up ${duration(snapshot.uptimeMs)}`,
  ];
  const models = snapshot.models.map(({ name, workers, slots, running, queued }): Row => [
    name,
    String(workers),
    `${running}/${slots}`,
    String(queued),
  ]);
  const servers = snapshot.backends.map(({ label, phase, models: count, problem }): Row => [
    label,
    phase,
    String(count),
    ...(problem === undefined ? [] : [problem]),
  ]);
  const above = ['', ...flow(counters, width)];
  // Servers are few and go before models, of which a network may have many.
  const serverLines = tableOf(['model server', 'state', 'models'], servers, width, room - above.length);
  const modelLines = tableOf(
    ['model', 'workers', 'busy', 'queued'],
    models,
    width,
    room - above.length - serverLines.length,
  );
  return [...above, ...modelLines, ...serverLines].slice(0, room).map((line) => cut(line, width));
}

type Row = readonly string[];

/** A heading and its rows, an empty line above; what there is no room for is counted. */
function tableOf(head: Row, rows: readonly Row[], width: number, room: number): readonly string[] {
  const most = room - 2;
  if (rows.length === 0 || most < 1) return [];
  const shown = rows.length <= most ? rows : rows.slice(0, most - 1);
  const numbers = head.length - 1;
  const widest = Math.max(...[head, ...shown].map(([name = '']) => widthOf(printable(name))));
  const nameWidth = Math.max(8, Math.min(widest, width - 2 - numbers * numberWidth));
  const line = ([name = '', ...cells]: Row) => {
    const columns = cells.slice(0, numbers).map((cell) => cell.padStart(numberWidth));
    const more = cells.slice(numbers).map((cell) => `  ${cell}`);
    return `  ${pad(cut(printable(name), nameWidth), nameWidth)}${columns.join('')}${more.join('')}`;
  };
  const left = rows.length - shown.length;
  return ['', ...[head, ...shown].map(line), ...(left > 0 ? [`  and ${left} more`] : [])];
}

/** Words in as few lines as they fit in. */
function flow(words: readonly string[], width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 3 + word.length <= width) lines[lines.length - 1] = `${last}   ${word}`;
    else lines.push(`  ${word}`);
  }
  return lines;
}

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const [minutes, hours, days] = [60, 3_600, 86_400].map((unit) => Math.floor(seconds / unit)) as [
    number,
    number,
    number,
  ];
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : `${seconds} s`;
}

/** From Hangul on, terminals give most characters two columns; one too many is no harm, one too few breaks the line. */
const widthOf = (text: string): number =>
  Array.from(text).reduce((sum, character) => sum + (character.codePointAt(0)! >= 0x1100 ? 2 : 1), 0);

const pad = (text: string, width: number) => text + ' '.repeat(Math.max(0, width - widthOf(text)));

function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text.trimEnd();
  let kept = '';
  let used = 0;
  for (const character of text) {
    used += widthOf(character);
    if (used > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}
