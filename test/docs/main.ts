// `npm run docs`: writes what is generated.
import { writeGenerated } from './generated.ts';

const written = writeGenerated();
for (const path of written) console.log(`written: ${path}`);
if (written.length === 0) console.log('nothing was stale');
