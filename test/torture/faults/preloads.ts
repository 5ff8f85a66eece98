/** Code that Node runs before the example, as `NODE_OPTIONS` has it. */
function preload(source: string): string {
  return `--import data:text/javascript,${encodeURIComponent(source)}`;
}

/** The wall clock of the process is off; timers are not. */
export function clockOff(byMs: number): string {
  return preload(`
    const now = Date.now;
    globalThis.Date = class extends Date {
      constructor(...given) {
        if (given.length === 0) super(now() + ${byMs});
        else super(...given);
      }
      static now() {
        return now() + ${byMs};
      }
    };
  `);
}

/** The first record that the process handles takes so long. */
export function slowFirstRecord(forMs: number): string {
  return preload(`
    import { createRequire } from 'node:module';
    import { dirname, join } from 'node:path';
    import { pathToFileURL } from 'node:url';
    const main = process.argv[1];
    await import(pathToFileURL(createRequire(main).resolve('reflect-metadata')));
    const { BalanceProcessor } = await import(pathToFileURL(join(dirname(main), 'bank/balance.processor.js')));
    const { apply } = BalanceProcessor.prototype;
    let isFirst = true;
    async function applySlowly(...given) {
      const isSlow = isFirst;
      isFirst = false;
      if (isSlow) await new Promise((resolve) => setTimeout(resolve, ${forMs}));
      return apply.apply(this, given);
    }
    for (const key of Reflect.getMetadataKeys(apply))
      Reflect.defineMetadata(key, Reflect.getMetadata(key, apply), applySlowly);
    BalanceProcessor.prototype.apply = applySlowly;
  `);
}
