import {
  forwardRef,
  Inject,
  Injectable,
  Module,
  Scope,
  UseGuards,
  type CanActivate,
  type DynamicModule,
  type Type,
} from '@nestjs/common';
import { ContextIdFactory, REQUEST, type ContextIdStrategy } from '@nestjs/core';
import { KeyValueStore, StateStore, StreamHandler, StreamProcessor, StreamsModule } from 'nestjs-streams';
import { afterEach, describe, expect, it } from 'vitest';
import { StreamsApps } from './support/streams-app.js';

interface Caller {
  readonly headers: Readonly<Record<string, string | undefined>>;
}

@Injectable()
class Roles {
  mayRead(role: string | undefined): boolean {
    return role === 'teller';
  }
}

/** Exports only `Roles`, so that a guard with it works in no other module than one that imports this. */
@Module({ providers: [Roles], exports: [Roles] })
class RolesModule {}

function guardedStore(...guards: readonly Type<CanActivate>[]): Type<KeyValueStore<string, number>> {
  class Guarded extends KeyValueStore<string, number> {}
  StateStore({ name: 'guarded', key: 'string', value: 'json', query: true })(Guarded);
  UseGuards(...guards)(Guarded);
  return Guarded;
}

/** One durable context for each tenant. */
class ByTenant implements ContextIdStrategy<Caller> {
  private readonly tenants = new Map<string, ReturnType<typeof ContextIdFactory.create>>();

  attach(
    ...[contextId, request]: Parameters<ContextIdStrategy<Caller>['attach']>
  ): ReturnType<ContextIdStrategy['attach']> {
    const tenant = request.headers['x-tenant'] ?? '';
    const ofTenant = this.tenants.get(tenant) ?? ContextIdFactory.create();
    this.tenants.set(tenant, ofTenant);
    return { resolve: ({ isTreeDurable }) => (isTreeDurable ? ofTenant : contextId), payload: { tenant } };
  }
}

@StreamProcessor()
class Reader {
  @StreamHandler('in')
  read(): void {}
}

describe.each(['fastify', 'express'] as const)('a guard of a store on %s', (adapter) => {
  const apps = new StreamsApps();

  async function statusesOf(
    guard: Type<CanActivate>,
    roles: readonly string[],
    imports: DynamicModule['imports'] = [RolesModule],
  ): Promise<number[]> {
    const store = guardedStore(guard);
    @StreamProcessor({ name: 'Keeper' })
    class Keeper {
      constructor(@Inject(store) readonly store: KeyValueStore<string, number>) {}

      @StreamHandler('in')
      keep(): void {}
    }
    const app = await apps.start({
      topics: { in: 1 },
      adapter,
      feature: { processors: [Keeper], stores: [store], imports },
    });
    await app.host.whenRunning();
    return Promise.all(
      roles.map(
        async (role) => (await fetch(`${app.url}/stores/guarded/count`, { headers: { 'x-role': role } })).status,
      ),
    );
  }

  it('injects what the module of its store sees', async () => {
    @Injectable()
    class RoleGuard implements CanActivate {
      constructor(private readonly roles: Roles) {}

      canActivate(context: { switchToHttp(): { getRequest(): Caller } }): boolean {
        return this.roles.mayRead(context.switchToHttp().getRequest().headers['x-role']);
      }
    }
    expect(await statusesOf(RoleGuard, ['teller', 'guest', 'teller'])).toEqual([200, 403, 200]);
  });

  it('is taken from an import that can be read only after all modules are loaded', async () => {
    @Injectable()
    class LazyGuard implements CanActivate {
      constructor(private readonly roles: Roles) {}

      canActivate(context: { switchToHttp(): { getRequest(): Caller } }): boolean {
        return this.roles.mayRead(context.switchToHttp().getRequest().headers['x-role']);
      }
    }
    // `Roles` is not exported: only this module can make the guard.
    @Module({ providers: [Roles, LazyGuard], exports: [LazyGuard] })
    class AuthModule {}
    let looks = 0;
    const lazily = forwardRef(() => {
      if (looks++ === 0) throw new ReferenceError("Cannot access 'AuthModule' before initialization");
      return AuthModule;
    });
    expect(await statusesOf(LazyGuard, ['teller', 'guest'], [lazily])).toEqual([200, 403]);
    const promised = [Promise.resolve({ module: AuthModule })];
    expect(await statusesOf(LazyGuard, ['teller', 'guest'], promised)).toEqual([200, 403]);
  });

  it('may be scoped to the request, or depend on what is, and gets each request of its own', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Session {
      constructor(@Inject(REQUEST) readonly caller: Caller) {}
    }
    @Injectable()
    class SessionGuard implements CanActivate {
      constructor(
        private readonly roles: Roles,
        private readonly session: Session,
      ) {}

      canActivate(): boolean {
        return this.roles.mayRead(this.session.caller.headers['x-role']);
      }
    }
    @Module({ imports: [RolesModule], providers: [Session, SessionGuard], exports: [SessionGuard] })
    class SessionModule {}
    const store = guardedStore(SessionGuard);
    @StreamProcessor({ name: 'Keeper' })
    class Keeper {
      constructor(@Inject(store) readonly store: KeyValueStore<string, number>) {}

      @StreamHandler('in')
      keep(): void {}
    }
    const app = await apps.start({
      topics: { in: 1 },
      adapter,
      feature: { processors: [Keeper], stores: [store], imports: [SessionModule] },
    });
    await app.host.whenRunning();
    const statuses = await Promise.all(
      ['teller', 'guest', 'teller', 'guest'].map(
        async (role) => (await fetch(`${app.url}/stores/guarded/count`, { headers: { 'x-role': role } })).status,
      ),
    );
    expect(statuses).toEqual([200, 403, 200, 403]);
  });

  it('that is scoped itself is made for each request in the module of its store', async () => {
    let made = 0;
    @Injectable({ scope: Scope.REQUEST })
    class ScopedGuard implements CanActivate {
      constructor(
        private readonly roles: Roles,
        @Inject(REQUEST) private readonly caller: Caller,
      ) {
        made++;
      }

      canActivate(): boolean {
        return this.roles.mayRead(this.caller.headers['x-role']);
      }
    }
    expect(await statusesOf(ScopedGuard, ['teller', 'guest', 'teller'])).toEqual([200, 403, 200]);
    expect(made).toBe(3);
  });

  describe.each(['first', 'last'] as const)('that is durable and comes %s', (place) => {
    afterEach(() => ContextIdFactory.apply(undefined as never));

    it('leaves its request to one that is scoped to it', async () => {
      ContextIdFactory.apply(new ByTenant());
      const tenants: unknown[] = [];
      @Injectable({ scope: Scope.REQUEST, durable: true })
      class TenantGuard implements CanActivate {
        constructor(@Inject(REQUEST) private readonly payload: { readonly tenant: string }) {
          tenants.push(payload.tenant);
        }

        canActivate(): boolean {
          return this.payload.tenant === 'bank';
        }
      }
      @Injectable({ scope: Scope.REQUEST })
      class RoleGuard implements CanActivate {
        constructor(
          private readonly roles: Roles,
          @Inject(REQUEST) private readonly caller: Caller,
        ) {}

        canActivate(): boolean {
          return this.roles.mayRead(this.caller.headers['x-role']);
        }
      }
      const store = guardedStore(...(place === 'first' ? [TenantGuard, RoleGuard] : [RoleGuard, TenantGuard]));
      @StreamProcessor({ name: 'Keeper' })
      class Keeper {
        constructor(@Inject(store) readonly store: KeyValueStore<string, number>) {}

        @StreamHandler('in')
        keep(): void {}
      }
      const app = await apps.start({
        topics: { in: 1 },
        adapter,
        feature: { processors: [Keeper], stores: [store], imports: [RolesModule] },
      });
      await app.host.whenRunning();
      const statuses: number[] = [];
      for (const role of ['teller', 'guest', 'teller']) {
        const headers = { 'x-role': role, 'x-tenant': 'bank' };
        statuses.push((await fetch(`${app.url}/stores/guarded/count`, { headers })).status);
      }
      expect(statuses).toEqual([200, 403, 200]);
      expect(tenants).toEqual(['bank']);
    });
  });

  it.each([Scope.DEFAULT, Scope.REQUEST])(
    'stops the start where it cannot be made, with its name, its store and what is missing (scope %i)',
    async (scope) => {
      @Injectable()
      class Tokens {}
      @Injectable({ scope })
      class TokenGuard implements CanActivate {
        constructor(readonly tokens: Tokens) {}

        canActivate(): boolean {
          return true;
        }
      }
      const error = await apps.failure({
        imports: [
          StreamsModule.forRoot(apps.options({ in: 1 })),
          StreamsModule.forFeature({ processors: [Reader], stores: [guardedStore(TokenGuard)] }),
        ],
      });
      expect(error.message).toContain('TokenGuard');
      expect(error.message).toContain('Tokens');
      expect(error.message).toContain('StreamsModule.forFeature(Reader, Guarded)');
    },
  );
});
