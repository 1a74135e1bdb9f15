import { z } from 'zod';
import { createLive } from '#lib/base/live.ts';
import { loadPart } from '#lib/base/part.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { ServerTool, ToolServersPort, ToolServerView } from '#lib/state/tools/tool-servers.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import type { createMcpClient, McpTool } from './mcp-client.ts';

type McpClient = ReturnType<typeof createMcpClient>;

export interface ToolServerComponents {
  readonly storage: KeyValue;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly fetch: typeof fetch;
}

const limits = { servers: 8, tools: 32, descriptionLength: 2_000, parametersLength: 8_000, secretLength: 4_000 };

const serverSchema = z.object({
  id: z.string().min(1).max(64),
  url: z.url(),
  secret: z.string(),
  askFirst: z.boolean(),
  leftOut: z.number().int().nonnegative(),
  tools: z
    .array(
      z.object({
        name: z.string(),
        offered: z.string(),
        description: z.string(),
        parameters: z.string(),
        allowed: z.boolean(),
      }),
    )
    .max(limits.tools),
});
type Kept = z.output<typeof serverSchema>;

/** Where secrets lie, which are never exported. */
const place = { store: 'identity', key: 'tool-servers' } as const;

/** Tool servers that the user has added, kept on this device with what opens them. Nothing is asked of them unless the user or a call does. */
export async function keepToolServers({
  storage,
  clock,
  newId,
  fetch,
}: ToolServerComponents): Promise<ToolServersPort> {
  const read = async (): Promise<readonly Kept[] | undefined> => {
    const stored = await storage.get(place.store, place.key).catch(() => undefined);
    return z.array(serverSchema).max(limits.servers).safeParse(stored).data;
  };
  let kept = (await read()) ?? [];
  const view = createLive(kept.map(toView));
  const clients = new Map<string, McpClient>();

  /** Another tab may have added one, or removed it. */
  const reread = async () => void (kept = (await read()) ?? kept);
  const save = async (next: readonly Kept[]) => {
    await storage.put(place.store, place.key, next);
    kept = next;
    view.set(kept.map(toView));
  };
  const clientOf = async ({ id, url, secret }: Pick<Kept, 'id' | 'url' | 'secret'>): Promise<McpClient> => {
    const { createMcpClient } = await loadPart(() => import('./mcp-client.ts'));
    const client = clients.get(id) ?? createMcpClient({ url, secret }, { fetch, clock });
    clients.set(id, client);
    return client;
  };
  const put = (server: Kept) => save(kept.map((one) => (one.id === server.id ? server : one)));
  const get = (id: string): Kept => {
    const server = kept.find((one) => one.id === id);
    if (!server) throw new TabloomError('tool-server-unknown', 'This tool server was removed. Reload the page.');
    return server;
  };
  /** Names that a model knows the tools of other servers by. */
  const taken = (id: string) =>
    new Set(kept.filter((one) => one.id !== id).flatMap(({ tools }) => tools.map(({ offered }) => offered)));

  return {
    view,
    async add(address, secret) {
      const url = readAddress(address);
      if (kept.some((one) => one.url === url))
        throw new TabloomError('tool-server-known', 'This tool server is in the list already.');
      if (kept.length >= limits.servers)
        throw new TabloomError('too-many-tool-servers', 'At most 8 tool servers are kept. Remove one first.');
      if (secret.length > limits.secretLength || /[^\x20-\x7e]/.test(secret))
        throw new TabloomError('tool-server-secret', 'A token has at most 4,000 letters, digits and signs of ASCII.');
      const server = { id: newId(), url, secret: secret.trim() };
      try {
        const tools = await (await clientOf(server)).list();
        await reread();
        const listed = readTools(tools, server, taken(server.id), []);
        await save([...kept, { ...server, askFirst: true, ...listed }]);
      } catch (error) {
        clients.delete(server.id);
        throw error;
      }
    },
    async refresh(id) {
      const tools = await (await clientOf(get(id))).list();
      await reread();
      const server = get(id);
      await put({ ...server, ...readTools(tools, server, taken(id), server.tools) });
    },
    async change(id, { askFirst, allowed }) {
      await reread();
      const server = get(id);
      const tools = server.tools.map((tool) => (allowed ? { ...tool, allowed: allowed.includes(tool.name) } : tool));
      await put({ ...server, askFirst: askFirst ?? server.askFirst, tools });
    },
    async remove(id) {
      clients.delete(id);
      await reread();
      await save(kept.filter((one) => one.id !== id));
    },
    async call(offered, text, { signal }) {
      const server = kept.find(({ tools }) => tools.some((tool) => tool.offered === offered && tool.allowed));
      const tool = server?.tools.find((one) => one.offered === offered);
      if (!server || !tool) throw new TabloomError('tool-unknown', `There is no tool "${offered}" here now.`);
      const given = readArguments(text);
      return (await clientOf(server)).call(tool.name, given, signal);
    },
  };
}

const toView = ({ secret, ...server }: Kept): ToolServerView => ({
  ...server,
  host: new URL(server.url).host,
  hasSecret: secret !== '',
});

/** @throws `tool-server-address`. */
function readAddress(text: string): string {
  const url = URL.parse(text.trim());
  const isOwn = url !== null && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  const isSafe = url?.protocol === 'https:' || (isOwn && url.protocol === 'http:');
  if (!url || !isSafe || url.username !== '' || url.password !== '' || text.length > 2_000)
    throw new TabloomError(
      'tool-server-address',
      'Write the address of a tool server like https://tools.example.org/mcp. Only your own machine may be asked without https.',
    );
  url.hash = '';
  return url.href;
}

/** A tool that is described in other words than when it was allowed has to be allowed anew. */
function readTools(
  listed: readonly McpTool[],
  { url }: { readonly url: string },
  taken: ReadonlySet<string>,
  before: readonly ServerTool[],
): { readonly tools: Kept['tools']; readonly leftOut: number } {
  const names = new Set(taken);
  const tools: ServerTool[] = [];
  for (const { name, description: told, parameters } of listed) {
    const description = told.trim();
    const isKnown = tools.some((tool) => tool.name === name);
    if (isKnown || tools.length >= limits.tools || parameters.length > limits.parametersLength) continue;
    if (description.length > limits.descriptionLength) continue;
    const same = before.find(
      (one) => one.name === name && one.description === description && one.parameters === parameters,
    );
    const offered = nameFor(name, new URL(url).host, names);
    names.add(offered);
    tools.push({ name, offered, description, parameters, allowed: same?.allowed ?? false });
  }
  return { tools, leftOut: listed.length - tools.length };
}

/** As functions of models may be called, and as no other tool here is. */
function nameFor(name: string, host: string, taken: ReadonlySet<string>): string {
  const plain = (text: string, length: number) => text.replace(/[^A-Za-z0-9_-]+/g, '_').slice(0, length);
  const base = `${plain(name, 36)}_${plain(host, 22)}`;
  for (let number = 1; ; number++) {
    const offered = number === 1 ? base : `${base}_${number}`;
    if (!taken.has(offered)) return offered;
  }
}

/** @throws `tool-arguments`. */
function readArguments(text: string): object {
  if (text.length > 100_000)
    throw new TabloomError('tool-arguments', 'The arguments of a tool have at most 100,000 characters.');
  let value: unknown;
  try {
    value = JSON.parse(text.trim() || '{}');
  } catch (cause) {
    throw new TabloomError('tool-arguments', 'The arguments of the tool are not valid JSON.', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TabloomError('tool-arguments', 'The arguments of the tool are not a JSON object.');
  return value;
}
