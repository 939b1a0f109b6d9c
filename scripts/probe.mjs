// Run as a child process, because a broken driver may crash or hang, and the loader reads its drivers once per process.
// Asks Dawn for an adapter: prints its name and exits 0, or exits 2 where there is none.
import { create } from 'webgpu';

const adapter = await create([]).requestAdapter();
if (adapter) console.log(adapter.info.description || adapter.info.device);
process.exit(adapter ? 0 : 2);
