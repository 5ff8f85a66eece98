import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const KAFKA_VERSION = '4.3.1';
const run = promisify(execFile);

function workspaceRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'nest-cli.json'))) folder = dirname(folder);
  return folder;
}

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>nestjs-streams</groupId><artifactId>test-broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`;

/** Why no broker can be started here, or undefined if one can. */
export async function brokerUnavailable(): Promise<string | undefined> {
  try {
    await run('java', ['-version']);
    await run('mvn', ['--version']);
    return undefined;
  } catch {
    return 'no KAFKA_BROKERS in the environment, and no JDK with Maven to start a broker with';
  }
}

/** Brings the broker's jars from Maven into the git-ignored cache, once. @returns their folder. */
export async function kafkaJars(): Promise<string> {
  const folder = join(workspaceRoot(), '.cache', 'kafka', KAFKA_VERSION);
  if (existsSync(folder)) return folder;
  await mkdir(dirname(folder), { recursive: true });
  const work = await mkdtemp(`${folder}-`);
  await writeFile(join(work, 'pom.xml'), pom);
  await run('mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib'], {
    cwd: work,
    maxBuffer: 1 << 26,
  });
  await rename(join(work, 'lib'), folder).catch((error: unknown) => {
    if (!existsSync(folder)) throw error;
  });
  await rm(work, { recursive: true, force: true });
  return folder;
}

/** Prepares the folders that the configuration names for a cluster of this id (22 characters, not beginning with '-'). */
export async function formatStorage(
  jars: string,
  config: string,
  clusterId: string,
  more: readonly string[] = [],
): Promise<void> {
  const tool = ['-cp', `${jars}/*`, 'kafka.tools.StorageTool', 'format', `--cluster-id=${clusterId}`, '-c', config];
  await run('java', [...tool, ...more]);
}
