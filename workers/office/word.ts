import { TextWriter, type DocumentParts, type OfficeLimits } from './document.ts';
import { readXml } from './xml.ts';
import type { Zip } from './zip.ts';

/**
 * Properties name tabs and breaks that are no text; what was moved away stands at its new place, and a fallback says again what is said
 * beside it. Deleted text has an element of its own, which is not read.
 */
const leftOut = new Set(['pPr', 'rPr', 'tblPr', 'sectPr', 'moveFrom', 'Fallback']);

/**
 * A document in WordprocessingML (ECMA-376, part 1, 17). Pages are where its program last saw them begin; without such marks all of it is
 * one. Notes follow at the end.
 */
export async function readWord(zip: Zip, main: string, limits: OfficeLimits): Promise<DocumentParts> {
  const writer = new TextWriter(limits);
  writeStory((await zip.text(main)) ?? '', writer);
  const folder = main.slice(0, main.lastIndexOf('/') + 1);
  for (const name of ['footnotes.xml', 'endnotes.xml']) {
    const notes = await zip.text(folder + name);
    if (notes === undefined) continue;
    writer.endLine();
    writeStory(notes, writer);
  }
  return { unit: 'page', parts: writer.end() };
}

function writeStory(xml: string, writer: TextWriter): void {
  let inText = false;
  let cells = 0;
  /** Paragraphs of a cell stand in one line. */
  let depth = 0;
  readXml(xml, {
    open(name, attribute) {
      if (leftOut.has(name)) return 'skip';
      if (name === 't') inText = true;
      else if (name === 'tab') writer.add('\t');
      else if (name === 'noBreakHyphen') writer.add('-');
      else if (name === 'br' || name === 'cr') {
        if (attribute('type') === 'page') nextPage(writer);
        else writer.add(depth > 0 ? ' ' : '\n');
      } else if (name === 'lastRenderedPageBreak') nextPage(writer);
      else if (name === 'tr') cells = 0;
      else if (name === 'tc') {
        depth++;
        if (cells++ > 0) writer.add('\t');
      }
    },
    close(name) {
      if (name === 't') inText = false;
      else if (name === 'p') writer.add(depth > 0 ? ' ' : '\n');
      else if (name === 'tc') depth--;
      else if (name === 'tr') writer.endLine();
    },
    text: (value) => inText && writer.add(value),
  });
}

/** A break that was asked for is followed by the mark of the same one. */
function nextPage(writer: TextWriter): void {
  if (!writer.isEmpty) writer.next();
}
