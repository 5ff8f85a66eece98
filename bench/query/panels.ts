import type { Panel, PlottedFigure } from '../harness/report.js';
import type { Values } from './values.js';

const HIGHEST_P99_LIMIT_MS = 20;
const IDLE_P99_TIMES = 3;

/** What of the figures is looked at, beside what it is compared with. */
export function queryPanels({ figures }: Values): Panel[] {
  const bar = (label: string, name: string, isOurs: boolean, limit?: number): PlottedFigure[] => {
    const figure = figures[name];
    return figure === undefined ? [] : [{ label, figure, isOurs, ...(limit !== undefined && { limit }) }];
  };
  const idle = figures['idle p99'];
  return [
    {
      title: 'Single entries, 32 connections',
      bars: [...bar('at their owner', 'local', true), ...bar('a controller by hand', 'controller', false)],
    },
    {
      title: 'Single entries, mean latency, 1 connection',
      bars: [...bar('at their owner', 'owned 1 mean', true), ...bar('at the other instance', 'forwarded 1 mean', true)],
    },
    {
      title: '100,000 entries as NDJSON',
      bars: [...bar('4 partitions on 2 instances', 'ndjson', true), ...bar('iteration by hand', 'raw scan', false)],
    },
    {
      title: 'Processing at the highest rate',
      bars: [
        ...bar('alone', 'processing', true),
        ...bar('beside 1,000 queries/s', 'processing, asked', true),
        ...bar('Kafka Streams, alone', 'Kafka Streams, processing', false),
        ...bar('Kafka Streams, beside 1,000 queries/s', 'Kafka Streams, processing, asked', false),
      ],
    },
    {
      title: 'p99 of 1,000 queries/s',
      bars: [
        ...bar('idle', 'idle p99', true),
        ...bar('Kafka Streams, idle', 'Kafka Streams, idle p99', false),
        ...bar('half of the highest rate', 'half rate p99', true, idle && IDLE_P99_TIMES * idle.median),
        ...bar('a controller beside it', 'controller, half rate p99', false),
        ...bar('Kafka Streams, half of its own', 'Kafka Streams, half rate p99', false),
        ...bar('highest rate', 'highest rate p99', true, HIGHEST_P99_LIMIT_MS),
        ...bar('a controller beside it', 'controller, highest rate p99', false),
        ...bar('Kafka Streams, its highest rate', 'Kafka Streams, highest rate p99', false),
      ],
    },
  ].filter(({ bars }) => bars.length > 0);
}
