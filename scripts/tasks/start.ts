import { needsPages } from '../../relay/commands.ts';
import { ensureBuilt } from './build.ts';

if (needsPages(process.argv.slice(2))) await ensureBuilt();
await import('../../relay/main.ts');
