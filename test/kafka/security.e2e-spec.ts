import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  Kafka,
  logLevel,
  ResourcePatternTypes,
} from 'kafkajs';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import type { SaslOptions } from '../../libs/streams/src/config/kafka-options.js';
import { createKafkaLog } from '../../libs/streams/src/log/kafkajs/kafka-log.js';
import type { Log } from '../../libs/streams/src/log/log.js';
import { silentLogger } from '../../libs/streams/src/observability/streams-logger.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';
import { bankInstance, model, produce, storeContent, temporaryFolder, transactions } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { BrokerProcess, freePort } from './broker-process.js';
import { newClusterId } from './broker.js';
import { brokerUnavailable, formatStorage, kafkaJars } from './kafka-jars.js';

const unavailable = inject('kafkaUnavailable') ?? (await brokerUnavailable());
const PARTITIONS = 2;
const run = promisify(execFile);
const { TOPIC, GROUP, TRANSACTIONAL_ID } = AclResourceTypes;
const { READ, WRITE, CREATE } = AclOperationTypes;
const { LITERAL, PREFIXED } = ResourcePatternTypes;
type Right = readonly [AclResourceTypes, AclOperationTypes, name: string, ResourcePatternTypes];
const plainLogin = 'org.apache.kafka.common.security.plain.PlainLoginModule';

const properties = (port: number, controller: number, folder: string): string => `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
listeners=SASL_SSL://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
inter.broker.listener.name=SASL_SSL
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256
listener.name.sasl_ssl.plain.sasl.jaas.config=${plainLogin} required username="broker" password="inner" user_broker="inner" user_alice="wonder" user_carol="sings" user_eve="apple";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:broker;User:ANONYMOUS;User:alice;User:bob
ssl.keystore.type=PEM
ssl.keystore.location=${folder}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location=${folder}/cert.pem
log.dirs=${folder}/logs
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
connections.max.reauth.ms=12000
`;

describe.skipIf(unavailable)('a broker behind TLS and SASL, with access control', () => {
  let folder: string;
  let broker: BrokerProcess;
  let brokers: string[];
  let ca: string;
  const releases: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'streams-secure-'));
    const jars = await kafkaJars();
    const [key, cert, config] = ['key.pem', 'cert.pem', 'server.properties'].map((name) => join(folder, name));
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
    await run('openssl', [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-keyout',
      key,
      '-out',
      cert,
      ...subject,
    ]);
    ca = await readFile(cert, 'utf8');
    await writeFile(join(folder, 'broker.pem'), (await readFile(key, 'utf8')) + ca);
    const port = await freePort();
    brokers = [`127.0.0.1:${port}`];
    await writeFile(config, properties(port, await freePort(), folder));
    await formatStorage(jars, config, newClusterId(), ['--add-scram', 'SCRAM-SHA-256=[name=bob,password=builder]']);
    broker = new BrokerProcess({
      jars,
      config,
      port,
      javaOptions: ['-Xmx512m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'],
    });
    await broker.boot();
  });
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release();
  });
  afterAll(async () => {
    await broker?.kill();
    await rm(folder, { recursive: true, force: true });
  });

  const open = (sasl: SaslOptions, ssl: boolean | { readonly ca: string } = { ca }): Log => {
    const log = createKafkaLog({ brokers, ssl, sasl }, { clock: new SystemClock() });
    releases.push(() => log.close());
    return log;
  };
  const alice: SaslOptions = { mechanism: 'plain', username: 'alice', password: 'wonder' };
  const carol: SaslOptions = { mechanism: 'plain', username: 'carol', password: 'sings' };
  const eve: SaslOptions = { mechanism: 'plain', username: 'eve', password: 'apple' };
  const bob: SaslOptions = { mechanism: 'scram-sha-256', username: 'bob', password: 'builder' };

  for (const sasl of [alice, bob]) {
    it(`carries a whole application with ${sasl.mechanism}, over the end of a session`, async () => {
      const log = open(sasl);
      const topics = {
        applicationId: `bank-${sasl.mechanism}`,
        input: `in-${sasl.mechanism}`,
        output: `out-${sasl.mechanism}`,
      };
      await log.connect();
      await log.admin.createTopics([topics.input, topics.output].map((name) => ({ name, partitions: PARTITIONS })));
      const instance = bankInstance(topics, open(sasl));
      releases.push(() => instance.close());
      await instance.start();
      await instance.whenRunning();
      const input = transactions(600, 20);
      // kafkajs authenticates again 10 s before the end of a session: after 2 s here.
      for (let from = 0; from < input.length; from += 100) {
        await produce(log, topics.input, PARTITIONS, input.slice(from, from + 100));
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
      await expect.poll(() => storeContent(instance), { timeout: 30_000 }).toEqual(model(input));
      expect(await committedRecords(log, topics.output)).toHaveLength(input.length);
      expect(instance.state).toBe('running');
    });
  }

  it('refuses a wrong password for good', async () => {
    for (const sasl of [alice, bob]) {
      const wrong = open({ ...sasl, password: 'guessed' } as SaslOptions);
      await expect(wrong.connect()).rejects.toMatchObject({ kind: 'fatal', code: 'LOG_AUTHENTICATION' });
    }
  });

  it('is not believed without its certificate', async () => {
    await expect(open(alice, true).connect()).rejects.toMatchObject({
      code: 'LOG_CONNECTION',
      message: expect.stringContaining('self-signed certificate') as string,
    });
  });

  const allowCarol = async (...rights: readonly Right[]): Promise<void> => {
    const admin = new Kafka({
      brokers,
      ssl: { ca },
      sasl: { mechanism: 'plain', username: 'broker', password: 'inner' },
      logLevel: logLevel.NOTHING,
    }).admin();
    await admin.connect();
    const acl = rights.map(([resourceType, operation, resourceName, resourcePatternType]) => ({
      resourceType,
      operation,
      resourceName,
      resourcePatternType,
      principal: 'User:carol',
      host: '*',
      permissionType: AclPermissionTypes.ALLOW,
    }));
    await admin.createAcls({ acl });
    await admin.disconnect();
  };

  it.each(['exactly_once', 'at_least_once'] as const)(
    'carries an application with the documented rights, %s',
    async (guarantee) => {
      const root = open(alice);
      await root.connect();
      const applicationId = `bank-${guarantee}`;
      const topics = { applicationId, input: `in-${guarantee}`, output: `out-${guarantee}` };
      await root.admin.createTopics([topics.input, topics.output].map((name) => ({ name, partitions: PARTITIONS })));
      await allowCarol(
        [TOPIC, READ, topics.input, LITERAL],
        [TOPIC, WRITE, topics.output, LITERAL],
        [TOPIC, READ, `${applicationId}-`, PREFIXED],
        [TOPIC, WRITE, `${applicationId}-`, PREFIXED],
        [TOPIC, CREATE, `${applicationId}-`, PREFIXED],
        [GROUP, READ, applicationId, LITERAL],
        [TRANSACTIONAL_ID, WRITE, `${applicationId}-`, PREFIXED],
      );
      const warnings: string[] = [];
      const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
      const options = { processingGuarantee: guarantee, logger, stateDir: temporaryFolder() };
      const input = transactions(200, 20);
      for (const part of [input.slice(0, 100), input.slice(100)]) {
        const instance = bankInstance(topics, open(carol), options);
        releases.push(() => instance.close());
        await instance.start();
        await instance.whenRunning();
        await produce(root, topics.input, PARTITIONS, part);
        const done = input.slice(0, input.indexOf(part.at(-1)!) + 1);
        await expect.poll(() => storeContent(instance), { timeout: 30_000 }).toEqual(model(done));
        await instance.close();
      }
      expect(await committedRecords(root, topics.output)).toHaveLength(input.length);
      const unreadable = expect.stringMatching(
        /The configuration of "bank-.*-changelog" cannot be read.*DESCRIBE_CONFIGS/,
      );
      expect(warnings).toEqual([unreadable, unreadable]);
    },
  );

  it('does not call a topic missing that the user may not see', async () => {
    const root = open(alice);
    await root.connect();
    const topics = { applicationId: 'eve', input: 'private', output: 'private-out' };
    await root.admin.createTopics([topics.input, topics.output].map((name) => ({ name, partitions: PARTITIONS })));
    const instance = bankInstance(topics, open(eve), { stateDir: temporaryFolder() });
    releases.push(() => instance.close());
    await expect(instance.start()).rejects.toMatchObject({
      code: 'LOG_TOPIC_AUTHORIZATION_FAILED',
      message: expect.stringMatching(/"private".*lacks the right DESCRIBE/) as unknown,
    });
  });
});
