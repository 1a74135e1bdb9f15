import { TabloomError } from '#lib/base/errors.ts';

/** A line longer than this is no event of a chat. */
const lineCharactersMax = 1024 * 1024;

/**
 * The `data` of server-sent events, comments and other fields left out; a line may come in any number of pieces.
 * @throws `engine-failed` for a line past the limit.
 */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += done ? decoder.decode() + '\n' : decoder.decode(value, { stream: true });
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      if (rest.length > lineCharactersMax) {
        throw new TabloomError('engine-failed', 'The model server sent a line that is too long. Check its address.');
      }
      for (const line of lines) {
        if (line.startsWith('data:')) yield line.slice(5).trim();
      }
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
