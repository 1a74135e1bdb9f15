import { TabloomError } from '#lib/base/errors.ts';

/**
 * Parses the base URL of a model server; the result ends in a slash. Loopback and private addresses are allowed, since
 * that is where model servers run. Other schemes, credentials in the URL, and link-local and unspecified hosts (cloud
 * metadata services) are refused.
 * @throws `bad-server-url`.
 */
export function serverUrl(text: string): URL {
  const refuse = (what: string) => new TabloomError('bad-server-url', `The address of the model server ${what}.`);
  if (text.length > 2_048 || !URL.canParse(text)) throw refuse('is not a URL: give http://host:port/v1');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refuse('must start with http:// or https://');
  if (url.username || url.password) throw refuse('must not contain credentials; set the key separately');
  if (url.search || url.hash) throw refuse('must not have a query or a fragment');
  if (isForbiddenHost(url.hostname)) throw refuse('names a link-local or unspecified host');
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

/** `URL` has already normalised numeric hosts. */
function isForbiddenHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (/^(0\.|169\.254\.|22[4-9]\.|23\d\.|24\d\.|25\d\.)/.test(host)) return true;
  // ::, fe80::/10, ff00::/8, and the IPv4 ranges above mapped to IPv6.
  if (host === '::' || /^fe[89ab][0-9a-f]:/.test(host) || /^ff[0-9a-f]{2}:/.test(host)) return true;
  return /^::ffff:(a9fe|0|e[0-9a-f]{3}|f[0-9a-f]{3}):/.test(host) || host === 'fd00:ec2::254';
}

export interface ModelServerAddress {
  /** `http://127.0.0.1:8000/v1`. */
  readonly baseUrl: string;
  readonly apiKey?: string | undefined;
  readonly fetch: ServerFetch;
}

/** What is asked of an HTTP client. The platform's `fetch` is one. */
export type ServerFetch = (url: URL, request: ServerRequest) => Promise<ServerResponse>;

export interface ServerRequest {
  readonly method?: 'POST';
  readonly headers: Record<string, string>;
  readonly body?: string;
  readonly signal?: AbortSignal;
  /** A redirect could make this machine reach hosts that only it can access. */
  readonly redirect: 'error';
}

export interface ServerResponse {
  /** 200 to 299. */
  readonly ok: boolean;
  readonly status: number;
  readonly headers: Pick<Headers, 'get'>;
  /** Leaving it early closes the connection. */
  readonly body: AsyncIterable<Uint8Array> | null;
}

/**
 * One request to a model server; `path` is relative to its base URL. Servers close idle connections, some just as a
 * request is sent over one: where a connection breaks before anything came, the request is sent once more.
 * @throws `bad-server-url`, and as `fetch` does.
 */
export async function callServer(
  address: ModelServerAddress,
  path: string,
  request: Pick<ServerRequest, 'method' | 'body' | 'signal'>,
): Promise<ServerResponse> {
  const { apiKey, fetch } = address;
  const url = urlOf(address, path);
  const send = () =>
    fetch(url, {
      ...request,
      redirect: 'error',
      headers: {
        'content-type': 'application/json',
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      },
    });
  try {
    return await send();
  } catch (error) {
    if (request.signal?.aborted || !isReset(error)) throw error;
    return await send();
  }
}

/** Of each server, by path. They are few, and cost more to parse than to keep. */
const urls = new WeakMap<ModelServerAddress, Map<string, URL>>();

function urlOf(address: ModelServerAddress, path: string): URL {
  const known = urls.get(address) ?? new Map<string, URL>();
  urls.set(address, known);
  const url = known.get(path) ?? new URL(path, serverUrl(address.baseUrl));
  known.set(path, url);
  return url;
}

/** How Node reports a connection that was closed under a request, unlike one that was refused; its `fetch` as the cause. */
function isReset(error: unknown): boolean {
  const code = codeOf(error) ?? codeOf(error instanceof Error ? error.cause : undefined);
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE';
}

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
