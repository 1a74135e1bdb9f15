import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { basename, extname, join, normalize } from 'node:path';
import { once } from 'node:events';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

export interface GpuTestServer {
  readonly origin: string;
  /** Answer requests for a model's files with an error from now on, or no longer. */
  refuse(refused: boolean): void;
  /** Requests refused so far. */
  readonly refusals: number;
  close(): Promise<void>;
}

/** The page with the product's headers, the library, and the weights under two addresses, on a free loopback port. */
export async function serve(folders: {
  readonly page: string;
  readonly weights: string;
  readonly library: string;
}): Promise<GpuTestServer> {
  let refusing = false;
  let refusals = 0;
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://127.0.0.1').pathname);
    const ofModel = /^\/(?:model|qwen3)\/resolve\/main\/|^\/library\.wasm$/.test(path);
    if (ofModel && refusing) {
      refusals += 1;
      return void response.writeHead(503).end();
    }
    if (path === '/library.wasm') return void sendFirst(response, [folders.library]);
    if (ofModel)
      return void sendFirst(
        response,
        namesOf(basename(path)).map((name) => join(folders.weights, name)),
      );
    return void sendFirst(response, [join(folders.page, path === '/' ? 'index.html' : path)]);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    origin: `http://127.0.0.1:${port}`,
    refuse: (refused) => void (refusing = refused),
    get refusals() {
      return refusals;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The list of weights has had two names; an older WebLLM asks for the older one. */
const lists = ['tensor-cache.json', 'ndarray-cache.json'];
const namesOf = (name: string): readonly string[] => (lists.includes(name) ? lists : [name]);

async function sendFirst(response: ServerResponse, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const size = await stat(path).then(
      (found) => (found.isFile() ? found.size : undefined),
      () => undefined,
    );
    if (size === undefined) continue;
    response.writeHead(200, {
      'content-type': types[extname(path)] ?? 'application/octet-stream',
      'content-length': size,
      'document-isolation-policy': 'isolate-and-credentialless',
      'cross-origin-opener-policy': 'same-origin-allow-popups',
    });
    createReadStream(path)
      .on('error', () => response.destroy())
      .pipe(response);
    return;
  }
  response.writeHead(404).end();
}
