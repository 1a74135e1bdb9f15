import { m } from '#messages';
import { toErrorRecord, TabloomError } from '#lib/base/errors.ts';
import { attachmentLengthMax, attachmentsMax, pasteLengthMax, type Attachment } from '#lib/state/attachment.ts';
import type { Conversation } from '#lib/state/conversation.svelte.ts';

/** What is given along with a question: files that are chosen, dropped or pasted, and long pasted texts. */
export class Attaching {
  /** Why some were not taken. */
  errors = $state.raw<readonly string[]>([]);
  readonly #newId: () => string;

  constructor(newId: () => string) {
    this.#newId = newId;
  }

  async add(files: readonly File[], conversation: Conversation): Promise<void> {
    this.errors = [];
    const errors: string[] = [];
    for (const file of files) {
      try {
        if (conversation.pending.length >= attachmentsMax)
          throw new TabloomError('too-many-attachments', m.attach_too_many({ count: attachmentsMax }));
        const { name } = file;
        const attachment: Attachment = { id: this.#newId(), name: name.slice(0, 200), text: await readText(file) };
        conversation.pending = [...conversation.pending, attachment];
      } catch (error) {
        errors.push(toErrorRecord(error).message);
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
