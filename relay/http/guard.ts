import { isIP } from 'node:net';

/**
 * Decides who may talk to this relay, by the `Host` and `Origin` headers alone. A foreign web page must not be able to use
 * a relay on its visitor's loopback: its requests carry its own `Origin` and, after DNS rebinding, its own name as `Host`.
 * Programs send no `Origin` and pass.
 */
export interface Guard {
  /** `Host` must be one of this relay's names. */
  checkHost(host: string | undefined): AccessDecision;
  /** `Origin` must be absent, the relay's own, or allowed. Check the host first. */
  checkOrigin(headers: OriginHeaders): AccessDecision;
}

export interface OriginHeaders {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** `Sec-Fetch-Site`, sent by browsers only. */
  readonly fetchSite?: string | undefined;
  readonly method: string;
}

export type AccessDecision =
  | { readonly allowed: true }
  | {
      readonly allowed: false;
      readonly code: 'host-not-allowed' | 'origin-not-allowed';
      readonly message: string;
    };

export interface GuardSettings {
  /** The address the server listens on. */
  readonly bindHost: string;
  readonly publicUrl?: URL | undefined;
  /** Names without port, lower case. */
  readonly allowedHosts: readonly string[];
  /** Serialised origins (`https://example.org`). */
  readonly allowedOrigins: readonly string[];
}

const allowed: AccessDecision = { allowed: true };

export function createGuard({ bindHost, publicUrl, allowedHosts, allowedOrigins }: GuardSettings): Guard {
  const bound = canonicalName(bindHost);
  const names = new Set([bound, ...allowedHosts.map(canonicalName)]);
  const origins = new Set(allowedOrigins);
  if (publicUrl) {
    names.add(canonicalName(publicUrl.hostname));
    origins.add(publicUrl.origin);
  }
  const everywhere = bound === '0.0.0.0' || bound === '::';
  const onLoopback = everywhere || isLoopback(bound);

  const isOwnName = (name: string) =>
    names.has(name) ||
    (onLoopback && isLoopback(name)) ||
    // A literal address cannot be rebound, so it is safe on any interface.
    (everywhere && isIP(name) !== 0);

  return {
    checkHost(host) {
      const authority = parseAuthority(host);
      if (authority && isOwnName(authority.name)) return allowed;
      return {
        allowed: false,
        code: 'host-not-allowed',
        message: 'This relay does not go by the name in the Host header. Its operator can add it to ALLOWED_HOSTS.',
      };
    },
    checkOrigin({ host, origin, fetchSite, method }) {
      const safeMethod = method === 'GET' || method === 'HEAD';
      if (origin === undefined && (safeMethod || fetchSite !== 'cross-site')) return allowed;
      if (origin !== undefined && (origins.has(origin) || isSameOrigin(origin, host))) return allowed;
      return {
        allowed: false,
        code: 'origin-not-allowed',
        message: 'Pages of this origin may not use this relay. Its operator can add the origin to ALLOWED_ORIGINS.',
      };
    },
  };
}

/** Ignores the scheme: behind a proxy the page is https while the relay sees http. */
function isSameOrigin(origin: string, host: string | undefined): boolean {
  const match = /^(https?):\/\/([^/?#]+)$/.exec(origin);
  const own = parseAuthority(host);
  const other = parseAuthority(match?.[2]);
  if (!match || !own || !other || own.name !== other.name) return false;
  const defaultPort = match[1] === 'https' ? '443' : '80';
  return (own.port || defaultPort) === (other.port || defaultPort);
}

function parseAuthority(text: string | undefined): { readonly name: string; readonly port: string } | undefined {
  if (text === undefined) return undefined;
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/i.exec(text);
  return match ? { name: canonicalName(match[1]!), port: match[2] ?? '' } : undefined;
}

const canonicalName = (name: string) =>
  name
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');

const isLoopback = (name: string) =>
  name === 'localhost' ||
  name.endsWith('.localhost') ||
  name === '::1' ||
  (isIP(name) === 4 && name.startsWith('127.'));
