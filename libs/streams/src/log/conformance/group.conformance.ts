import { expect, it } from 'vitest';
import type {
  GroupIdentity,
  GroupListener,
  GroupMember,
  GroupMemberOptions,
  MemberAssignment,
} from '../group-member.js';
import type { TopicPartition } from '../log.js';
import { KafkaErrorCode } from '../protocol/error-codes.js';
import { bytes, failureOf, type ConformanceWorld } from './conformance-world.js';

/** A member with a listener that remembers, and shares partitions out round robin where it leads. */
class TestMember implements GroupListener {
  userData = 'fresh';
  readonly seen: string[][] = [];
  readonly revoked: { lost: boolean }[] = [];
  assignment: MemberAssignment | undefined;
  fatal: Error | undefined;
  whileRevoking: () => Promise<void> = async () => {};
  whileAssigning: () => Promise<void> = async () => {};
  readonly member: GroupMember;

  constructor(
    world: ConformanceWorld,
    groupId: string,
    private readonly topic: string,
    private readonly partitions: number,
    options: Partial<GroupMemberOptions> = {},
  ) {
    this.member = world.log.openMember(
      {
        groupId,
        protocolName: 'test',
        topics: [topic],
        sessionTimeoutMs: 2000,
        rebalanceTimeoutMs: 10_000,
        heartbeatIntervalMs: 200,
        ...options,
      },
      this,
    );
  }

  get owned(): number[] {
    return (this.assignment?.partitions ?? []).map(({ partition }) => partition).sort((a, b) => a - b);
  }

  get identity(): GroupIdentity {
    return this.member.identity()!;
  }

  subscription(): Uint8Array {
    return bytes(this.userData);
  }

  async assign(members: Parameters<GroupListener['assign']>[0]): Promise<Map<string, MemberAssignment>> {
    this.seen.push(members.map(({ userData }) => Buffer.from(userData).toString()).sort());
    const all: TopicPartition[] = Array.from({ length: this.partitions }, (_, partition) => ({
      topic: this.topic,
      partition,
    }));
    const ids = members.map(({ memberId }) => memberId).sort();
    return new Map(
      ids.map((id, i) => [
        id,
        {
          partitions: all.filter(({ partition }) => partition % ids.length === i),
          userData: bytes(`for-${i}-of-${ids.length}`),
        },
      ]),
    );
  }

  async onRevoked(_partitions: readonly TopicPartition[], reason: { readonly lost: boolean }): Promise<void> {
    this.revoked.push(reason);
    await this.whileRevoking();
    this.assignment = undefined;
  }

  async onAssigned(assignment: MemberAssignment): Promise<void> {
    await this.whileAssigning();
    this.assignment = assignment;
  }

  onFatal(error: Error): void {
    this.fatal = error;
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function groupConformance(world: () => ConformanceWorld): void {
  it('shares partitions, carries user data both ways, and hands partitions over when a member leaves', async () => {
    const topic = await world().topic(4);
    const groupId = world().name('group');
    const a = new TestMember(world(), groupId, topic, 4);
    await a.member.join();
    expect(a.owned).toEqual([0, 1, 2, 3]);
    const b = new TestMember(world(), groupId, topic, 4);
    b.userData = 'second';
    await b.member.join();
    await expect.poll(() => [...a.owned, ...b.owned].sort((x, y) => x - y)).toEqual([0, 1, 2, 3]);
    expect([...a.seen, ...b.seen]).toContainEqual(['fresh', 'second']);
    await expect
      .poll(() => [a, b].map(({ assignment }) => Buffer.from(assignment?.userData ?? []).toString()).sort())
      .toEqual(['for-0-of-2', 'for-1-of-2']);
    await b.member.close();
    await expect.poll(() => a.owned).toEqual([0, 1, 2, 3]);
    expect(a.revoked.every(({ lost }) => !lost)).toBe(true);
    await a.member.close();
  });

  it('hands over the partitions of a member that fell silent, once its session has ended', async () => {
    const topic = await world().topic(4);
    const groupId = world().name('group');
    const [a, b] = [0, 1].map(() => new TestMember(world(), groupId, topic, 4));
    await a.member.join();
    await b.member.join();
    await expect.poll(() => [a.owned.length, b.owned.length]).toEqual([2, 2]);
    await b.member.close({ leave: false });
    await expect.poll(() => a.owned, { timeout: 10_000 }).toEqual([0, 1, 2, 3]);
    expect(a.revoked.every(({ lost }) => !lost)).toBe(true);
    await a.member.close();
  });

  it('learns that it is no member any more, gives its partitions up as lost, and joins again', async () => {
    const topic = await world().topic(2);
    const a = new TestMember(world(), world().name('group'), topic, 2);
    await a.member.join();
    const before = a.identity;
    world().faults.answerNext('heartbeat', () => ({ error: KafkaErrorCode.UNKNOWN_MEMBER_ID }));
    await expect.poll(() => a.revoked, { timeout: 10_000 }).toEqual([{ lost: true }]);
    await expect.poll(() => a.owned, { timeout: 20_000 }).toEqual([0, 1]);
    expect(a.identity.memberId).not.toBe(before.memberId);
    await a.member.commit([{ topic, partition: 0, offset: 1 }], a.identity);
    expect((await a.member.committed([{ topic, partition: 0 }]))[0].offset).toBe(1);
    await a.member.close();
  });

  it('keeps its membership while a callback takes longer than the session', async () => {
    const topic = await world().topic();
    const a = new TestMember(world(), world().name('group'), topic, 1);
    a.whileAssigning = () => pause(3000);
    await a.member.join();
    const { generationId, memberId } = a.identity;
    a.whileAssigning = async () => {};
    a.userData = 'changed';
    a.member.requestRejoin();
    await expect.poll(() => a.member.identity()?.generationId ?? 0, { timeout: 15_000 }).toBeGreaterThan(generationId);
    expect(a.identity.memberId).toBe(memberId);
    expect(a.revoked).toEqual([]);
    await a.member.close();
    expect(a.revoked).toEqual([{ lost: false }]);
  });

  it('commits and answers offsets, and refuses those of an older generation', async () => {
    const topic = await world().topic();
    const a = new TestMember(world(), world().name('group'), topic, 1);
    await a.member.join();
    const partition = { topic, partition: 0 };
    expect(await a.member.committed([partition])).toEqual([{ ...partition, offset: -1 }]);
    await a.member.commit([{ ...partition, offset: 7 }], a.identity);
    expect(await a.member.committed([partition])).toEqual([{ ...partition, offset: 7 }]);
    const stale = { ...a.identity, generationId: a.identity.generationId - 1 };
    const producer = world().log.openTransactionalProducer({ role: 'test', transactionalId: world().name('tx') });
    await producer.init();
    expect(await failureOf(producer.sendOffsets([{ ...partition, offset: 9 }], stale))).toMatchObject({
      kind: 'migrated',
    });
    await producer.abort();
    await producer.sendOffsets([{ ...partition, offset: 9 }], a.identity);
    await producer.commit();
    expect(await a.member.committed([partition])).toEqual([{ ...partition, offset: 9 }]);
    await a.member.close();
  });

  it('waits with committed offsets until a pending transaction is decided', async () => {
    const topic = await world().topic();
    const a = new TestMember(world(), world().name('group'), topic, 1);
    await a.member.join();
    const transactionalId = world().name('tx');
    const owner = world().log.openTransactionalProducer({
      role: 'test',
      transactionalId,
      transactionTimeoutMs: 60_000,
    });
    await owner.init();
    await owner.sendOffsets([{ topic, partition: 0, offset: 5 }], a.identity);
    let isAnswered = false;
    const asked = a.member.committed([{ topic, partition: 0 }]).finally(() => (isAnswered = true));
    await pause(300);
    expect(isAnswered).toBe(false);
    const successor = world().log.openTransactionalProducer({ role: 'test', transactionalId });
    await successor.init();
    expect(await asked).toEqual([{ topic, partition: 0, offset: -1 }]);
    await a.member.close();
  });

  it('accepts offsets of members that go on working, at any moment of a rebalance', async () => {
    const topic = await world().topic(2);
    const groupId = world().name('group');
    const a = new TestMember(world(), groupId, topic, 2);
    const producer = world().log.openTransactionalProducer({ role: 'test', transactionalId: world().name('tx') });
    await producer.init();
    await a.member.join();
    let isOver = false;
    let commits = 0;
    const working = (async () => {
      for (; !isOver; commits++) {
        const renewed = (refused: GroupIdentity): Promise<GroupIdentity> => a.member.renewed(refused);
        const offset = (partition: number): { topic: string; partition: number; offset: number }[] => [
          { topic, partition, offset: commits },
        ];
        await producer.commit({ offsets: offset(0), group: a.identity, renewed });
        await a.member.commit(offset(1), a.identity);
        await pause(1);
      }
    })();
    for (let round = 0; round < 3; round++) {
      const b = new TestMember(world(), groupId, topic, 2);
      await b.member.join();
      await b.member.close();
    }
    isOver = true;
    await working;
    expect(a.revoked).toEqual([]);
    const committed = await a.member.committed([0, 1].map((partition) => ({ topic, partition })));
    expect(committed.map(({ offset }) => offset)).toEqual([commits - 1, commits - 1]);
    await a.member.close();
  });

  it('refuses offsets of an earlier generation where the commit is limited to it', async () => {
    const topic = await world().topic(2);
    const groupId = world().name('group');
    const a = new TestMember(world(), groupId, topic, 2);
    await a.member.join();
    const before = a.identity;
    const offset = { topic, partition: 0, offset: 1 };
    await a.member.commit([offset], before, { onlyThisGeneration: true });
    a.member.requestRejoin();
    await expect.poll(() => a.identity.generationId, { timeout: 15_000 }).toBeGreaterThan(before.generationId);
    const late = a.member.commit([{ ...offset, offset: 0 }], before, { onlyThisGeneration: true });
    expect(await failureOf(late)).toMatchObject({ kind: 'migrated', code: 'LOG_ILLEGAL_GENERATION' });
    expect((await a.member.committed([offset]))[0]!.offset).toBe(1);
    await a.member.commit([{ ...offset, offset: 2 }], before);
    expect((await a.member.committed([offset]))[0]!.offset).toBe(2);
    await a.member.close();
  });

  it('ends a commit whose membership was lost meanwhile', async () => {
    const topic = await world().topic();
    const a = new TestMember(world(), world().name('group'), topic, 1);
    await a.member.join();
    const before = a.identity;
    world().faults.answerNext('heartbeat', () => ({ error: KafkaErrorCode.UNKNOWN_MEMBER_ID }));
    await expect.poll(() => a.revoked, { timeout: 10_000 }).toEqual([{ lost: true }]);
    expect(await failureOf(a.member.renewed(before))).toMatchObject({ kind: 'migrated' });
    await expect.poll(() => a.identity?.memberId ?? before.memberId, { timeout: 20_000 }).not.toBe(before.memberId);
    expect(await failureOf(a.member.renewed(before))).toMatchObject({ kind: 'migrated' });
    const offset = { topic, partition: 0, offset: 1 };
    expect(await failureOf(a.member.commit([offset], before))).toMatchObject({ kind: 'migrated' });
    expect((await a.member.committed([offset]))[0]!.offset).toBe(-1);
    await a.member.close();
  });

  it('gives a static member its partitions back without a rebalance, and fences the older of two', async () => {
    const topic = await world().topic(2);
    const groupId = world().name('group');
    const a = new TestMember(world(), groupId, topic, 2, { instanceId: 'a', sessionTimeoutMs: 10_000 });
    await a.member.join();
    const { generationId } = a.identity;
    await a.member.close({ leave: false });
    const back = new TestMember(world(), groupId, topic, 2, { instanceId: 'a', sessionTimeoutMs: 10_000 });
    await back.member.join();
    expect(back.owned).toEqual([0, 1]);
    expect(back.identity.generationId).toBeGreaterThanOrEqual(generationId);
    const twin = new TestMember(world(), groupId, topic, 2, { instanceId: 'a', sessionTimeoutMs: 10_000 });
    await twin.member.join();
    await expect.poll(() => back.fatal).toBeInstanceOf(Error);
    await twin.member.close();
    await back.member.close();
  });
}
