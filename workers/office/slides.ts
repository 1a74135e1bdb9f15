import { TextWriter, type DocumentParts, type OfficeLimits } from './document.ts';
import { readRelations } from './relations.ts';
import { readXml } from './xml.ts';
import type { Zip } from './zip.ts';

/** A presentation in PresentationML (ECMA-376, part 1, 19): each slide in its order, with the notes of its speaker. */
export async function readSlides(zip: Zip, main: string, limits: OfficeLimits): Promise<DocumentParts> {
  const relations = await readRelations(zip, main);
  const slides: string[] = [];
  readXml((await zip.text(main)) ?? '', {
    open(name, attribute) {
      // It has an `id` without prefix too.
      if (name === 'sldId') slides.push(relations.byId.get(attribute('*:id') ?? '') ?? '');
    },
  });
  const writer = new TextWriter(limits);
  for (const slide of slides) {
    writer.next('');
    writeText((await zip.text(slide)) ?? '', writer);
    const notes = (await readRelations(zip, slide)).byType.get('notesSlide');
    if (notes === undefined) continue;
    writer.endLine();
    writeText((await zip.text(notes)) ?? '', writer);
  }
  return { unit: 'slide', parts: writer.end() };
}

function writeText(xml: string, writer: TextWriter): void {
  let inText = false;
  let inCell = false;
  let cells = 0;
  readXml(xml, {
    open(name, attribute) {
      if (name === 'Fallback') return 'skip';
      // Numbers of slides and dates, drawn into each.
      if (name === 'fld' && attribute('type') === 'slidenum') return 'skip';
      if (name === 't') inText = true;
      else if (name === 'br') writer.add(inCell ? ' ' : '\n');
      else if (name === 'tr') cells = 0;
      else if (name === 'tc') {
        inCell = true;
        if (cells++ > 0) writer.add('\t');
      }
    },
    close(name) {
      if (name === 't') inText = false;
      else if (name === 'p') {
        if (inCell) writer.add(' ');
        else writer.endLine();
      } else if (name === 'tc') inCell = false;
      else if (name === 'tr') writer.endLine();
    },
    text: (value) => inText && writer.add(value),
  });
}
