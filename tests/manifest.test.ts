import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const at = (path: string) => fileURLToPath(new URL(`../static${path}`, import.meta.url));
const manifest = JSON.parse(readFileSync(at('/manifest.webmanifest'), 'utf8')) as {
  readonly icons: readonly { readonly src: string }[];
  readonly screenshots: readonly Screenshot[];
  readonly share_target: { readonly params: { readonly files: readonly { readonly accept: readonly string[] }[] } };
  readonly file_handlers: readonly { readonly accept: Readonly<Record<string, readonly string[]>> }[];
};

interface Screenshot {
  readonly src: string;
  readonly sizes: string;
  readonly type: string;
  readonly form_factor: 'wide' | 'narrow';
  readonly label: string;
}

const bytesMax = 60_000;
/** Browsers show no picture that is longer than this many times its width, or wider than its height. */
const ratioMax = 2.3;

/** Of a WebP file, as its first chunk states it. */
function sizeOf(file: Buffer): string {
  const chunk = file.toString('latin1', 12, 16);
  if (chunk === 'VP8 ') return `${file.readUInt16LE(26) & 0x3fff}x${file.readUInt16LE(28) & 0x3fff}`;
  if (chunk === 'VP8X') return `${file.readUIntLE(24, 3) + 1}x${file.readUIntLE(27, 3) + 1}`;
  throw new Error(`a chunk that this test does not read: ${chunk}`);
}

test('every file that the manifest names is there', () => {
  for (const { src } of [...manifest.icons, ...manifest.screenshots]) expect(existsSync(at(src)), src).toBe(true);
});

test('the pictures are small, of the size and type that the manifest states, and of both forms', () => {
  for (const { src, sizes, type, form_factor: form, label } of manifest.screenshots) {
    const file = readFileSync(at(src));
    expect([src, file.length <= bytesMax]).toEqual([src, true]);
    expect([src, type, file.toString('latin1', 8, 12)]).toEqual([src, 'image/webp', 'WEBP']);
    expect([src, sizes]).toEqual([src, sizeOf(file)]);
    const [width, height] = sizes.split('x').map(Number) as [number, number];
    expect([src, Math.max(width, height) / Math.min(width, height) <= ratioMax]).toEqual([src, true]);
    expect([src, form]).toEqual([src, width > height ? 'wide' : 'narrow']);
    expect([src, label.length > 5]).toEqual([src, true]);
  }
  expect(new Set(manifest.screenshots.map(({ form_factor }) => form_factor))).toEqual(new Set(['wide', 'narrow']));
});

test.each([
  ['text/csv', 'text/*'],
  ['application/pdf', 'application/pdf'],
  ...[
    'openxmlformats-officedocument.wordprocessingml.document',
    'openxmlformats-officedocument.spreadsheetml.sheet',
    'openxmlformats-officedocument.presentationml.presentation',
    'oasis.opendocument.text',
    'oasis.opendocument.spreadsheet',
    'oasis.opendocument.presentation',
  ].map((type) => [`application/vnd.${type}`, `application/vnd.${type}`] as [string, string]),
  ['image/png', 'image/*'],
])('what the chat reads can be shared with it and opened in it: %s', (type, shared) => {
  expect(manifest.share_target.params.files.flatMap(({ accept }) => accept)).toContain(shared);
  expect(manifest.file_handlers.flatMap(({ accept }) => Object.keys(accept))).toContain(type);
});
