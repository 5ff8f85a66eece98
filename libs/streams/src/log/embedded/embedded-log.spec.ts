import { SystemClock } from '../../time/system-clock.js';
import { describeLogConformance } from '../log.conformance.js';
import { EmbeddedBroker } from './embedded-broker.js';

describeLogConformance('the embedded log in memory', async () => {
  const broker = new EmbeddedBroker({ clock: new SystemClock() });
  return { kind: 'embedded', wires: broker.wires, close: () => broker.close() };
});
