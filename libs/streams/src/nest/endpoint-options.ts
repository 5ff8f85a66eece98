import { VERSION_NEUTRAL } from '@nestjs/common';
import type { Type } from '@nestjs/common';

/** What the endpoints of the module have in common. */
export interface EndpointOptions {
  /** The version of the routes, as Nest's `@Version` has it. Default: neutral, so that versioning of the application does not move them. */
  readonly version?: string;
  /** Class decorators of the controller: what the application's global guards and interceptors look for, such as `Public()`. */
  readonly decorators?: readonly ClassDecorator[];
}

export function endpointVersion({ version }: EndpointOptions): string | typeof VERSION_NEUTRAL {
  return version ?? VERSION_NEUTRAL;
}

export function decorateEndpoint(controller: Type<object>, { decorators = [] }: EndpointOptions): void {
  for (const decorate of decorators) decorate(controller);
}
