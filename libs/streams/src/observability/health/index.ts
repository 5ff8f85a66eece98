export type { ReadinessPolicy } from './readiness.js';
export { StreamsHealthIndicator, type RestoringStore, type StreamsHealthDetails } from './streams-health.indicator.js';
export { StreamsHealthModule } from './streams-health.module.js';
