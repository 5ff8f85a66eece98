import {
  SetMetadata,
  UnauthorizedException,
  VersioningType,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
  type VersioningOptions,
} from '@nestjs/common';
import { Ctx } from '@nestjs/microservices';
import { json, KeyValueStore, StateStore, StreamContext, StreamHandler, StreamProcessor } from 'nestjs-streams';
import { register } from 'prom-client';
import { map, type Observable } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { StreamsApps, type AppSetup, type RootOptions, type StreamsApp } from './support/streams-app.js';

@StateStore({ name: 'counts', key: 'string', value: json<number>(), query: true })
class Counts extends KeyValueStore<string, number> {}

@StreamProcessor()
class Counter {
  constructor(private readonly counts: Counts) {}

  @StreamHandler('in')
  count(@Ctx() { key }: StreamContext): void {
    this.counts.put(key as string, 1);
  }
}

const Public = (): ClassDecorator => SetMetadata('isPublic', true);

/** What applications have: everything is closed that is not marked. */
class PrivateByDefault implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (Reflect.getMetadata('isPublic', context.getClass()) === true) return true;
    throw new UnauthorizedException();
  }
}

class Envelope implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((data: unknown) => ({ data })));
  }
}

const PATHS = ['/health/live', '/health/ready', '/metrics', '/stores'];

describe.each(['express', 'fastify'] as const)('the endpoints of the module on %s', (adapter) => {
  const apps = new StreamsApps();
  afterEach(() => register.clear());

  async function started(
    options: RootOptions,
    prepare: (nest: Awaited<ReturnType<StreamsApps['create']>>) => unknown,
  ): Promise<StreamsApp> {
    const setup: AppSetup = {
      topics: { in: 1 },
      options: { health: true, metrics: true, ...options },
      feature: { stores: [Counts], processors: [Counter] },
    };
    const nest = await apps.create(apps.metadataOf(setup), adapter);
    prepare(nest);
    const app = await apps.serve(nest);
    await app.host.whenRunning();
    return app;
  }

  const statuses = async (app: StreamsApp, paths = PATHS): Promise<number[]> =>
    Promise.all(paths.map(async (path) => (await app.fetch(path)).status));

  it.each<[string, VersioningOptions]>([
    ['URI', { type: VersioningType.URI, defaultVersion: '1' }],
    ['header', { type: VersioningType.HEADER, header: 'x-version' }],
    ['media type', { type: VersioningType.MEDIA_TYPE, key: 'v=', defaultVersion: '1' }],
  ])('are where they are, whatever %s versioning the application has', async (_, versioning) => {
    const app = await started({}, (nest) => nest.enableVersioning(versioning));
    expect(await statuses(app)).toEqual([200, 200, 200, 200]);
  });

  it('have a version where that is asked for', async () => {
    const version = '2';
    const app = await started({ health: { version }, metrics: { version }, query: { version } }, (nest) =>
      nest.enableVersioning({ type: VersioningType.URI }),
    );
    expect(await statuses(app)).toEqual([404, 404, 404, 404]);
    expect(
      await statuses(
        app,
        PATHS.map((path) => `/v2${path}`),
      ),
    ).toEqual([200, 200, 200, 200]);
  });

  it('can be exempted from global guards, and answer as they are despite global interceptors', async () => {
    const decorators = [Public()];
    const app = await started({ health: { decorators }, metrics: { decorators } }, (nest) => {
      nest.useGlobalGuards(new PrivateByDefault());
      nest.useGlobalInterceptors(new Envelope());
    });
    expect(await statuses(app)).toEqual([200, 200, 200, 401]);
    expect((await app.fetch('/health/ready')).json).toMatchObject({
      status: 'ok',
      info: { streams: { status: 'up' } },
    });
    const metrics = await fetch(`${app.url}/metrics`);
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await metrics.text()).toMatch(/^# HELP /m);
  });
});
