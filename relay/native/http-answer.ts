/** The beginning of an answer. */
export interface AnswerHead {
  readonly status: number;
  /** By lower-case name; those that occur several times are joined by commas. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface AnswerEvents {
  onHead(head: AnswerHead): void;
  /** What one read of the socket brought of the body, without its framing. */
  onBody(bytes: Uint8Array): void;
  /** The answer is whole. `reusable`: the connection may carry another request. */
  onEnd(reusable: boolean): void;
}

/** Reads one answer of HTTP/1.1 (RFC 9112) as its bytes come. */
export interface AnswerReader {
  /** @throws an `Error` with the code `bad-http` for what is no answer, after which nothing more may be read. */
  read(bytes: Buffer): void;
  /** The server has closed its side. Whether the answer is whole by that. @throws `bad-http` where its head is not. */
  close(): boolean;
}

const answerLimits = { headBytesMax: 16 * 1024, lineBytesMax: 4 * 1024, trailersBytesMax: 8 * 1024 } as const;

type State =
  | { readonly at: 'head' | 'chunk-size' | 'chunk-end' | 'trailers' | 'until-close' | 'over' }
  | { readonly at: 'sized' | 'chunk'; leftBytes: number };

/** Node's own client costs about four times as much for a short answer, most of it streams and events that nobody here listens to. */
export function createAnswerReader(events: AnswerEvents): AnswerReader {
  let state: State = { at: 'head' };
  /** A head or a line that has not come whole. */
  let rest: Buffer | undefined;
  let trailersBytes = 0;
  let keepsAlive = false;

  const end = (reusable: boolean) => {
    state = { at: 'over' };
    events.onEnd(reusable);
  };

  /** Up to a delimiter, without it, and where the next byte is; undefined while it has not come. */
  const until = (bytes: Buffer, from: number, delimiter: string, bytesMax: number) => {
    const to = bytes.indexOf(delimiter, from, 'latin1');
    if ((to < 0 ? bytes.length : to) - from > bytesMax) throw bad('A line of its answer is too long.');
    if (to >= 0) return { text: bytes.toString('latin1', from, to), next: to + delimiter.length };
    rest = from === bytes.length ? undefined : bytes.subarray(from);
    return undefined;
  };

  const begin = (text: string) => {
    const { status, version, headers } = parseHead(text);
    if (status === 101) throw bad('It changes the protocol, which was not asked for.');
    // An interim answer is followed by the one that was asked for.
    if (status < 200) return;
    const framing = framingOf(status, headers);
    keepsAlive = framing.at !== 'until-close' && staysOpen(version, headers);
    state = framing;
    events.onHead({ status, headers });
    if (framing.at === 'sized' && framing.leftBytes === 0) end(keepsAlive);
  };

  return {
    read(read) {
      const bytes = rest ? Buffer.concat([rest, read]) : read;
      rest = undefined;
      let at = 0;
      let body: Buffer | undefined;
      let more: Buffer[] | undefined;
      const take = (to: number) => {
        const piece = bytes.subarray(at, to);
        if (!body) body = piece;
        else (more ??= [body]).push(piece);
        at = to;
      };
      /** Before the end, which whoever waits for more would otherwise hear first. */
      const flush = () => {
        if (body) events.onBody(more ? Buffer.concat(more) : body);
        body = more = undefined;
      };
      while (at < bytes.length) {
        if (state.at === 'sized' || state.at === 'chunk') {
          const length = Math.min(state.leftBytes, bytes.length - at);
          take(at + length);
          state.leftBytes -= length;
          if (state.leftBytes > 0) continue;
          if (state.at === 'chunk') state = { at: 'chunk-end' };
          else {
            const isLast = at === bytes.length;
            flush();
            end(keepsAlive && isLast);
            return;
          }
        } else if (state.at === 'until-close') take(bytes.length);
        else if (state.at === 'head') {
          // At once: what is no HTTP at all may never come to an end of a head.
          const length = Math.min(beginning.length, bytes.length - at);
          if (bytes.toString('latin1', at, at + length) !== beginning.slice(0, length)) throw noHttp();
          const head = until(bytes, at, '\r\n\r\n', answerLimits.headBytesMax);
          if (!head) return;
          at = head.next;
          begin(head.text);
        } else if (state.at === 'over') {
          // Nobody asked for more.
          return;
        } else {
          const line = until(bytes, at, '\r\n', answerLimits.lineBytesMax);
          if (!line) break;
          at = line.next;
          if (state.at === 'chunk-end') {
            if (line.text !== '') throw bad('A chunk of its answer is longer than it says.');
            state = { at: 'chunk-size' };
          } else if (state.at === 'chunk-size') {
            const leftBytes = parseChunkSize(line.text);
            state = leftBytes > 0 ? { at: 'chunk', leftBytes } : { at: 'trailers' };
          } else if (line.text === '') {
            const isLast = at === bytes.length;
            flush();
            end(keepsAlive && isLast);
            return;
          } else if ((trailersBytes += line.text.length) > answerLimits.trailersBytesMax) {
            throw bad('The trailers of its answer are too long.');
          }
        }
      }
      flush();
    },
    close() {
      if (state.at === 'head' && rest) throw bad('It ends before its head does.');
      if (state.at === 'until-close') end(false);
      return state.at === 'over';
    },
  };
}

const bad = (what: string): Error =>
  Object.assign(new Error(`The server's answer cannot be read. ${what}`), { code: 'bad-http' });

const beginning = 'HTTP/1.';
const noHttp = () => bad('It does not begin as HTTP/1.1 does.');

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

function parseHead(text: string) {
  const [first = '', ...lines] = text.split('\r\n');
  const start = /^HTTP\/1\.([01]) (\d{3})(?: [^\0\r\n]*)?$/.exec(first);
  if (!start) throw noHttp();
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (!token.test(name) || /[\0\r\n]/.test(value)) throw bad('One of its headers is malformed.');
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return { version: start[1]!, status: Number(start[2]), headers };
}

/** How the end of a body is known (RFC 9112, 6.3). */
function framingOf(status: number, headers: AnswerHead['headers']): State {
  const encoding = headers.get('transfer-encoding')?.toLowerCase();
  const length = headers.get('content-length');
  // Whoever sends both may mean either, and somebody between may have understood the other.
  if (encoding !== undefined && length !== undefined) throw bad('It has two lengths.');
  if (length !== undefined && !/^\d{1,15}$/.test(length)) throw bad('Its length is no number.');
  if (status === 204 || status === 304) return { at: 'sized', leftBytes: 0 };
  if (encoding !== undefined) return { at: encoding === 'chunked' ? 'chunk-size' : 'until-close' };
  return length === undefined ? { at: 'until-close' } : { at: 'sized', leftBytes: Number(length) };
}

function staysOpen(version: string, headers: AnswerHead['headers']): boolean {
  const connection = headers.get('connection')?.toLowerCase() ?? '';
  return version === '1' ? !/\bclose\b/.test(connection) : /\bkeep-alive\b/.test(connection);
}

function parseChunkSize(line: string): number {
  const size = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i.exec(line)?.[1];
  if (size === undefined) throw bad('The length of a chunk is no number.');
  return Number.parseInt(size, 16);
}
