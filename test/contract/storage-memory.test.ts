import { makeMemoryStorage, makeMemoryStore } from '../../lib/storage/memory.ts';
import { describeStorage } from './storage-contract.ts';

for (const versioned of [false, true]) {
  const traits = { versioned, keepsMetadata: true, takesEveryKey: true };
  describeStorage(`memory, ${versioned ? 'with' : 'without'} versions`, traits, async () => {
    const store = makeMemoryStore({ versioned, clock: Date });
    return {
      storage: makeMemoryStorage({ store }),
      countLeftovers: async () => store.unfinishedUploads.size,
      close: async () => undefined,
    };
  });
}
