import { m } from '#messages';
import { TabloomError } from '#lib/base/errors.ts';
import { hashBytes } from '#lib/protocol/hash.ts';
import type { Picture } from '#lib/state/attachment.ts';

/** Pixels of the longer side; models scale down what is larger. */
const sideMax = 1_568;
/** Eight of them fit a job. */
const bytesMax = 1024 * 1024;
const fileBytesMax = 50 * 1024 * 1024;
const attempts = [
  { scale: 1, quality: 0.85 },
  { scale: 1, quality: 0.6 },
  { scale: 0.6, quality: 0.6 },
  { scale: 0.3, quality: 0.5 },
] as const;

/** What is needed of the browser to draw a picture anew. */
export interface Darkroom {
  readonly decode: (file: Blob) => Promise<ImageBitmap>;
  readonly canvas: (width: number, height: number) => OffscreenCanvas;
}

export const browserDarkroom: Darkroom = {
  decode: (file) => createImageBitmap(file),
  canvas: (width, height) => new OffscreenCanvas(width, height),
};

/**
 * Draws a picture anew, at a size that models can use: what else its file holds, such as the place where it was taken, is not in
 * it. @throws `picture-broken`, `picture-too-large`.
 */
export async function toPicture(file: File, darkroom: Darkroom = browserDarkroom): Promise<Picture> {
  const { name } = file;
  if (file.size > fileBytesMax) throw new TabloomError('picture-too-large', m.attach_picture_too_large({ name }));
  const image = await darkroom.decode(file).catch(() => undefined);
  if (!image) throw new TabloomError('picture-broken', m.attach_picture_broken({ name }));
  try {
    for (const { scale, quality } of attempts) {
      const { width, height } = fit(image, sideMax * scale);
      const canvas = darkroom.canvas(width, height);
      const context = canvas.getContext('2d');
      if (!context) break;
      // What is transparent would be black.
      context.fillStyle = '#fff';
      context.fillRect(0, 0, width, height);
      context.drawImage(image, 0, 0, width, height);
      const drawn = await canvas.convertToBlob({ type: 'image/jpeg', quality });
      if (drawn.type !== 'image/jpeg' || drawn.size > bytesMax) continue;
      const bytes = new Uint8Array(await drawn.arrayBuffer());
      return { mime: 'image/jpeg', bytes, sha256: hashBytes(bytes), width, height };
    }
  } finally {
    image.close();
  }
  throw new TabloomError('picture-broken', m.attach_picture_broken({ name }));
}

function fit({ width, height }: { readonly width: number; readonly height: number }, side: number) {
  const scale = Math.min(1, side / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}
