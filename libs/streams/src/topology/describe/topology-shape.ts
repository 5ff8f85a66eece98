import { createHash } from 'node:crypto';
import type { Topology } from '../topology.js';

/** What of a topology existing state depends on, as plain JSON in a canonical order. Processors' names are not part of it. */
export interface TopologyShape {
  readonly subTopologies: readonly SubTopologyShape[];
}

export interface SubTopologyShape {
  readonly sources: readonly { readonly topic: string; readonly key: string; readonly value: string }[];
  readonly stores: readonly { readonly name: string; readonly key: string; readonly value: string }[];
}

export function topologyShape(topology: Topology): TopologyShape {
  return {
    subTopologies: topology.subTopologies.map((sub) => ({
      sources: [...new Map(sub.sources.map((source) => [source.topic, source])).values()]
        .map(({ topic, key, value }) => ({ topic, key: key.name, value: value.name }))
        .sort((a, b) => (a.topic < b.topic ? -1 : 1)),
      stores: sub.stores
        .map(({ name, key, value }) => ({ name, key: key.name, value: value.name }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    })),
  };
}

/** 32 hexadecimal digits; equal shapes have equal fingerprints in every process and version. */
export function fingerprintOf(shape: TopologyShape): string {
  const canonical = shape.subTopologies.map(({ sources, stores }) => [
    sources.map(({ topic, key, value }) => [topic, key, value]),
    stores.map(({ name, key, value }) => [name, key, value]),
  ]);
  return createHash('sha256').update(JSON.stringify(canonical)).digest('hex').slice(0, 32);
}

/**
 * Differences that state on disk cannot bear, for the stores that `hasState` names: other serdes (old entries would be decoded wrongly), or
 * none of the former source topics (what is in the store came from elsewhere). New stores, removed stores, further sources and other
 * sub-topology numbers are fine: at worst a store is restored from its changelog.
 */
export function incompatibilities(
  before: TopologyShape,
  now: TopologyShape,
  hasState: (store: string) => boolean,
): string[] {
  const differences: string[] = [];
  for (const sub of now.subTopologies) {
    for (const store of sub.stores) {
      if (!hasState(store.name)) continue;
      const oldSub = before.subTopologies.find((candidate) => candidate.stores.some(({ name }) => name === store.name));
      const oldStore = oldSub?.stores.find(({ name }) => name === store.name);
      if (!oldSub || !oldStore) continue;
      for (const part of ['key', 'value'] as const) {
        if (oldStore[part] !== store[part]) {
          differences.push(
            `store "${store.name}": its ${part} serde was "${oldStore[part]}" and is now "${store[part]}"`,
          );
        }
      }
      const topics = sub.sources.map(({ topic }) => topic);
      if (!oldSub.sources.some(({ topic }) => topics.includes(topic))) {
        const oldTopics = oldSub.sources.map(({ topic }) => topic);
        differences.push(
          `store "${store.name}": it was fed from ${listed(oldTopics)} and is now fed from ${listed(topics)} only`,
        );
      }
    }
  }
  return differences;
}

function listed(topics: readonly string[]): string {
  return topics.map((topic) => `"${topic}"`).join(', ');
}
