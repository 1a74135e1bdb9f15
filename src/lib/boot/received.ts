import { z } from 'zod';

/** What another program has shared with the app: by the system's share sheet, by way of the service worker. */
export interface Received {
  /** Title, text and address, a line each. */
  readonly text: string;
  readonly files: readonly File[];
  /** Number of files that were too many or too large. */
  readonly leftOut: number;
}

const cacheName = 'tabloom-received';
const keyOf = (name: string | number) => `https://received.invalid/${name}`;
const filesMax = 8;
/** What the longest attachment can take. */
const fileBytesMax = 8_000_000;
const textLengthMax = 2_000_000;
const nameLengthMax = 200;

const listSchema = z.object({
  text: z.string(),
  leftOut: z.number().int().nonnegative(),
  files: z.array(z.object({ name: z.string(), type: z.string() })).max(filesMax),
});

/** Keeps it for the page that is opened next, in place of anything that no page has taken. */
export async function keepReceived(form: FormData, caches: CacheStorage): Promise<void> {
  const texts = ['title', 'text', 'url'].map((name) => form.get(name)).filter((text) => typeof text === 'string');
  const given = form.getAll('files').filter((file) => file instanceof File && file.size > 0) as File[];
  const files = given.filter(({ size }) => size <= fileBytesMax).slice(0, filesMax);
  await caches.delete(cacheName);
  const cache = await caches.open(cacheName);
  for (const [index, file] of files.entries()) await cache.put(keyOf(index), new Response(file));
  const list: z.input<typeof listSchema> = {
    text: [...new Set(texts.map((text) => text.trim()).filter(Boolean))].join('\n').slice(0, textLengthMax),
    leftOut: given.length - files.length,
    files: files.map(({ name, type }) => ({ name: name.slice(0, nameLengthMax), type })),
  };
  await cache.put(keyOf('list'), Response.json(list));
}

/** Takes it: it is handed out once. Undefined if there is nothing. */
export async function takeReceived(caches: CacheStorage): Promise<Received | undefined> {
  const cache = await caches.open(cacheName);
  const stored = await cache.match(keyOf('list'));
  const list = listSchema.safeParse(await stored?.json().catch(() => undefined)).data;
  const files: File[] = [];
  for (const [index, { name, type }] of (list?.files ?? []).entries()) {
    const bytes = await (await cache.match(keyOf(index)))?.arrayBuffer();
    if (bytes) files.push(new File([bytes], name, { type }));
  }
  await caches.delete(cacheName);
  return list && { text: list.text, files, leftOut: list.leftOut };
}
