import { TabloomError } from '#lib/base/errors.ts';

/**
 * The base address of a model server, ending in a slash. Loopback and private networks are what such servers live in and
 * pass; what no model server has is refused: other schemes, credentials in the address, link-local and unspecified hosts
 * (where clouds keep their metadata).
 * @throws `bad-server-url`.
 */
export function serverUrl(text: string): URL {
  const refuse = (what: string) => new TabloomError('bad-server-url', `The address of the model server ${what}.`);
  if (text.length > 2_048 || !URL.canParse(text)) throw refuse('is not one: give http://host:port/v1');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refuse('must begin with http:// or https://');
  if (url.username || url.password) throw refuse('must not hold a user name; give the key as a setting of its own');
  if (url.search || url.hash) throw refuse('must not have a query or a fragment');
  if (isForbiddenHost(url.hostname)) throw refuse('names a link-local or unspecified host');
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

/** `URL` has already brought numeric hosts to their usual form. */
function isForbiddenHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (/^(0\.|169\.254\.|22[4-9]\.|23\d\.|24\d\.|25\d\.)/.test(host)) return true;
  // ::, fe80::/10, ff00::/8, and IPv4 of the above written as IPv6.
  if (host === '::' || /^fe[89ab][0-9a-f]:/.test(host) || /^ff[0-9a-f]{2}:/.test(host)) return true;
  return /^::ffff:(a9fe|0|e[0-9a-f]{3}|f[0-9a-f]{3}):/.test(host) || host === 'fd00:ec2::254';
}
