import { TooLongError, type DocumentParts, type OfficeLimits } from './document.ts';
import { readOpenDocument } from './open-document.ts';
import { readRelations } from './relations.ts';
import { readSheets } from './sheets.ts';
import { readSlides } from './slides.ts';
import { readWord } from './word.ts';
import { readXml, XmlError } from './xml.ts';
import { openZip, ZipError, type Zip } from './zip.ts';

export type OfficeOutcome =
  /** `pages`: where each page, sheet or slide begins in the text. `titles`: the name of each, where they have names. */
  | {
      readonly outcome: 'done';
      readonly text: string;
      readonly unit: DocumentParts['unit'];
      readonly pages: readonly number[];
      readonly titles?: readonly string[] | undefined;
    }
  /**
   * `locked`: it takes a password. `old`: of Office before 2007. `unknown`: an archive of something else. `too-large`: it unpacks to
   * more than a document does.
   */
  | { readonly outcome: 'broken' | 'locked' | 'old' | 'unknown' | 'no-text' | 'too-long' | 'too-large' };

const zipLimits = { entriesMax: 10_000, unpackedBytesMax: 128 * 1024 * 1024, ratioMax: 250 };

/**
 * The text of a document in Office Open XML or OpenDocument. Nothing in it is drawn, fetched or run: neither pictures nor macros are
 * unpacked. What is too long is refused, not cut.
 */
export async function readOffice(bytes: Uint8Array<ArrayBuffer>, limits: OfficeLimits): Promise<OfficeOutcome> {
  if (isCompound(bytes)) return { outcome: includesWide(bytes, 'EncryptedPackage') ? 'locked' : 'old' };
  try {
    const read = await readParts(openZip(bytes, zipLimits), limits);
    return typeof read === 'string' ? { outcome: read } : joined(read);
  } catch (error) {
    if (error instanceof ZipError) return { outcome: error.fault };
    if (error instanceof TooLongError) return { outcome: 'too-long' };
    if (error instanceof XmlError) return { outcome: 'broken' };
    throw error;
  }
}

async function readParts(zip: Zip, limits: OfficeLimits): Promise<DocumentParts | 'unknown' | 'locked' | 'broken'> {
  if (zip.names.has('[Content_Types].xml')) {
    const main = (await readRelations(zip, '')).byType.get('officeDocument');
    if (main === undefined) return 'unknown';
    if (!zip.names.has(main)) return 'broken';
    const type = await contentType(zip, main);
    if (/word/.test(type)) return readWord(zip, main, limits);
    if (/sheet/.test(type)) return readSheets(zip, main, limits);
    if (/presentation|powerpoint/.test(type)) return readSlides(zip, main, limits);
    return 'unknown';
  }
  const type = (await zip.text('mimetype'))?.trim() ?? '';
  const unit = (
    [
      ['text', 'page'],
      ['spreadsheet', 'sheet'],
      ['presentation', 'slide'],
    ] as const
  ).find(([kind]) => type.startsWith(`application/vnd.oasis.opendocument.${kind}`))?.[1];
  if (!unit) return 'unknown';
  if ((await zip.text('META-INF/manifest.xml'))?.includes('encryption-data')) return 'locked';
  const content = await zip.text('content.xml');
  return content === undefined ? 'broken' : readOpenDocument(content, unit, limits);
}

/** Of a file in an OPC package; empty unless it is XML. */
async function contentType(zip: Zip, of: string): Promise<string> {
  let found = '';
  readXml((await zip.text('[Content_Types].xml')) ?? '', {
    open(name, attribute) {
      const type = attribute('ContentType') ?? '';
      if (name === 'Override' && attribute('PartName') === `/${of}` && type.endsWith('+xml'))
        found = type.toLowerCase();
    },
  });
  return found;
}

function joined({ unit, parts }: DocumentParts): OfficeOutcome {
  const pages: number[] = [];
  let text = '';
  for (const part of parts) {
    pages.push(text.length);
    text += `${part.text}\n\n`;
  }
  if (text.trim() === '') return { outcome: 'no-text' };
  const titles = parts.map(({ title }) => title ?? '');
  // What has no marks of pages has none.
  const numbered = unit === 'page' && parts.length === 1 ? [] : pages;
  return { outcome: 'done', text, unit, pages: numbered, titles: unit === 'sheet' ? titles : undefined };
}

/** The file format of Office before 2007, in which later ones are wrapped when they are encrypted ([MS-CFB]). */
const isCompound = (bytes: Uint8Array): boolean =>
  [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1].every((byte, index) => bytes[index] === byte);

/** Whether a name stands in the directory of a compound file, which is in UTF-16. */
function includesWide(bytes: Uint8Array, name: string): boolean {
  const wide = [...name].flatMap((letter) => [letter.charCodeAt(0), 0]);
  for (let at = bytes.indexOf(wide[0]!); at >= 0; at = bytes.indexOf(wide[0]!, at + 1)) {
    if (wide.every((byte, index) => bytes[at + index] === byte)) return true;
  }
  return false;
}
