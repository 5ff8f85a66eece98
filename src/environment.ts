/** What the example reads from the environment; the only place that does. */
export interface Environment {
  readonly brokers: readonly string[];
  readonly port: number;
  readonly advertisedUrl: string;
  readonly applicationId: string;
  readonly instanceId: string | undefined;
  readonly stateDir: string;
  readonly storeEngine: string;
  readonly processingGuarantee: 'exactly_once' | 'at_least_once';
  readonly commitIntervalMs: number | undefined;
  readonly cacheMaxBytes: number | undefined;
  readonly standbyReplicas: number | undefined;
  /** By it the instances answer queries for each other. */
  readonly peerSecret: string | undefined;
  readonly sessionTimeoutMs: number | undefined;
  /** Transactions a second that the example produces for itself. */
  readonly demoTraffic: number;
}

/** @throws Error listing every variable that cannot be used. */
export function readEnvironment(variables: NodeJS.ProcessEnv): Environment {
  const problems: string[] = [];
  const text = (name: string): string | undefined => variables[name]?.trim() || undefined;
  const number = (name: string, min: number, max: number): number | undefined => {
    const given = text(name);
    if (given === undefined) return undefined;
    const value = Number(given);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    problems.push(`${name} must be a whole number from ${min} to ${max}, not '${given}'.`);
    return undefined;
  };
  const choice = <T extends string>(name: string, choices: readonly T[], fallback: T): T => {
    const given = text(name);
    if (given === undefined) return fallback;
    if (choices.includes(given as T)) return given as T;
    problems.push(`${name} must be ${choices.map((one) => `'${one}'`).join(' or ')}, not '${given}'.`);
    return fallback;
  };

  const brokers = (text('KAFKA_BROKERS') ?? '').split(',').flatMap((broker) => broker.trim() || []);
  const port = number('PORT', 0, 65_535) ?? 3000;
  const environment: Environment = {
    brokers,
    port,
    advertisedUrl: text('ADVERTISED_URL') ?? `http://127.0.0.1:${port}`,
    applicationId: text('APPLICATION_ID') ?? 'bank',
    instanceId: text('INSTANCE_ID'),
    stateDir: text('STATE_DIR') ?? '.streams',
    storeEngine: choice('STORE_ENGINE', ['rocksdb', 'memory'], 'rocksdb'),
    processingGuarantee: choice('PROCESSING_GUARANTEE', ['exactly_once', 'at_least_once'], 'exactly_once'),
    commitIntervalMs: number('COMMIT_INTERVAL_MS', 1, 3_600_000),
    cacheMaxBytes: number('CACHE_MAX_BYTES', 0, Number.MAX_SAFE_INTEGER),
    standbyReplicas: number('STANDBY_REPLICAS', 0, 100),
    peerSecret: text('PEER_SECRET'),
    sessionTimeoutMs: number('SESSION_TIMEOUT_MS', 2000, 1_800_000),
    demoTraffic: number('DEMO_TRAFFIC', 0, 100_000) ?? (brokers.length === 0 ? 20 : 0),
  };
  if (problems.length > 0)
    throw new Error(`The environment cannot be used:\n${problems.map((p) => `  - ${p}`).join('\n')}`);
  return environment;
}
