// Registers the parser on this thread: reading needs no further worker.
import 'pdfjs-dist/legacy/build/pdf.worker.mjs';
import { getDocument } from 'pdfjs-dist/legacy/build/pdf.mjs';

export interface PdfLimits {
  readonly partsMax: number;
  /** UTF-16 units of the whole text. */
  readonly lengthMax: number;
}

export type PdfOutcome =
  /** `pages`: where each begins in the text. */
  | { readonly outcome: 'done'; readonly text: string; readonly pages: readonly number[] }
  /** `locked`: it takes a password. `no-text`: it consists of pictures. */
  | { readonly outcome: 'broken' | 'locked' | 'no-text' | 'too-long' };

/**
 * The text of a PDF, page by page, in the order of its content. Nothing is drawn, fetched or run: neither fonts nor scripts. What
 * is too long is refused, not cut. @param bytes are given away.
 */
export async function readPdf(bytes: Uint8Array, { partsMax, lengthMax }: PdfLimits): Promise<PdfOutcome> {
  const task = getDocument({
    data: bytes,
    verbosity: 0,
    disableFontFace: true,
    useSystemFonts: false,
    useWorkerFetch: false,
    useWasm: false,
    enableXfa: false,
    isOffscreenCanvasSupported: false,
    isImageDecoderSupported: false,
  });
  try {
    const document = await task.promise;
    if (document.numPages > partsMax) return { outcome: 'too-long' };
    const pages: number[] = [];
    let text = '';
    for (let number = 1; number <= document.numPages; number++) {
      const page = await document.getPage(number);
      const { items } = await page.getTextContent();
      const read = items.map((item) => ('str' in item ? item.str + (item.hasEOL ? '\n' : '') : '')).join('');
      page.cleanup();
      pages.push(text.length);
      text += `${read
        .replaceAll('\0', '')
        .replace(/[ \t]+\n/g, '\n')
        .replace(/\n{3,}/g, '\n\n')
        .trim()}\n\n`;
      if (text.length > lengthMax) return { outcome: 'too-long' };
    }
    return text.trim() === '' ? { outcome: 'no-text' } : { outcome: 'done', text, pages };
  } catch (error) {
    return { outcome: error instanceof Error && error.name === 'PasswordException' ? 'locked' : 'broken' };
  } finally {
    await task.destroy().catch(() => undefined);
  }
}
