import {
  Injectable,
  Scope,
  type ArgumentMetadata,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { Payload } from '@nestjs/microservices';
import { SendTo, StreamHandler, StreamProcessor, StreamsModule } from 'nestjs-streams';
import { tap, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { StreamsApps } from './support/streams-app.js';

@StreamProcessor()
class Passer {
  @StreamHandler('in')
  @SendTo('out')
  pass(@Payload() value: string): string {
    return value;
  }
}

@Injectable()
class Trace implements NestInterceptor {
  readonly seen: unknown[] = [];

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { name } = context.getClass();
    return next.handle().pipe(tap((value) => this.seen.push([context.getType(), name, value])));
  }
}

@Injectable()
class NoSecrets implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.getType<string>() !== 'streams' || context.switchToRpc().getData() !== 'secret';
  }
}

@Injectable()
class Upper implements PipeTransform {
  transform(value: unknown, { type }: ArgumentMetadata): unknown {
    return type === 'body' ? String(value).toUpperCase() : value;
  }
}

describe('inheritAppConfig', () => {
  const apps = new StreamsApps();
  const app = {
    providers: [
      Trace,
      { provide: APP_INTERCEPTOR, useExisting: Trace },
      { provide: APP_GUARD, useClass: NoSecrets },
      { provide: APP_PIPE, useClass: Upper },
    ],
  };
  const setup = {
    topics: { in: 1, out: 1 },
    feature: { processors: [Passer] },
    app,
  };

  it('puts global guards, pipes and interceptors around handlers', async () => {
    const options = { inheritAppConfig: true, errors: { processing: 'continue' as const } };
    const started = await apps.start({ ...setup, options });
    for (const value of ['a', 'secret', 'b']) await started.send('in', { key: 'k', value });
    const records = await started.recordsOnce('out', 2);
    expect(records.map(({ value }) => JSON.parse(String(value)) as unknown)).toEqual(['A', 'B']);
    expect(started.get(Trace).seen).toEqual([
      ['streams', 'Passer', 'A'],
      ['streams', 'Passer', 'B'],
    ]);
  });

  it('is off by default: they are written for requests', async () => {
    const started = await apps.start(setup);
    for (const value of ['a', 'secret']) await started.send('in', { key: 'k', value });
    const records = await started.recordsOnce('out', 2);
    expect(records.map(({ value }) => JSON.parse(String(value)) as unknown)).toEqual(['a', 'secret']);
    expect(started.get(Trace).seen).toEqual([]);
  });

  it('takes those of app.useGlobalInterceptors', async () => {
    const nest = await apps.create(
      apps.metadataOf({ topics: setup.topics, feature: setup.feature, options: { inheritAppConfig: true } }),
    );
    const trace = new Trace();
    nest.useGlobalInterceptors(trace);
    const started = await apps.serve(nest);
    await started.send('in', { key: 'k', value: 'a' });
    await started.recordsOnce('out', 1);
    expect(trace.seen).toEqual([['streams', 'Passer', 'a']]);
  });

  it('refuses what is scoped to requests', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest implements CanActivate {
      canActivate(): boolean {
        return true;
      }
    }
    const { problems } = await apps.failure({
      imports: [
        StreamsModule.forRoot({ ...apps.options(setup.topics), inheritAppConfig: true }),
        StreamsModule.forFeature(setup.feature),
      ],
      providers: [{ provide: APP_GUARD, useClass: PerRequest }],
    });
    expect(problems).toEqual([expect.stringMatching(/cannot apply the global PerRequest, which is request-scoped/)]);
  });
});
