import { Server, type CustomTransportStrategy } from '@nestjs/microservices';

/**
 * The transport strategy of an app without HTTP: `NestFactory.createMicroservice(AppModule, { strategy: new StreamsServer() })`. It carries no
 * messages itself: `StreamsModule` starts and stops the streams with Nest's own hooks, which a microservice runs in `listen` and `close`.
 */
export class StreamsServer extends Server implements CustomTransportStrategy {
  listen(callback: (error?: unknown) => void): void {
    const patterns = [...this.messageHandlers.keys()];
    if (patterns.length === 0) return callback();
    callback(
      new Error(
        `StreamsServer delivers no message patterns, but the app has handlers for ${patterns.join(', ')}. ` +
          `Turn them into @StreamHandler methods, or use another strategy for them.`,
      ),
    );
  }

  close(): void {
    return;
  }

  on(event: string): never {
    throw new Error(`StreamsServer has no event "${event}"; use StreamsHost.onStateChange().`);
  }

  unwrap(): never {
    throw new Error('StreamsServer wraps no server; inject StreamsHost.');
  }
}
