import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Root of the checkout, seen from the compiled bench. */
export const checkoutRoot = fileURLToPath(new URL('../../../../', import.meta.url));

const cache = join(checkoutRoot, '.cache', 'kafka-streams-peer');

/** Fetches the jars that `pom.xml` names from Maven, once. @returns their folder. */
export async function kafkaStreamsJars(): Promise<string> {
  const lib = join(cache, 'lib');
  if (existsSync(lib)) return lib;
  await mkdir(cache, { recursive: true });
  await copyFile(join(checkoutRoot, 'bench', 'harness', 'kafka-streams', 'pom.xml'), join(cache, 'pom.xml'));
  await run('mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=incomplete'], { cwd: cache });
  await rename(join(cache, 'incomplete'), lib);
  return lib;
}

/** Compiles one Java source of the benches, so that the measured process holds no compiler. @returns its class path. */
export async function compiledWithKafkaStreams(source: string): Promise<string> {
  const lib = await kafkaStreamsJars();
  const classes = join(cache, 'classes');
  await mkdir(classes, { recursive: true });
  await run('javac', ['-d', classes, '-cp', `${lib}/*`, join(checkoutRoot, source)]);
  return `${classes}:${lib}/*`;
}
