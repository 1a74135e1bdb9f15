import { TextWriter, type DocumentParts, type OfficeLimits } from './document.ts';
import { readXml, type Attributes } from './xml.ts';

/** What is no text of the document: what was deleted, what reviewers wrote, how it looks. */
const leftOut = new Set(['tracked-changes', 'annotation', 'automatic-styles', 'forms', 'event-listeners']);
/** Empty cells at the end of a row are one that is repeated a thousand times; filled ones rarely are. */
const repeatMax = 1_000;

const repeats = (attribute: Attributes, name: string): number =>
  Math.min(repeatMax, Math.max(1, Math.trunc(Number(attribute(name) ?? 1)) || 1));

const isOfTable = (name: string): boolean => ['table-row', 'table-cell', 'covered-table-cell'].includes(name);

/** Text, table or presentation in OpenDocument 1.3 (OASIS): its `content.xml`. */
export function readOpenDocument(content: string, unit: DocumentParts['unit'], limits: OfficeLimits): DocumentParts {
  const writer = new TextWriter(limits);
  /** Paragraphs within each other, as notes are. */
  let paragraphs = 0;
  let table = 0;
  let row: { cells: { readonly text: string; readonly times: number }[]; readonly times: number } | undefined;
  let cell: { text: string; readonly times: number } | undefined;
  const add = (text: string) => {
    if (!cell) return writer.add(text);
    if (cell.text.length + text.length > limits.lengthMax) writer.add(cell.text + text);
    cell.text += text;
  };
  readXml(content, {
    open(name, attribute) {
      if (leftOut.has(name)) return 'skip';
      if (name === 'p' || name === 'h') {
        if (cell && cell.text !== '') cell.text += ' ';
        paragraphs++;
      } else if (name === 'table') {
        if (table++ === 0 && unit === 'sheet') writer.next(attribute('name') ?? '');
      } else if (name === 'page' && unit === 'slide') writer.next('');
      else if (name === 'soft-page-break' && unit === 'page' && !writer.isEmpty) writer.next();
      // A table within a cell is text of the cell.
      else if (table > 1 && isOfTable(name)) return;
      else if (name === 'table-row') row = { cells: [], times: repeats(attribute, 'number-rows-repeated') };
      else if (name === 'table-cell' || name === 'covered-table-cell')
        cell = { text: '', times: repeats(attribute, 'number-columns-repeated') };
      else if (paragraphs === 0) return;
      else if (name === 'tab') add(cell ? ' ' : '\t');
      else if (name === 'line-break') add(cell ? ' ' : '\n');
      else if (name === 's') add(' '.repeat(repeats(attribute, 'c')));
      else if (name === 'note-body') add(' [');
    },
    close(name) {
      if (name === 'p' || name === 'h') {
        if (--paragraphs === 0 && !cell) writer.add('\n');
      } else if (name === 'note-body') add(']');
      else if (name === 'table') table--;
      else if (table > 1 && isOfTable(name)) return;
      else if ((name === 'table-cell' || name === 'covered-table-cell') && cell) {
        row?.cells.push(cell);
        cell = undefined;
      } else if (name === 'table-row' && row) {
        const line = lineOf(row.cells);
        for (let time = 0; line !== '' && time < row.times; time++) writer.add(`${line}\n`);
        row = undefined;
      }
    },
    // Between elements there is only indentation.
    text: (value) => paragraphs > 0 && add(value.replace(/\s+/g, ' ')),
  });
  return { unit, parts: writer.end() };
}

function lineOf(cells: readonly { readonly text: string; readonly times: number }[]): string {
  const last = cells.findLastIndex(({ text }) => text.trim() !== '');
  return cells
    .slice(0, last + 1)
    .flatMap(({ text, times }) => Array<string>(times).fill(text.trim()))
    .join('\t');
}
