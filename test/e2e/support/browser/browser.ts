import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import type { StreamsApps } from '../streams-app.js';

const PROGRAM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Undefined if there is a browser to be tested with. */
export const whyNoBrowser = isExecutable(PROGRAM)
  ? undefined
  : `There is no Chromium at ${PROGRAM}; CHROMIUM names another place.`;

/** Folders of modules, by where the page finds them. */
const MODULES: Readonly<Record<string, string>> = {
  client: fileURLToPath(new URL('../../../../libs/streams/src/client/', import.meta.url)),
  page: fileURLToPath(new URL('./', import.meta.url)),
};

/** Serves `page.ts` and the client as ES modules, and takes what the page sends: nothing of it knows where the stores are served. */
export class TestedPage {
  private settle!: (report: Record<string, unknown>) => void;
  readonly report = new Promise<Record<string, unknown>>((resolve) => (this.settle = resolve));
  /** Where the page asks; default: where it comes from. */
  urls: readonly string[] | undefined;

  /** @param onWrite what the page wants to have written. */
  constructor(private readonly onWrite: (written: unknown) => Promise<void>) {}

  /** A handler of Node, and middleware for any application. */
  readonly handle = (request: IncomingMessage, response: ServerResponse, next?: () => void): void => {
    // Middleware of Express sees the path below where it is mounted.
    const path = (request as { originalUrl?: string }).originalUrl ?? request.url ?? '';
    if (!path.startsWith('/test/')) return next?.();
    this.answer(path, request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  };

  private async answer(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, folder, name] = /^\/test\/(client|page)\/([\w-]+)\.js$/.exec(path) ?? [];
    if (name !== undefined)
      response.writeHead(200, { 'content-type': 'text/javascript' }).end(moduleAt(`${MODULES[folder]}${name}.ts`));
    else if (path === '/test/page')
      response.writeHead(200, { 'content-type': 'text/html' }).end(this.html(`http://${request.headers.host}`));
    else if (path === '/test/write') {
      await this.onWrite(JSON.parse(await text(request)));
      response.writeHead(204).end();
    } else if (path === '/test/report') {
      this.settle(JSON.parse(await text(request)) as Record<string, unknown>);
      response.writeHead(204).end();
    } else response.writeHead(404).end();
  }

  private html(origin: string): string {
    return `<!doctype html>
<script type="importmap">{"imports":{"nestjs-streams/client":"/test/client/index.js"}}</script>
<script>const config = ${JSON.stringify({ urls: this.urls ?? [origin] })};</script>
<script type="module" src="/test/page/page.js"></script>`;
  }
}

/** Opens a page in a Chromium without a window, until the test is over. */
export function openInBrowser(apps: StreamsApps, url: string): void {
  const options = ['--headless=new', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
  // Chromium refuses its sandbox to root.
  if (process.getuid?.() === 0) options.push('--no-sandbox');
  const profile = mkdtempSync(join(tmpdir(), 'streams-browser-'));
  const browser = spawn(PROGRAM, [...options, `--user-data-dir=${profile}`, url], { stdio: 'ignore', detached: true });
  apps.onRelease(async () => {
    const ended = once(browser, 'exit');
    // Its helpers too, which share its group.
    process.kill(-browser.pid!, 'SIGKILL');
    await ended;
    // The last of them may still be writing.
    await rm(profile, { recursive: true, force: true, maxRetries: 10 });
  });
}

function moduleAt(path: string): string {
  const target = ts.ScriptTarget.ES2022;
  const compilerOptions = { target, module: ts.ModuleKind.ES2022, verbatimModuleSyntax: false };
  return ts.transpileModule(readFileSync(path, 'utf8'), { fileName: path, compilerOptions }).outputText;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
