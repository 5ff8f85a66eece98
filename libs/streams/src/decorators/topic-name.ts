import type { Abstract, Type } from '@nestjs/common';

/** Returns a singleton provider of any module of the application, such as `ConfigService`. */
export type ProviderLookup = <T>(token: Type<T> | Abstract<T> | string | symbol) => T;

/** A topic, or a function that returns its name when the application starts: `(get) => get(ConfigService).get('PAYMENTS_TOPIC')`. */
export type TopicName = string | ((get: ProviderLookup) => string);

/** One topic or several, or a function that returns them when the application starts. */
export type TopicNames = string | readonly string[] | ((get: ProviderLookup) => string | readonly string[]);
