import type { Handler } from 'hono';
import type { Tally } from '../job-book.ts';

/** How the relay is. Counts only: nothing in it names a peer or a prompt. */
export interface Health {
  readonly ok: boolean;
  readonly state: 'serving' | 'draining';
  readonly build: string;
  readonly uptimeMs: number;
  /** Peers connected to this relay. */
  readonly peers: number;
  /** Workers in the directory. */
  readonly offers: number;
  readonly jobs: Tally;
  readonly native: NativeHealth;
}

export interface NativeHealth {
  readonly state: 'off' | 'starting' | 'serving' | 'failed' | 'stopped';
  readonly running: number;
  readonly queued: number;
  /** Why it failed. */
  readonly error?: { readonly code: string; readonly message: string } | undefined;
}

/** `GET /health`: 200 while it takes requests, 503 while it goes away. */
export function showHealth(health: () => Health): Handler {
  return (context) => {
    const now = health();
    context.header('cache-control', 'no-store');
    return context.json(now, now.ok ? 200 : 503);
  };
}
