import { expect, test } from 'vitest';
import { createZip, openFiles, paragraph, sheetFiles, slideFiles, wordFiles } from './office.fixture.ts';
import { readOffice } from './read-office.ts';

const limits = { partsMax: 10, lengthMax: 1_000 };
const read = (files: Readonly<Record<string, string>>) => createZip(files).then((zip) => readOffice(zip, limits));

test('a text document: pages, tables, notes, and nothing of what was deleted or moved away', async () => {
  const body =
    `<w:p><w:pPr><w:tabs><w:tab w:val="left"/></w:tabs></w:pPr><w:r><w:t>Tom &amp; </w:t></w:r><w:del><w:r><w:delText>no</w:delText></w:r></w:del>` +
    `<w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom><w:r><w:t>Ann&#233;</w:t><w:tab/><w:t>1<![CDATA[ < 2]]></w:t></w:r></w:p>` +
    `<w:tbl><w:tr><w:tc>${paragraph('a')}</w:tc><w:tc>${paragraph('b')}${paragraph('c')}</w:tc></w:tr></w:tbl>` +
    `<w:p><w:r><w:br w:type="page"/></w:r></w:p>` +
    `<w:p><w:r><w:lastRenderedPageBreak/><w:t>Second page</w:t></w:r></w:p>`;
  const notes = { 'word/footnotes.xml': `<w:footnotes><w:footnote>${paragraph('A note.')}</w:footnote></w:footnotes>` };
  expect(await read(wordFiles(body, notes))).toEqual({
    outcome: 'done',
    unit: 'page',
    text: 'Tom & Anné\t1 < 2\na\tb c\n\nSecond page\nA note.\n\n',
    pages: [0, 24],
    titles: undefined,
  });
});

test('one that has no marks of pages is one text', async () => {
  expect(await read(wordFiles(paragraph('Hello')))).toMatchObject({ text: 'Hello\n\n', pages: [] });
});

test('a workbook: each sheet by its name, columns in place, dates as dates', async () => {
  const rows =
    `<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c></row><row r="2"/>` +
    `<row r="3"><c r="A3" s="1"><v>45292</v></c><c r="B3" s="2"><v>45292.75</v></c><c r="C3"><f>1+1</f><v>2</v></c>` +
    `<c t="b"><v>1</v></c><c t="inlineStr"><is><t>in</t><t>line</t></is></c><c s="0"><v>45292</v></c></row>`;
  const files = sheetFiles(
    { Budget: rows, 'A &amp; B': '' },
    {
      'xl/sharedStrings.xml': `<sst><si><t>Day</t></si><si><r><t>Su</t></r><r><t>m</t></r><rPh><t>sum</t></rPh></si></sst>`,
      'xl/styles.xml':
        `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd hh:mm"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>` +
        `<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/></cellXfs></styleSheet>`,
    },
  );
  expect(await read(files)).toEqual({
    outcome: 'done',
    unit: 'sheet',
    text: 'Day\t\tSum\n2024-01-01\t2024-01-01 18:00:00\t2\tTRUE\tinline\t45292\n\n\n\n',
    pages: [0, 61],
    titles: ['Budget', 'A & B'],
  });
});

test('a presentation: slides in their order, not that of their files, with notes', async () => {
  const line = (text: string) => `<a:p><a:r><a:t>${text}</a:t></a:r></a:p>`;
  const files = slideFiles([line('First') + line('point'), '', line('Third')], line('Say hello.'));
  expect(await read(files)).toEqual({
    outcome: 'done',
    unit: 'slide',
    text: 'First\npoint\nSay hello.\n\n\n\nThird\n\n',
    pages: [0, 24, 26],
    titles: undefined,
  });
});

test('OpenDocument: text, spreadsheet and presentation', async () => {
  const text =
    `<office:text><text:tracked-changes><text:p>deleted</text:p></text:tracked-changes><text:h>Title</text:h>` +
    `<text:p>One<text:s text:c="2"/>two\n  three<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>note</text:p></text:note-body></text:note></text:p>` +
    `<text:p><text:soft-page-break/>Next</text:p></office:text>`;
  expect(await read(openFiles('text', text))).toMatchObject({
    unit: 'page',
    text: 'Title\nOne  two three1 [note]\n\nNext\n\n',
    pages: [0, 30],
  });
  const cell = (value: string, more = '') => `<table:table-cell ${more}><text:p>${value}</text:p></table:table-cell>`;
  const sheet =
    `<table:table table:name="Sums"><table:table-row>${cell('a')}${cell('', 'table:number-columns-repeated="2"')}${cell('d')}` +
    `<table:table-cell table:number-columns-repeated="16000"/></table:table-row>` +
    `<table:table-row table:number-rows-repeated="1048576"><table:table-cell/></table:table-row></table:table>`;
  expect(await read(openFiles('spreadsheet', sheet))).toMatchObject({
    unit: 'sheet',
    text: 'a\t\t\td\n\n',
    titles: ['Sums'],
  });
  const slides = `<draw:page draw:name="p1"><text:p>Hello</text:p></draw:page><draw:page/><draw:page><text:p>Bye</text:p></draw:page>`;
  expect(await read(openFiles('presentation', slides))).toMatchObject({ unit: 'slide', pages: [0, 7, 9] });
});

test('why one cannot be read is told apart', async () => {
  const compound = (name: string) =>
    Uint8Array.from(
      Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(64), Buffer.from(name, 'utf16le')]),
    );
  expect(await readOffice(compound('WordDocument'), limits)).toEqual({ outcome: 'old' });
  expect(await readOffice(compound('EncryptedPackage'), limits)).toEqual({ outcome: 'locked' });
  const manifest = { 'META-INF/manifest.xml': '<manifest:encryption-data/>' };
  expect(await read(openFiles('text', '', manifest))).toEqual({ outcome: 'locked' });
  expect(await readOffice(await createZip(wordFiles(paragraph('a')), { flags: 1 }), limits)).toEqual({
    outcome: 'locked',
  });
  expect(await read({ 'photo.txt': 'x' })).toEqual({ outcome: 'unknown' });
  expect(await read(wordFiles('<w:p/>'))).toEqual({ outcome: 'no-text' });
  for (const broken of [new Uint8Array(), Uint8Array.from(Buffer.from('PK\u0003\u0004…'))])
    expect(await readOffice(broken, limits)).toEqual({ outcome: 'broken' });
  const whole = await createZip(wordFiles(paragraph('a')));
  for (let at = 0; at < whole.length; at += 7) {
    const damaged = Uint8Array.from(whole);
    damaged[at]! ^= 0xff;
    const { outcome } = await readOffice(damaged, limits);
    expect(['done', 'broken', 'locked', 'unknown', 'no-text', 'too-large', 'too-long']).toContain(outcome);
  }
});

test.each(['<!DOCTYPE x [<!ENTITY a "aaaa">]><w:p/>', '<w:p>', '</w:p>', '<w:p a="', '<'.repeat(1_000)])(
  'XML that is not well formed, or declares entities, is damage: %s',
  async (body) => {
    expect(await read(wordFiles(body))).toEqual({ outcome: 'broken' });
  },
);

test('what unpacks to far more than it is, has too many files, or is too long, is refused', async () => {
  const bomb = { ...wordFiles(''), 'word/document.xml': ' '.repeat(32 * 1024 * 1024) };
  expect(await read(bomb)).toEqual({ outcome: 'too-large' });
  const many = Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`f${index}`, '']));
  expect(await readOffice(await createZip(many, { pack: 'store' }), limits)).toEqual({ outcome: 'too-large' });
  expect(await read(wordFiles(paragraph('x'.repeat(1_001))))).toEqual({ outcome: 'too-long' });
  const pages = `${paragraph('x')}<w:p><w:r><w:br w:type="page"/></w:r></w:p>`.repeat(11);
  expect(await read(wordFiles(pages))).toEqual({ outcome: 'too-long' });
  const wide = `<row><c r="A1"><v>1</v></c><c r="XFD1"><v>2</v></c></row>`;
  expect(await read(sheetFiles({ Wide: wide }))).toEqual({ outcome: 'too-long' });
});
