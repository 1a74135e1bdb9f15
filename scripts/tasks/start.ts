import { ensureBuilt } from './build.ts';

if (!process.argv.includes('--help')) await ensureBuilt();
await import('../../relay/main.ts');
