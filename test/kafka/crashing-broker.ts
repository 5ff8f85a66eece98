import { KafkaBroker } from './broker.js';

const ATTEMPTS = 3;
const GRACE_MS = 25_000;

/**
 * Runs a scenario that crashes its broker; it releases what it opened, also when it fails. Where the broker itself says that it dropped markers (see
 * `KafkaBroker.hasDroppedMarkers`) and the scenario does not end well, it is run again on a new one: what it wants to show cannot be seen on the old.
 */
export async function onCrashingBroker(
  scenario: (broker: KafkaBroker, defer: (release: () => Promise<unknown>) => void) => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const broker = await KafkaBroker.start();
    const releases: (() => Promise<unknown>)[] = [];
    const watch = watchMarkers(broker);
    try {
      await Promise.race([scenario(broker, (release) => void releases.push(release)), watch.dropped]);
      return;
    } catch (error) {
      if (!broker.hasDroppedMarkers || attempt === ATTEMPTS) throw error;
      process.stderr.write(`The broker dropped transaction markers; attempt ${attempt + 1} of ${ATTEMPTS}.\n`);
    } finally {
      watch.stop();
      // A scenario that was given up may still use what is closed here.
      for (const release of releases.reverse()) await release().catch(() => undefined);
      await broker.stop();
    }
  }
}

function watchMarkers(broker: KafkaBroker): { readonly dropped: Promise<never>; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  const dropped = new Promise<never>((_, reject) => {
    const interval = setInterval(() => {
      if (!broker.hasDroppedMarkers) return;
      clearInterval(interval);
      timer = setTimeout(() => reject(new Error('the broker dropped transaction markers')), GRACE_MS);
    }, 200);
    timer = interval;
  });
  dropped.catch(() => undefined);
  return { dropped, stop: () => clearTimeout(timer) };
}
