import { createHash } from 'node:crypto';

/** Headers of every file, whatever it is. */
export const commonHeaders: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'strict-origin-when-cross-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/**
 * Headers of a page. Isolation without COEP keeps threads in wasm while wallet pop-ups and foreign frames work. The
 * policy allows the inline scripts of this very document by their hashes and nothing else inline but styles; engines
 * compile wasm and start workers from blobs; relays and model hosts are chosen by the visitor, so connections are open. No
 * other site may frame a page: a frame could trick a click out of a visitor, and one of the clicks here lends the device.
 */
export function pageHeaders(html: string): Record<string, string> {
  const policy = [
    "default-src 'self'",
    ["script-src 'self' 'wasm-unsafe-eval'", ...inlineScriptHashes(html)].join(' '),
    "worker-src 'self' blob:",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self' ws: wss: https: http: data: blob:",
    "media-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'self'",
  ];
  return {
    ...commonHeaders,
    'document-isolation-policy': 'isolate-and-credentialless',
    'cross-origin-opener-policy': 'same-origin-allow-popups',
    'content-security-policy': policy.join('; '),
    'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(self), screen-wake-lock=(self)',
  };
}

/** Sources for the scripts that stand in the document itself. */
function inlineScriptHashes(html: string): readonly string[] {
  return [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/gi)]
    .map((match) => createHash('sha256').update(match[1]!).digest('base64'))
    .map((digest) => `'sha256-${digest}'`);
}
