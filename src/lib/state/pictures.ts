import { jobKinds } from '#lib/protocol/kinds/table.ts';
import type { ChatMessage } from '#lib/protocol/kinds/chat.ts';
import type { Attachment } from './attachment.ts';

interface TurnWithPictures {
  readonly attachments?: readonly Attachment[];
}

interface PicturesToSend {
  readonly sent: ReadonlySet<Attachment>;
  /** By their SHA-256. */
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  /** How many are not. */
  readonly leftOut: number;
}

const { blobsMax, blobBytesMax } = jobKinds.chat.limits;

/** Pictures that go along with the question at the end of a path: the newest, as many as a job may have. */
export function picturesToSend(path: readonly TurnWithPictures[], sight: 'sees' | 'blind'): PicturesToSend {
  const all = path.flatMap(({ attachments = [] }) => attachments.filter(({ picture }) => picture)).toReversed();
  const sent = new Set<Attachment>();
  const blobs = new Map<string, Uint8Array>();
  let bytes = 0;
  for (const attachment of sight === 'sees' ? all : []) {
    const { picture } = attachment;
    bytes += picture!.bytes.length;
    if (sent.size >= blobsMax || bytes > blobBytesMax) break;
    sent.add(attachment);
    blobs.set(picture!.sha256, picture!.bytes);
  }
  return { sent, blobs, leftOut: all.length - sent.size };
}

/** The content of a question: its text, and its pictures. A word to the model stands where one is not sent. */
export function withPictures(
  prompt: string,
  attachments: readonly Attachment[] = [],
  sent: ReadonlySet<Attachment>,
): ChatMessage['content'] {
  const withPicture = attachments.filter(({ picture }) => picture);
  const missing = withPicture.filter((one) => !sent.has(one)).map(({ name }) => `[Picture ${name}, not shown]`);
  const text = [...missing, prompt].join('\n');
  const shown = withPicture.filter((one) => sent.has(one));
  if (shown.length === 0) return text;
  const blobs = shown.map(({ picture }) => {
    const { mime, sha256, bytes } = picture!;
    return { type: 'blob' as const, mime, sha256, sizeBytes: bytes.length };
  });
  return [{ type: 'text', text }, ...blobs];
}

/** All pictures of a path, by their SHA-256. */
export const blobsOf = (path: readonly TurnWithPictures[]): ReadonlyMap<string, Uint8Array> =>
  new Map(
    path.flatMap(({ attachments = [] }) =>
      attachments.flatMap(({ picture }) => (picture ? [[picture.sha256, picture.bytes] as const] : [])),
    ),
  );
