import { m } from '#messages';
import { inLanguage } from '#language';
import { randomId } from '#lib/base/ids.ts';
import { systemRandom } from '#lib/base/random.ts';
import { toErrorRecord, TabloomError } from '#lib/base/errors.ts';
import { attachmentLengthMax, attachmentsMax, pasteLengthMax, type Attachment } from '#lib/state/attachment.ts';
import type { Conversation } from '#lib/state/conversation.svelte.ts';
import type { DocumentKind, DocumentText, Tab } from '#lib/state/tab.ts';
import { toPicture } from './picture.ts';

const documentBytesMax = 50 * 1024 * 1024;

export interface AttachingParts {
  readonly newId: () => string;
  readonly readDocument: (kind: DocumentKind, bytes: Uint8Array) => Promise<DocumentText>;
  readonly draw?: typeof toPicture;
}

/** What is given along with a question: files that are chosen, dropped or pasted, and long pasted texts. */
export class Attaching {
  /** Why some were not taken. */
  errors = $state.raw<readonly string[]>([]);
  /** Why a question with what is attached cannot be sent now. */
  blocked = $state.raw<string>();
  /** How many files are being read. */
  reading = $state(0);
  readonly #parts: AttachingParts;

  constructor(parts: AttachingParts) {
    this.#parts = parts;
  }

  async add(files: readonly File[], conversation: Conversation): Promise<void> {
    this.errors = [];
    const errors: string[] = [];
    this.reading += files.length;
    for (const file of files) {
      try {
        if (conversation.pending.length >= attachmentsMax)
          throw new TabloomError('too-many-attachments', m.attach_too_many({ count: attachmentsMax }));
        const attachment = { id: this.#parts.newId(), name: file.name.slice(0, 200), ...(await this.#read(file)) };
        conversation.pending = [...conversation.pending, attachment];
      } catch (error) {
        errors.push(inLanguage(toErrorRecord(error).message));
      } finally {
        this.reading--;
      }
    }
    this.errors = errors;
  }

  /** Takes files, and texts that are too long to be read in the text field. Everything else is pasted as usual. */
  paste(event: ClipboardEvent, conversation: Conversation): void {
    const text = event.clipboardData?.getData('text/plain') ?? '';
    const files = [...(event.clipboardData?.files ?? [])];
    // Programs that copy a table add a picture of it.
    const given = text === '' ? files : text.length > pasteLengthMax ? [new File([text], m.attach_pasted())] : [];
    if (given.length === 0) return;
    event.preventDefault();
    void this.add(given, conversation);
  }

  async #read(file: File): Promise<Omit<Attachment, 'id' | 'name'>> {
    if (isPicture(file)) return { text: '', picture: await (this.#parts.draw ?? toPicture)(file) };
    const kind = await documentKind(file);
    if (!kind) return { text: await readText(file) };
    const { name } = file;
    if (file.size > documentBytesMax) throw tooLong(name);
    try {
      return await this.#parts.readDocument(kind, new Uint8Array(await file.arrayBuffer()));
    } catch (error) {
      const { code, message } = toErrorRecord(error);
      throw new TabloomError(code, m.attach_not_read({ name, reason: inLanguage(message) }), { cause: error });
    }
  }
}

/** @param ready resolves to what reads documents. @param signal ends the reading. */
export const attachingOf = (ready: () => Promise<Pick<Tab, 'readDocument'>>, signal: AbortSignal): Attaching =>
  new Attaching({
    newId: () => randomId(systemRandom),
    readDocument: async (kind, bytes) => (await ready()).readDocument(kind, bytes, { signal }),
  });

/** Drawings in SVG are text, which models read better. */
const isPicture = ({ type }: File): boolean => type.startsWith('image/') && type !== 'image/svg+xml';

/** What files of each kind begin with; Office before 2007 and encrypted documents with the last one. */
const beginnings: readonly (readonly [kind: DocumentKind, begin: string])[] = [
  ['pdf', '%PDF-'],
  ['office', 'PK\x03\x04'],
  ['office', '\xd0\xcf\x11\xe0'],
];

/** Undefined for what may be plain text. */
async function documentKind(file: File): Promise<DocumentKind | undefined> {
  const begin = String.fromCharCode(...new Uint8Array(await file.slice(0, 5).arrayBuffer()));
  return beginnings.find(([, known]) => begin.startsWith(known))?.[0];
}

/** @throws `attachment-too-long`, `attachment-not-text`. */
export async function readText(file: Pick<File, 'name' | 'size' | 'arrayBuffer'>): Promise<string> {
  const { name } = file;
  // No encoding of ours takes more than four bytes for a character.
  if (file.size > attachmentLengthMax * 4) throw tooLong(name);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const text = decode(bytes);
  if (text === undefined || text.includes('\0'))
    throw new TabloomError('attachment-not-text', m.attach_not_text({ name }));
  if (text.length > attachmentLengthMax) throw tooLong(name);
  return text.replace(/\r\n?/g, '\n');
}

const tooLong = (name: string) =>
  new TabloomError('attachment-too-long', m.attach_too_long({ name, count: attachmentLengthMax }));

/** UTF-8, or UTF-16 with its mark, as spreadsheets export it. */
function decode(bytes: Uint8Array): string | undefined {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
