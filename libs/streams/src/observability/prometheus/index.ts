export { PrometheusMetrics } from './prometheus-metrics.js';
export { StreamsPrometheusModule } from './streams-prometheus.module.js';
