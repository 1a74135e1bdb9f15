import { expect, test } from 'vitest';
import { hashBytes } from '#lib/protocol/hash.ts';
import { toPicture, type Darkroom } from './picture.ts';

/** A browser that draws nothing, and encodes to so many bytes for a pixel and full quality. */
function darkroom(width: number, height: number, bytesPerPixel = 0.1) {
  const steps: string[] = [];
  const room: Darkroom = {
    decode: async () => ({ width, height, close: () => steps.push('closed') }) as unknown as ImageBitmap,
    canvas: (w, h) =>
      ({
        getContext: () => ({ fillRect: () => steps.push('white'), drawImage: () => steps.push(`${w}×${h}`) }),
        convertToBlob: async ({ type, quality }: { type: string; quality: number }) =>
          new Blob([new Uint8Array(Math.ceil(w * h * bytesPerPixel * quality))], { type }),
      }) as unknown as OffscreenCanvas,
  };
  return { room, steps };
}

const file = new File([Uint8Array.of(1)], 'a.heic');

test('a picture is drawn anew on white, no longer than models can use, and never enlarged', async () => {
  const large = darkroom(4_000, 3_000);
  const picture = await toPicture(file, large.room);
  expect(picture).toMatchObject({ mime: 'image/jpeg', width: 1_568, height: 1_176, sha256: hashBytes(picture.bytes) });
  expect(large.steps).toEqual(['white', '1568×1176', 'closed']);
  expect(await toPicture(file, darkroom(20, 10).room)).toMatchObject({ width: 20, height: 10 });
  expect(await toPicture(file, darkroom(100_000, 1).room)).toMatchObject({ width: 1_568, height: 1 });
});

test('one that stays too large is encoded with less, until it fits', async () => {
  const { room, steps } = darkroom(1_500, 1_500, 1.2);
  expect((await toPicture(file, room)).bytes.length).toBeLessThanOrEqual(1024 * 1024);
  expect(steps.filter((step) => step !== 'white')).toEqual(['1500×1500', '1500×1500', '941×941', 'closed']);
});

test('what the browser cannot show, or nobody should send, is refused by its name', async () => {
  const broken = { ...darkroom(1, 1).room, decode: () => Promise.reject(new Error('no')) };
  await expect(toPicture(file, broken)).rejects.toMatchObject({
    code: 'picture-broken',
    message: expect.stringContaining('a.heic'),
  });
  const huge = { name: 'a.tif', size: 60_000_000 } as File;
  await expect(toPicture(huge, darkroom(1, 1).room)).rejects.toMatchObject({ code: 'picture-too-large' });
  await expect(toPicture(file, darkroom(1_500, 1_500, 100).room)).rejects.toMatchObject({ code: 'picture-broken' });
});
