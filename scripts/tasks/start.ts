import { needsPages } from '../../relay/settings/parse-command.ts';
import { ensureBuilt } from './build.ts';

if (needsPages(process.argv.slice(2))) await ensureBuilt();
await import('../../relay/main.ts');
