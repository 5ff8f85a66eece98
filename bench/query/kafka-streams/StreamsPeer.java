import com.fasterxml.jackson.databind.ObjectMapper;
import io.undertow.Undertow;
import io.undertow.util.Headers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;

/** The application of the bench `query`, written with Kafka Streams: the balance of each account, exactly once, asked over HTTP by Undertow. */
public final class StreamsPeer {
  public record Transaction(String id, String accountId, long amount, String currency, long at) {}

  public record Balance(String accountId, long balance, long count, long min, long max, long lastAt) {
    Balance apply(Transaction tx) {
      if (count == 0) return new Balance(tx.accountId(), tx.amount(), 1, tx.amount(), tx.amount(), tx.at());
      return new Balance(
          accountId, balance + tx.amount(), count + 1, Math.min(min, tx.amount()), Math.max(max, tx.amount()), tx.at());
    }
  }

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final AtomicLong PROCESSED = new AtomicLong();

  public static void main(String[] args) {
    String brokers = args[0];
    String stateDir = args[1];
    int port = Integer.parseInt(args[2]);
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream("peer-in", Consumed.with(Serdes.String(), json(Transaction.class)))
        .groupByKey(Grouped.with(Serdes.String(), json(Transaction.class)))
        .aggregate(
            () -> new Balance("", 0, 0, 0, 0, 0),
            (account, tx, balance) -> {
              PROCESSED.incrementAndGet();
              return balance.apply(tx);
            },
            Materialized.<String, Balance, KeyValueStore<Bytes, byte[]>>as("balances")
                .withKeySerde(Serdes.String())
                .withValueSerde(json(Balance.class)));
    Properties config = new Properties();
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, "peer");
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    config.put(StreamsConfig.STATE_DIR_CONFIG, stateDir);
    config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
    config.put("auto.offset.reset", "earliest");
    KafkaStreams streams = new KafkaStreams(builder.build(), config);
    streams.start();
    serve(streams, port);
  }

  private static void serve(KafkaStreams streams, int port) {
    String prefix = "/stores/balances/entries/";
    Undertow.builder()
        .addHttpListener(port, "127.0.0.1")
        .setHandler(
            exchange -> {
              String path = exchange.getRequestPath();
              exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, "application/json");
              if (path.startsWith(prefix)) {
                ReadOnlyKeyValueStore<String, Balance> store =
                    streams.store(StoreQueryParameters.fromNameAndType("balances", QueryableStoreTypes.keyValueStore()));
                Balance balance = store.get(path.substring(prefix.length()));
                if (balance == null) {
                  exchange.setStatusCode(404).endExchange();
                  return;
                }
                exchange.getResponseSender().send(ByteBuffer.wrap(JSON.writeValueAsBytes(balance)));
                return;
              }
              if (path.equals("/pause")) streams.pause();
              if (path.equals("/resume")) streams.resume();
              String state = "{\"processed\":" + PROCESSED.get() + ",\"state\":\"" + streams.state() + "\"}";
              exchange.getResponseSender().send(state, StandardCharsets.UTF_8);
            })
        .build()
        .start();
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
