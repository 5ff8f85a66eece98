// Packs the library, installs the package into an empty Nest app in a temporary folder with the line of the README, compiles the example of the README there
// with the packed types, runs it under plain `node`, and queries it. So the README's example is a test, and the package is tried as its users get it.
// Before that, without the optional packages, the start has to name each of them with the command that installs it.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.mjs';
import { codeBlock, packLibrary, run, workspaceVersions } from './packed-library.mjs';

const example = await codeBlock('README.md', /```ts\n(import[\s\S]*?)```/);
const installed = (await codeBlock('README.md', /```bash\nnpm install (nestjs-streams [^\n]*)\n```/))
  .split(' ')
  .slice(1);

const optional = `
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { KeyValueStore, StateStore, StreamHandler, StreamProcessor, StreamsModule } from 'nestjs-streams';

@StateStore({ name: 'names', key: 'string', value: 'json' })
class Names extends KeyValueStore<string, string> {}

@StreamProcessor()
class Processor {
  constructor(readonly names: Names) {}
  @StreamHandler('in')
  handle(): void {}
}

const embedded = { topics: { in: { partitions: 1 } } };

@Module({
  imports: [
    StreamsModule.forRoot({ applicationId: 'app', embedded, health: true, metrics: true }),
    StreamsModule.forFeature({ processors: [Processor], stores: [Names] }),
  ],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
await app.init().catch((error: Error) => {
  console.log(error.message);
  process.exit(3);
});
`;

/** Returns the message with which the start of an application that needs every optional package is refused. */
function refusal(app) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['dist/optional.js'], { cwd: app, encoding: 'utf8' });
  assert.equal(status, 3, `a start without the optional packages ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

const port = await freePort();
const folder = await mkdtemp(join(tmpdir(), 'streams-pack-'));
let child;
try {
  const tarball = packLibrary(folder);
  const app = join(folder, 'app');
  await mkdir(app);
  const manifest = {
    name: 'empty-nest-app',
    private: true,
    type: 'module',
    dependencies: {
      'nestjs-streams': `file:../${tarball}`,
      ...(await workspaceVersions(
        '@nestjs/common',
        '@nestjs/core',
        '@nestjs/platform-express',
        'reflect-metadata',
        'rxjs',
        ...installed,
      )),
    },
    devDependencies: await workspaceVersions('typescript', '@types/node'),
  };
  const compilerOptions = {
    module: 'nodenext',
    target: 'ES2023',
    strict: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    skipLibCheck: false,
    types: ['node'],
    outDir: 'dist',
    rootDir: '.',
  };
  await writeFile(join(app, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  const source = example.replace('app.listen(3000)', `app.listen(${port})`);
  assert.notEqual(source, example, 'the example of the README listens on port 3000');
  await writeFile(join(app, 'main.ts'), source);
  await writeFile(join(app, 'optional.ts'), optional);
  run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--silent'], app);
  run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], app);

  const native = join(app, 'node_modules/rocksdb-native');
  await rename(native, join(folder, 'rocksdb-native'));
  const message = refusal(app);
  for (const expected of [
    /"health" needs the package "@nestjs\/terminus", which is not installed: npm install @nestjs\/terminus/,
    /"metrics" needs the package "[^"]+", which is not installed: npm install @willsoto\/nestjs-prometheus prom-client/,
    /The engine "rocksdb" needs the package "rocksdb-native", .*: npm install rocksdb-native@3/,
  ])
    assert.match(message, expected);
  await rename(join(folder, 'rocksdb-native'), native);
  console.log('a start without the optional packages names each of them, with the command');

  child = spawn(process.execPath, ['dist/main.js'], { cwd: app, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const end = Date.now() + 60_000;
  for (;;) {
    if (child.exitCode !== null || Date.now() > end) throw new Error(`the packed library did not answer:\n${output}`);
    const response = await fetch(`http://127.0.0.1:${port}/stores/balances/entries/acc-1`).catch(() => undefined);
    if (response?.status === 200 && (await response.json()) === 42) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  console.log(`the packed library works in an empty Nest app (${tarball})`);
} finally {
  if (child && child.exitCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await rm(folder, { recursive: true, force: true });
}
