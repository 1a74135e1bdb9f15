/** An in-memory Cache API, limited to what the engine code uses. For tests outside a browser. */
export function memoryCaches(options: { readonly quotaBytes?: number } = {}): CacheStorage {
  const stores = new Map<string, Map<string, { readonly bytes: Uint8Array<ArrayBuffer>; readonly headers: Headers }>>();
  const urlOf = (key: RequestInfo | URL) => (key instanceof Request ? key.url : String(key));
  const used = () =>
    [...stores.values()].flatMap((store) => [...store.values()]).reduce((sum, { bytes }) => sum + bytes.length, 0);

  const open = async (name: string): Promise<Cache> => {
    const store = stores.get(name) ?? new Map();
    stores.set(name, store);
    return {
      async match(key: RequestInfo | URL) {
        const found = store.get(urlOf(key));
        return found && new Response(found.bytes, { headers: found.headers });
      },
      async put(key: RequestInfo | URL, response: Response) {
        const bytes = new Uint8Array(await response.arrayBuffer());
        if (used() + bytes.length > (options.quotaBytes ?? Infinity)) {
          throw new DOMException('full', 'QuotaExceededError');
        }
        store.set(urlOf(key), { bytes, headers: response.headers });
      },
      delete: async (key: RequestInfo | URL) => store.delete(urlOf(key)),
      keys: async () => [...store.keys()].map((url) => new Request(url)),
    } as unknown as Cache;
  };
  return { open, delete: async (name: string) => stores.delete(name) } as unknown as CacheStorage;
}
