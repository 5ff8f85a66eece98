// Packs the library, installs the package into an empty Nest app in a temporary folder, compiles the example of the README there with the
// packed types, runs it under plain `node`, and queries it. So the README's example is a test, and the package is tried as its users get it.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from './free-port.mjs';

const root = resolve(import.meta.dirname, '..');
const library = join(root, 'libs/streams');
const readme = await readFile(join(root, 'README.md'), 'utf8');
const example = /```ts\n(import[\s\S]*?)```/.exec(readme)?.[1];
assert.ok(example, 'README.md holds no example that starts with an import');

const workspace = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const versions = { ...workspace.dependencies, ...workspace.devDependencies };
const pick = (...names) => Object.fromEntries(names.map((name) => [name, versions[name]]));

const port = await freePort();
const folder = await mkdtemp(join(tmpdir(), 'streams-pack-'));
const run = (command, args, cwd = folder) =>
  execFileSync(command, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] }).toString();
let child;
try {
  const tarball = run('npm', ['pack', '--silent', '--pack-destination', folder], library).trim().split('\n').at(-1);
  await mkdir(join(folder, 'app'));
  const app = join(folder, 'app');
  const manifest = {
    name: 'empty-nest-app',
    private: true,
    type: 'module',
    dependencies: {
      'nestjs-streams': `file:../${tarball}`,
      ...pick(
        '@nestjs/common',
        '@nestjs/core',
        '@nestjs/microservices',
        '@nestjs/platform-express',
        'reflect-metadata',
        'rxjs',
      ),
    },
    devDependencies: pick('typescript', '@types/node'),
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
  run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--silent'], app);
  run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], app);
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
