import { TabloomError } from '#lib/base/errors.ts';

/** Characters of one line of a stream. */
const lineLengthMax = 1_000_000;

/**
 * The `data` fields of a stream of server-sent events, without comments and other fields. Events of OpenAI's API have one
 * line each, so lines are not joined. @throws `bad-stream` for a line without end; whatever the body throws.
 */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += done ? decoder.decode() + '\n' : decoder.decode(value, { stream: true });
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      if (rest.length > lineLengthMax) throw new TabloomError('bad-stream', 'This stream has a line without end.');
      for (const line of lines) if (line.startsWith('data:')) yield line.slice(5).replace(/^ /, '');
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
