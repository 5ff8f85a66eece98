export { describeStoreEngineConformance, type EngineUnderTest } from '../stores/store-engine.conformance.js';
export { ManualClock } from './manual-clock.js';
