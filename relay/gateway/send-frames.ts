import type { ServerResponse } from 'node:http';

/**
 * Writes a streamed response to its socket, each frame as it comes: a stream of the web would make promises and a copy for
 * each token. A slow client slows the frames down, and one that leaves ends them. Never throws: a failure closes the connection.
 */
export async function sendFrames(
  outgoing: ServerResponse,
  { status, headers }: { readonly status: number; readonly headers: Iterable<readonly [string, string]> },
  frames: AsyncGenerator<string>,
): Promise<void> {
  try {
    outgoing.writeHead(status, Object.fromEntries(headers));
    const { chunkOf, end } = takeOverChunks(outgoing);
    while (!outgoing.destroyed) {
      const { value, done } = await frames.next();
      if (outgoing.destroyed) break;
      if (done === true) return void outgoing.end(end);
      // Some parts produce no event, but a client that waits for its first one wants to know that it is being answered.
      if (value === '') outgoing.flushHeaders();
      else if (!outgoing.write(chunkOf(value))) await drained(outgoing);
    }
  } catch (error) {
    outgoing.destroy(error instanceof Error ? error : undefined);
  } finally {
    await frames.return(undefined).catch(() => undefined);
  }
}

/**
 * Node writes each chunk as four pieces: its length, a line's end, itself, and another. One string costs less to hand
 * to the system. Asked once the headers are set, which say whether there are chunks: a client of HTTP/1.0 gets none.
 */
function takeOverChunks(outgoing: ServerResponse): {
  readonly chunkOf: (text: string) => string;
  readonly end: string | undefined;
} {
  if (!outgoing.chunkedEncoding) return { chunkOf: (text) => text, end: undefined };
  outgoing.chunkedEncoding = false;
  return { chunkOf: (text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`, end: '0\r\n\r\n' };
}

/** Resolves when there is room, and when nobody reads any more. */
const drained = (outgoing: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const onEnd = () => {
      outgoing.off('drain', onEnd).off('close', onEnd);
      resolve();
    };
    outgoing.on('drain', onEnd).on('close', onEnd);
  });
