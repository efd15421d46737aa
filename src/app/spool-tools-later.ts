// The spool's offline tools, loaded by the first command that wants them: they bring the whole spool with them.
import type { SpoolTools } from '../cli/spool-tools.ts';

export function spoolToolsLater(load: () => Promise<SpoolTools>): SpoolTools {
  return {
    verify: async (...args) => (await load()).verify(...args),
    async *dump(...args) {
      yield* (await load()).dump(...args);
    },
    rebuild: async (...args) => (await load()).rebuild(...args),
    export: async (...args) => (await load()).export(...args),
    import: async (...args) => (await load()).import(...args),
  };
}
