import { describe, expect, it } from 'vitest';
import type { LogAdmin } from '../../log/log-admin.js';
import { silentLogger } from '../../observability/streams-logger.js';
import type { Clock } from '../../time/clock.js';
import { ChangelogIdentity, type TopicIds } from '../restore/changelog-identity.js';
import { ChangelogWatch } from './changelog-watch.js';
import type { InstanceParts } from './instance-parts.js';

const START_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;
const CHANGELOG = 'bank-balances-changelog';

/** An instance with one active task and one standby, on a machine that may be suspended. */
class World {
  wallMs = START_MS;
  monotonicMs = 0;
  contactMs = 0;
  standbyFreshMs = 0;
  asked = 0;
  answer: () => Promise<Map<string, string>> = async () => new Map([[CHANGELOG, 'id-1']]);
  readonly followed = new Map<string, number>();
  readonly lost: unknown[] = [];
  readonly learned: TopicIds[] = [];
  readonly watch: ChangelogWatch;

  constructor(known: TopicIds = { [CHANGELOG]: 'id-1' }) {
    const task = (id: string): object => ({
      id,
      stores: { all: [{ definition: { name: 'balances' }, changelog: CHANGELOG }] },
    });
    const admin = {
      topicIds: () => {
        this.asked++;
        return this.answer();
      },
    } as unknown as LogAdmin;
    const clock = { now: () => this.wallMs, monotonic: () => this.monotonicMs } as Clock;
    const parts = {
      tasks: { tenure: {}, active: [task('0_0')], standbys: [task('0_1')] },
      member: { lastContact: () => this.contactMs },
      follower: { freshness: () => ({ stalenessMs: this.monotonicMs - this.standbyFreshMs }) },
      currency: { follows: (id: string, _store: string, untilMs: number) => void this.followed.set(id, untilMs) },
      changelogs: new ChangelogIdentity('bank', admin, known, [CHANGELOG], (ids) => void this.learned.push(ids)),
    } as unknown as InstanceParts;
    this.watch = new ChangelogWatch(parts, { clock, logger: silentLogger }, (error) => void this.lost.push(error));
  }

  pass(ms: number): void {
    this.wallMs += ms;
    this.monotonicMs += ms;
  }

  hear(): void {
    this.contactMs = this.monotonicMs;
    this.standbyFreshMs = this.monotonicMs;
  }
}

describe('a look at the changelogs', () => {
  it('notes until when stores have followed them', async () => {
    const world = new World();
    world.pass(10_000);
    world.hear();
    world.pass(500);
    await world.watch.look();
    expect(world.followed).toEqual(
      new Map([
        ['0_0', START_MS + 10_000],
        ['0_1', START_MS + 10_000],
      ]),
    );
  });

  it.each([
    ['the machine was suspended', 30 * HOUR_MS],
    ['the clock was set back', -2 * HOUR_MS],
  ])('notes nothing after %s, until something newer was heard', async (_, jumpMs) => {
    const world = new World();
    world.pass(10_000);
    world.hear();
    world.wallMs += jumpMs;
    world.pass(1000);
    await world.watch.look();
    world.pass(10_000);
    await world.watch.look();
    expect(world.followed).toEqual(new Map());
    world.hear();
    world.pass(10_000);
    await world.watch.look();
    expect(new Set(world.followed.values())).toEqual(new Set([START_MS + jumpMs + 21_000]));
  });

  it('does not begin while another is under way', async () => {
    const world = new World();
    let end: () => void = () => undefined;
    world.answer = () => new Promise((resolve) => (end = () => resolve(new Map())));
    const first = world.watch.look();
    await world.watch.look();
    expect(world.asked).toBe(1);
    end();
    await first;
    const next = world.watch.look();
    expect(world.asked).toBe(2);
    end();
    await next;
    expect(world.lost).toMatchObject([{ code: 'STREAMS_CHANGELOG_LOST' }]);
  });

  it('asks for the id of a topic that was just created until the brokers know it, and keeps that', async () => {
    const world = new World({});
    world.answer = async () => new Map();
    await world.watch.look();
    await world.watch.look();
    expect([world.lost, world.learned]).toEqual([[], []]);
    world.answer = async () => new Map([[CHANGELOG, 'id-1']]);
    await world.watch.look();
    expect(world.learned).toEqual([{ [CHANGELOG]: 'id-1' }]);
    world.answer = async () => new Map([[CHANGELOG, 'id-2']]);
    await world.watch.look();
    expect(world.lost).toMatchObject([{ code: 'STREAMS_CHANGELOG_LOST' }]);
  });
});
