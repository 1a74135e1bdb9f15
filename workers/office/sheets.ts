import { TextWriter, type DocumentParts, type OfficeLimits } from './document.ts';
import { isDateFormat, toIsoDate } from './excel-date.ts';
import { readRelations } from './relations.ts';
import { readXml } from './xml.ts';
import type { Zip } from './zip.ts';

interface Workbook {
  readonly strings: readonly string[];
  /** Whether a cell of this style shows a date. */
  readonly dates: readonly boolean[];
  /** Days are counted from 1904, as on the first Macintosh. */
  readonly since1904: boolean;
}

/** Columns that Excel knows. */
const columnsMax = 16_384;

/** A workbook in SpreadsheetML (ECMA-376, part 1, 18): each sheet with its name, a line a row, values as they were last computed. */
export async function readSheets(zip: Zip, main: string, limits: OfficeLimits): Promise<DocumentParts> {
  const relations = await readRelations(zip, main);
  const sheets: { readonly title: string; readonly path: string }[] = [];
  let since1904 = false;
  readXml((await zip.text(main)) ?? '', {
    open(name, attribute) {
      if (name === 'sheet')
        sheets.push({ title: attribute('name') ?? '', path: relations.byId.get(attribute('*:id') ?? '') ?? '' });
      else if (name === 'workbookPr') since1904 = ['1', 'true'].includes(attribute('date1904') ?? '');
    },
  });
  const part = async (kind: string) => {
    const path = relations.byType.get(kind);
    return (path === undefined ? undefined : await zip.text(path)) ?? '';
  };
  const book = {
    strings: readStrings(await part('sharedStrings')),
    dates: readStyles(await part('styles')),
    since1904,
  };
  const writer = new TextWriter(limits);
  for (const { title, path } of sheets) {
    writer.next(title);
    writeSheet((await zip.text(path)) ?? '', book, writer);
  }
  return { unit: 'sheet', parts: writer.end() };
}

/** Texts that cells refer to by their number. How a word is spoken is left out. */
function readStrings(xml: string): readonly string[] {
  const strings: string[] = [];
  let inText = false;
  readXml(xml, {
    open(name) {
      if (name === 'rPh') return 'skip';
      if (name === 'si') strings.push('');
      inText = name === 't';
    },
    close: (name) => {
      if (name === 't') inText = false;
    },
    text: (value) => {
      if (inText && strings.length > 0) strings[strings.length - 1] += value;
    },
  });
  return strings;
}

function readStyles(xml: string): readonly boolean[] {
  const formats = new Map<string, string>();
  const dates: boolean[] = [];
  let inCells = false;
  readXml(xml, {
    open(name, attribute) {
      if (name === 'numFmt') formats.set(attribute('numFmtId') ?? '', attribute('formatCode') ?? '');
      else if (name === 'cellXfs') inCells = true;
      else if (name === 'xf' && inCells) {
        const id = attribute('numFmtId') ?? '';
        dates.push(isDateFormat(Number(id), formats.get(id)));
      }
    },
    close: (name) => {
      if (name === 'cellXfs') inCells = false;
    },
  });
  return dates;
}

function writeSheet(xml: string, book: Workbook, writer: TextWriter): void {
  let cell: { column: number; type: string; style: number; value: string } | undefined;
  let inValue = false;
  /** Columns of the row so far, and the one that the next cell has, unless it says so itself. */
  let written = 0;
  let next = 0;
  readXml(xml, {
    open(name, attribute) {
      if (name === 'rPh') return 'skip';
      if (name === 'row') [written, next] = [0, 0];
      else if (name === 'c') {
        const column = columnOf(attribute('r')) ?? next;
        cell = { column, type: attribute('t') ?? 'n', style: Number(attribute('s') ?? -1), value: '' };
      } else if (cell && (name === 'v' || name === 't')) inValue = true;
    },
    close(name) {
      if (name === 'v' || name === 't') inValue = false;
      else if (name === 'row') writer.endLine();
      else if (name === 'c' && cell) {
        const shown = show(cell, book);
        next = cell.column + 1;
        if (shown !== '') {
          writer.add('\t'.repeat(Math.max(0, cell.column - written)) + shown);
          written = cell.column;
        }
        cell = undefined;
      }
    },
    text: (value) => {
      if (inValue && cell) cell.value += value;
    },
  });
}

function show(cell: { readonly type: string; readonly style: number; readonly value: string }, book: Workbook): string {
  const { type, style, value } = cell;
  // A line is a row.
  if (type === 's') return (book.strings[Number(value)] ?? '').replace(/\s*\n\s*/g, ' ');
  if (type === 'b') return value === '1' ? 'TRUE' : 'FALSE';
  if (type === 'n' && book.dates[style] && value !== '') return toIsoDate(Number(value), book.since1904) ?? value;
  return value.replace(/\s*\n\s*/g, ' ');
}

/** `C7` is column 2. */
function columnOf(reference: string | undefined): number | undefined {
  const letters = /^[A-Z]{1,3}/.exec(reference ?? '')?.[0];
  if (!letters) return undefined;
  const column = [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1;
  return column < columnsMax ? column : undefined;
}
