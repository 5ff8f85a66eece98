import type { Provider } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import type { Module } from '@nestjs/core/injector/module.js';
import { stateStoreOptionsOf } from '../../decorators/state-store.decorator.js';
import { streamProcessorOptionsOf } from '../../decorators/stream-processor.decorator.js';
import { ConfigurationError } from '../../errors/configuration-error.js';
import { handlerMethods } from './handler-methods.js';

type AnyClass = new (...args: never[]) => object;

/**
 * Makes `LazyModuleLoader.load` reject for a module with handlers or stores that are not among `known`: the topology is fixed when the application
 * starts, so they would never see a record. Nest tells nobody of such modules, hence the wrapped container.
 */
export function refuseLazyHandlers(modules: ModulesContainer, known: ReadonlySet<unknown>): void {
  modules.set = (token, module) => {
    guardProviders(module, known);
    return Map.prototype.set.call(modules, token, module) as ModulesContainer;
  };
}

function guardProviders(module: Module, known: ReadonlySet<unknown>): void {
  const add = module.addProvider.bind(module) as (...args: unknown[]) => unknown;
  module.addProvider = ((provider: Provider, ...rest: unknown[]) => {
    const type = classOf(provider);
    if (type !== undefined && !known.has(type) && belongsToTopology(type))
      throw new ConfigurationError([
        `${type.name} is in the module ${module.name}, which was loaded lazily after the application had started: nothing would ever call it. ` +
          `Import the module in the application instead.`,
      ]);
    return add(provider, ...rest);
  }) as Module['addProvider'];
}

function classOf(provider: Provider): AnyClass | undefined {
  const type: unknown =
    typeof provider === 'function' ? provider : 'useClass' in provider ? provider.useClass : provider.provide;
  return typeof type === 'function' ? (type as AnyClass) : undefined;
}

function belongsToTopology(type: AnyClass): boolean {
  return (
    streamProcessorOptionsOf(type) !== undefined ||
    stateStoreOptionsOf(type) !== undefined ||
    handlerMethods(type).length > 0
  );
}
