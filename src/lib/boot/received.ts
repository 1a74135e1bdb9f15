/** Where the service worker leaves for a page what another program shares. It reads nothing here, and so needs no schema. */
export const receivedCache = 'tabloom-received';

/** `list`, or the index of a file. */
export const receivedKey = (name: string | number) => `https://received.invalid/${name}`;

export const receivedFilesMax = 8;
/** What the chat reads at most of a PDF file or a picture; of a text it takes less, and says so itself. */
const fileBytesMax = 50 * 1024 * 1024;
const textLengthMax = 8_000_000;
const nameLengthMax = 200;

/** Keeps it for the page that is opened next, in place of anything that no page has taken. */
export async function keepReceived(form: FormData, caches: CacheStorage): Promise<void> {
  const texts = ['title', 'text', 'url'].map((name) => form.get(name)).filter((text) => typeof text === 'string');
  const given = form.getAll('files').filter((file) => file instanceof File && file.size > 0) as File[];
  const files = given.filter(({ size }) => size <= fileBytesMax).slice(0, receivedFilesMax);
  await caches.delete(receivedCache);
  const cache = await caches.open(receivedCache);
  for (const [index, file] of files.entries()) await cache.put(receivedKey(index), new Response(file));
  const text = [...new Set(texts.map((one) => one.trim()).filter(Boolean))].join('\n');
  const fits = text.length <= textLengthMax;
  const list = {
    text: fits ? text : '',
    leftOut: given.length - files.length + (fits ? 0 : 1),
    files: files.map(({ name, type }) => ({ name: name.slice(0, nameLengthMax), type })),
  };
  await cache.put(receivedKey('list'), Response.json(list));
}
