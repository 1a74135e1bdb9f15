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
    const writer = createWriter(outgoing);
    while (!outgoing.destroyed) {
      const { value, done } = await frames.next();
      if (outgoing.destroyed) break;
      if (done === true) {
        writer.flush();
        return void outgoing.end(end);
      }
      // Some parts produce no event, but a client that waits for its first one wants to know that it is being answered.
      if (value === '') outgoing.flushHeaders();
      else if (!writer.write(chunkOf(value))) await drained(outgoing);
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

/** Frames on their way to a socket. */
interface FrameWriter {
  /** False where the next one has to wait for `drained`. */
  write(text: string): boolean;
  flush(): void;
}

/**
 * The first frame goes with the headers. From then on there is nothing left of HTTP but bytes, which go to the socket itself:
 * those of one turn of the event loop together, as Node does it too, at twice the cost.
 */
function createWriter(outgoing: ServerResponse): FrameWriter {
  let hasBegun = false;
  let unsent = '';
  const flush = () => {
    const text = unsent;
    unsent = '';
    if (text !== '' && !outgoing.destroyed) outgoing.socket?.write(text);
  };
  return {
    flush,
    write(text) {
      const { socket } = outgoing;
      // One that waits for the answer before it has no socket yet.
      if (!hasBegun || !socket) {
        hasBegun = socket !== null;
        return outgoing.write(text);
      }
      if (unsent === '') process.nextTick(flush);
      unsent += text;
      if (unsent.length > unsentLengthMax) flush();
      return !socket.writableNeedDrain;
    },
  };
}

const unsentLengthMax = 64 * 1024;

/** Resolves when there is room, and when nobody reads any more. */
const drained = (outgoing: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const { socket } = outgoing;
    const onEnd = () => {
      outgoing.off('drain', onEnd).off('close', onEnd);
      socket?.off('drain', onEnd);
      resolve();
    };
    outgoing.on('drain', onEnd).on('close', onEnd);
    socket?.on('drain', onEnd);
  });
