/** How many peers are named: the gateway goes on to any other by itself. */
const peersMax = 8;

/**
 * Visitors' tabs that serve the model now, by `GET /v1/network`: they are asked before the models that a relay runs itself.
 * Anything that is not understood is left out; an order is a wish, and without one the gateway ranks as it does for everybody.
 */
export function tabPeers(network: unknown, model: string): readonly string[] {
  const { workers } = (network ?? {}) as { readonly workers?: unknown };
  if (!Array.isArray(workers)) return [];
  const peers = workers.flatMap((worker: unknown): readonly string[] => {
    const { peer, role, models } = (worker ?? {}) as Readonly<Record<string, unknown>>;
    if (role !== 'tab' || typeof peer !== 'string' || !Array.isArray(models)) return [];
    return models.some((one: unknown) => serves(one, model)) ? [peer] : [];
  });
  return peers.slice(0, peersMax);
}

function serves(offered: unknown, model: string): boolean {
  const { name, kinds, price } = (offered ?? {}) as Readonly<Record<string, unknown>>;
  const chats = Array.isArray(kinds) && kinds.includes('chat');
  return chats && price === undefined && (model === 'auto' || name === model);
}
