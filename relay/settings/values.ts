import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { serverUrl } from '#lib/engine/remote/server-url.ts';
import { createClientAddressResolver } from '../http/client-address.ts';
import { readOrigin } from '../http/origin.ts';

/** Parts of a list are separated by commas. */
export const list = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  )
  .pipe(z.array(z.string()).max(64));

/** Digits only: hexadecimal, blanks and exponents are more likely mistakes than intent. */
export const decimal = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,6})?$/, 'it is no number written in digits')
  .transform(Number);

/** Bytes as `0x` and so many hexadecimal digits. */
export const hexadecimal = (digits: number, what: string) =>
  z.string().regex(new RegExp(`^0x[0-9a-fA-F]{${digits}}$`), `it is not ${what}: 0x and ${digits} hexadecimal digits`);

/** An amount with at most six decimals, as millionths, exactly. */
export const millionths = (what: string) =>
  z
    .string()
    .regex(/^\d{1,9}(\.\d{1,6})?$/, `it is no number of ${what} such as 2 or 0.05`)
    .transform((text) => {
      const [whole = '0', fraction = ''] = text.split('.');
      return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
    });

/** Percent with at most four decimals, as millionths of the whole. */
export const percent = z
  .string()
  .regex(/^\d{1,3}(\.\d{1,4})?$/, 'it is no number of percent such as 2 or 0.5')
  .transform((text) => Math.round(Number(text) * 10_000))
  .pipe(z.number().int().max(1_000_000, 'it is more than 100 percent'));

/** A whole number of at least 1. */
export const count = decimal.pipe(z.number().int().min(1));

export const port = decimal.pipe(z.number().int().max(65_535));

export const path = z
  .string()
  .min(1)
  .transform((given) => (isAbsolute(given) ? given : resolve(given)));

/** A site's address and nothing more: parts that would be dropped silently are refused. */
export const site = z.string().transform((text, context) => {
  const url = URL.parse(text);
  const http = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url && http && url.href === `${url.origin}/` && text !== '*') return url;
  context.addIssue(`"${text}" is no origin; write it like https://app.example, without a path or a user name`);
  return z.NEVER;
});

export const origin = z.string().transform((text, context) => {
  const read = readOrigin(text);
  if (read !== undefined) return read;
  context.addIssue(
    `"${text}" is no origin; write it like https://app.example or app://name, without a path or a user name`,
  );
  return z.NEVER;
});

/** An address without a path means `/v1`, where every server of this kind has its API. */
export const serverSchema = z.string().transform((text, context) => {
  try {
    const url = serverUrl(text);
    return url.pathname === '/' ? new URL('v1/', url).href : url.href;
  } catch (error) {
    context.addIssue(error instanceof Error ? error.message.replace(/\.$/, '') : 'it is no address');
    return z.NEVER;
  }
});

export const networks = list.superRefine((given, context) => {
  try {
    createClientAddressResolver(given);
  } catch (error) {
    context.addIssue(error instanceof Error ? error.message.replace(/\.$/, '') : 'it is no network');
  }
});

/** Relays as their pages are reached, over WebSocket or http: `wss://relay.example`, `http://localhost:8080`. */
export const relayUrl = z.string().transform((text, context) => {
  const url = URL.parse(text.replace(/^ws(?=s?:\/\/)/i, 'http'));
  if (url && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) return url;
  context.addIssue(`"${text}" is no relay; write it like wss://relay.example or ws://localhost:8080`);
  return z.NEVER;
});

/** The address of a server, which may hold a password: messages give an example in its place. */
export const serverOf = (protocols: RegExp, example: string) =>
  z.string().refine((text) => protocols.test(URL.parse(text)?.protocol ?? ''), { error: `write it like ${example}` });
