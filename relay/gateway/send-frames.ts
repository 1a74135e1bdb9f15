import type { ServerResponse } from 'node:http';

/**
 * Writes a streamed response to its socket, each frame as it comes: a stream of the web would make promises and a copy for
 * each token. A slow client slows the frames down, and one that leaves ends them. Never throws: a failure closes the connection.
 */
export async function sendFrames(
  outgoing: ServerResponse,
  { status, headers }: Response,
  frames: AsyncGenerator<string>,
): Promise<void> {
  try {
    outgoing.writeHead(status, Object.fromEntries(headers));
    while (!outgoing.destroyed) {
      const { value, done } = await frames.next();
      if (outgoing.destroyed) break;
      if (done === true) return void outgoing.end();
      // Some parts produce no event, but a client that waits for its first one wants to know that it is being answered.
      if (value === '') outgoing.flushHeaders();
      else if (!outgoing.write(value)) await drained(outgoing);
    }
  } catch (error) {
    outgoing.destroy(error instanceof Error ? error : undefined);
  } finally {
    await frames.return(undefined).catch(() => undefined);
  }
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
