type Check = (value: string) => boolean;

interface ConfigEntry {
  readonly byDefault: string;
  readonly isValid: Check;
}

const isInteger: Check = (value) => /^-?\d+$/.test(value);
const isRatio: Check = (value) => value !== '' && Number(value) >= 0 && Number(value) <= 1;
const isBoolean: Check = (value) => value === 'true' || value === 'false';
const isOneOf =
  (...values: string[]): Check =>
  (value) =>
    values.includes(value);
const isPolicy: Check = (value) => value.split(',').every((each) => each === 'compact' || each === 'delete');

const NEVER = '9223372036854775807';

/** The topic configuration of Kafka 4 with its defaults. What the embedded log cannot do has one valid value. */
const ENTRIES: Readonly<Record<string, ConfigEntry>> = {
  'cleanup.policy': { byDefault: 'delete', isValid: isPolicy },
  'compression.type': { byDefault: 'producer', isValid: isOneOf('producer') },
  'delete.retention.ms': { byDefault: '86400000', isValid: isInteger },
  'file.delete.delay.ms': { byDefault: '60000', isValid: isInteger },
  'flush.messages': { byDefault: NEVER, isValid: isInteger },
  'flush.ms': { byDefault: NEVER, isValid: isInteger },
  'index.interval.bytes': { byDefault: '4096', isValid: isInteger },
  'max.compaction.lag.ms': { byDefault: NEVER, isValid: isInteger },
  'max.message.bytes': { byDefault: '1048588', isValid: isInteger },
  'message.timestamp.type': { byDefault: 'CreateTime', isValid: isOneOf('CreateTime') },
  'min.cleanable.dirty.ratio': { byDefault: '0.5', isValid: isRatio },
  'min.compaction.lag.ms': { byDefault: '0', isValid: isInteger },
  'min.insync.replicas': { byDefault: '1', isValid: isInteger },
  preallocate: { byDefault: 'false', isValid: isBoolean },
  'retention.bytes': { byDefault: '-1', isValid: isInteger },
  'retention.ms': { byDefault: '604800000', isValid: isInteger },
  'segment.bytes': { byDefault: '1073741824', isValid: isInteger },
  'segment.index.bytes': { byDefault: '10485760', isValid: isInteger },
  'segment.jitter.ms': { byDefault: '0', isValid: isInteger },
  'segment.ms': { byDefault: '604800000', isValid: isInteger },
};

/** Why an entry is refused, or undefined if it is valid. */
export function configProblem(name: string, value: string): string | undefined {
  const entry = ENTRIES[name];
  if (entry === undefined) return `Unknown topic config name: ${name}`;
  return entry.isValid(value) ? undefined : `Invalid value ${value} for configuration ${name}`;
}

/** The effective configuration of one topic: its own entries, and Kafka's defaults. */
export class TopicConfig {
  private readonly defaultRetentionBytes: string;

  /** @param defaultRetentionBytes for a topic that deletes and says nothing about its retention. */
  constructor(
    readonly own: Readonly<Record<string, string>>,
    defaultRetentionBytes = Infinity,
  ) {
    const saysNothing = own['retention.ms'] === undefined && !this.isCompacted;
    this.defaultRetentionBytes =
      saysNothing && defaultRetentionBytes < Infinity
        ? String(defaultRetentionBytes)
        : ENTRIES['retention.bytes']!.byDefault;
  }

  get(name: string): string {
    if (name === 'retention.bytes') return this.own[name] ?? this.defaultRetentionBytes;
    return this.own[name] ?? ENTRIES[name]!.byDefault;
  }

  number(name: string): number {
    return Number(this.get(name));
  }

  entries(): { name: string; value: string }[] {
    return Object.keys(ENTRIES).map((name) => ({ name, value: this.get(name) }));
  }

  get isCompacted(): boolean {
    return this.get('cleanup.policy').includes('compact');
  }

  get isDeleting(): boolean {
    return this.get('cleanup.policy').includes('delete');
  }
}
