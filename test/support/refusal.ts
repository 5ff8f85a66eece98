/** The answer to a request that was not carried out: with one error, or with one for each partition that it names. */
export function refusal(request: object, error: number): object {
  const { topics } = request as {
    topics?: readonly { topic: string; partitions: readonly (number | { partition: number })[] }[];
  };
  if (topics === undefined) return { error };
  return {
    topics: topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((each) => ({
        partition: typeof each === 'number' ? each : each.partition,
        error,
        baseOffset: -1,
        message: null,
      })),
    })),
  };
}
