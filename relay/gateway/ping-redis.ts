import { Redis } from 'ioredis';

/** Connects once and asks for the version of the server, such as `redis 7.2.4`. @throws what the connection or the server says. */
export async function pingRedis(url: string, signal: AbortSignal): Promise<string> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  let failure: Error | undefined;
  client.on('error', (error: Error) => {
    failure ??= error;
  });
  const end = () => client.disconnect();
  signal.addEventListener('abort', end, { once: true });
  try {
    await client.connect();
    const info = await client.info('server');
    const version = /^(redis|valkey)_version:(\S+)/m.exec(info);
    return version ? `${version[1]} ${version[2]}` : 'version unknown';
  } catch (error) {
    // The client itself only says that the connection is closed.
    throw failure ?? error;
  } finally {
    signal.removeEventListener('abort', end);
    end();
  }
}
