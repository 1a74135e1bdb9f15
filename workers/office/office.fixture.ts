/** An archive of these files, packed unless `store`; its checksums are left empty, which no reader of ours asks for. */
export async function createZip(
  files: Readonly<Record<string, string | Uint8Array>>,
  { pack = 'deflate', flags = 0 }: { readonly pack?: 'deflate' | 'store'; readonly flags?: number } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const [locals, directory]: [Buffer[], Buffer[]] = [[], []];
  let at = 0;
  for (const [path, content] of Object.entries(files)) {
    const plain = Buffer.from(content);
    const packed = pack === 'deflate' ? await deflate(plain) : plain;
    const name = Buffer.from(path);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    for (const [header, from] of [
      [local, 6],
      [entry, 8],
    ] as const) {
      header.writeUInt16LE(flags, from);
      header.writeUInt16LE(pack === 'deflate' ? 8 : 0, from + 2);
      header.writeUInt32LE(packed.length, from + 12);
      header.writeUInt32LE(plain.length, from + 16);
      header.writeUInt16LE(name.length, from + 20);
    }
    entry.writeUInt32LE(at, 42);
    locals.push(local, name, packed);
    directory.push(entry, name);
    at += local.length + name.length + packed.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(at, 16);
  return Uint8Array.from(Buffer.concat([...locals, ...directory, end]));
}

async function deflate(plain: Buffer): Promise<Buffer> {
  const packed = new Blob([Uint8Array.from(plain)]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  return Buffer.from(await new Response(packed).arrayBuffer());
}

const relation = (id: string, kind: string, target: string) =>
  `<Relationship Id="${id}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/${kind}" Target="${target}"/>`;
const relations = (...all: readonly string[]) => `<?xml version="1.0"?><Relationships>${all.join('')}</Relationships>`;
const types = (path: string, type: string) =>
  `<Types><Override PartName="/${path}" ContentType="application/vnd.openxmlformats-officedocument.${type}.main+xml"/></Types>`;

/** @param body of `word/document.xml`. */
export const wordFiles = (body: string, more: Readonly<Record<string, string>> = {}) => ({
  '[Content_Types].xml': types('word/document.xml', 'wordprocessingml.document'),
  '_rels/.rels': relations(relation('rId1', 'officeDocument', 'word/document.xml')),
  'word/document.xml': `<w:document><w:body>${body}</w:body></w:document>`,
  ...more,
});

export const paragraph = (text: string) => `<w:p><w:r><w:t xml:space="preserve">${text}</w:t></w:r></w:p>`;

/** @param sheets their rows by name. */
export const sheetFiles = (
  sheets: Readonly<Record<string, string>>,
  more: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> => ({
  '[Content_Types].xml': types('xl/workbook.xml', 'spreadsheetml.sheet'),
  '_rels/.rels': relations(relation('rId1', 'officeDocument', '/xl/workbook.xml')),
  'xl/workbook.xml': `<workbook><sheets>${Object.keys(sheets)
    .map((name, index) => `<sheet name="${name}" sheetId="${index + 1}" r:id="rId${index + 1}"/>`)
    .join('')}</sheets></workbook>`,
  'xl/_rels/workbook.xml.rels': relations(
    ...Object.keys(sheets).map((_, index) =>
      relation(`rId${index + 1}`, 'worksheet', `worksheets/sheet${index + 1}.xml`),
    ),
    relation('s', 'sharedStrings', 'sharedStrings.xml'),
    relation('t', 'styles', 'styles.xml'),
  ),
  ...Object.fromEntries(
    Object.values(sheets).map((rows, index) => [
      `xl/worksheets/sheet${index + 1}.xml`,
      `<worksheet><sheetData>${rows}</sheetData></worksheet>`,
    ]),
  ),
  ...more,
});

/** @param slides their paragraphs, and the notes of the first one. */
export const slideFiles = (slides: readonly string[], notes: string): Readonly<Record<string, string>> => ({
  '[Content_Types].xml': types('ppt/presentation.xml', 'presentationml.presentation'),
  '_rels/.rels': relations(relation('rId1', 'officeDocument', 'ppt/presentation.xml')),
  'ppt/presentation.xml': `<p:presentation><p:sldIdLst>${slides
    .map((_, index) => `<p:sldId id="${256 + index}" r:id="rId${index + 1}"/>`)
    .join('')}</p:sldIdLst></p:presentation>`,
  'ppt/_rels/presentation.xml.rels': relations(
    ...slides.map((_, index) => relation(`rId${index + 1}`, 'slide', `slides/slide${slides.length - index}.xml`)),
  ),
  ...Object.fromEntries(
    slides.map((text, index) => [
      `ppt/slides/slide${slides.length - index}.xml`,
      `<p:sld><p:txBody>${text}</p:txBody></p:sld>`,
    ]),
  ),
  [`ppt/slides/_rels/slide${slides.length}.xml.rels`]: relations(
    relation('n', 'notesSlide', '../notesSlides/notes.xml'),
  ),
  'ppt/notesSlides/notes.xml': `<p:notes>${notes}</p:notes>`,
});

/** @param kind `text`, `spreadsheet` or `presentation`. */
export const openFiles = (kind: string, body: string, more: Readonly<Record<string, string>> = {}) => ({
  mimetype: `application/vnd.oasis.opendocument.${kind}`,
  'content.xml': `<office:document-content><office:body>${body}</office:body></office:document-content>`,
  ...more,
});
