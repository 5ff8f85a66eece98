import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.state.KeyValueStore;

/** The work of the bench `process`, written with Kafka Streams: one thread, RocksDB, changelog, no record cache. */
public final class StreamsProcess {
  public record Transaction(String id, String accountId, long amount, String currency, long at) {}

  public record Balance(String accountId, long balance, long count, long min, long max, long lastAt) {
    Balance apply(Transaction tx) {
      if (count == 0) return new Balance(tx.accountId(), tx.amount(), 1, tx.amount(), tx.amount(), tx.at());
      return new Balance(
          accountId, balance + tx.amount(), count + 1, Math.min(min, tx.amount()), Math.max(max, tx.amount()), tx.at());
    }
  }

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  // Written by the one stream thread; read after the latch.
  private static long processed;
  private static long startedAt;
  private static long cpuAtStart;

  public static void main(String[] args) throws Exception {
    String topic = args[1];
    long total = Long.parseLong(args[4]);
    CountDownLatch done = new CountDownLatch(1);
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream(topic, Consumed.with(Serdes.String(), json(Transaction.class)))
        .groupByKey(Grouped.with(Serdes.String(), json(Transaction.class)))
        .aggregate(
            () -> new Balance("", 0, 0, 0, 0, 0),
            (account, tx, balance) -> {
              if (processed == 0) {
                startedAt = System.nanoTime();
                cpuAtStart = SYSTEM.getProcessCpuTime();
              }
              if (++processed == total) done.countDown();
              return balance.apply(tx);
            },
            Materialized.<String, Balance, KeyValueStore<Bytes, byte[]>>as("balances")
                .withKeySerde(Serdes.String())
                .withValueSerde(json(Balance.class)));
    Properties config = new Properties();
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, args[2]);
    config.put(StreamsConfig.STATE_DIR_CONFIG, args[3]);
    config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, args[5]);
    config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, Long.parseLong(args[6]));
    config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
    config.put("auto.offset.reset", "earliest");
    KafkaStreams streams = new KafkaStreams(builder.build(), config);
    streams.start();
    done.await();
    streams.close();
    double seconds = (System.nanoTime() - startedAt) / 1e9;
    double cpuSeconds = (SYSTEM.getProcessCpuTime() - cpuAtStart) / 1e9;
    System.out.printf(
        "{\"records\":%d,\"seconds\":%.3f,\"cpuSeconds\":%.3f,\"peakRssBytes\":%d}%n",
        processed, seconds, cpuSeconds, peakRssBytes());
    System.exit(0);
  }

  private static long peakRssBytes() throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/self/status")))
      if (line.startsWith("VmHWM:")) return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
    return 0;
  }

  private static <T> Serde<T> json(Class<T> type) {
    Serializer<T> serializer =
        (topic, value) -> {
          try {
            return value == null ? null : JSON.writeValueAsBytes(value);
          } catch (Exception cause) {
            throw new IllegalStateException(cause);
          }
        };
    Deserializer<T> deserializer =
        (topic, bytes) -> {
          try {
            return bytes == null ? null : JSON.readValue(bytes, type);
          } catch (Exception cause) {
            throw new IllegalStateException(cause);
          }
        };
    return Serdes.serdeFrom(serializer, deserializer);
  }
}
