// Java's producer under the load of sick-broker-load.ts: the same plan, the same report; the load
// ends by time only. Each kind of record has a thread of its own, so that send() blocks no other
// kind.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class SickBrokerLoad {
  private static final long LAG_NS_MAX = 100_000_000L;
  private static final ObjectMapper json = new ObjectMapper();

  private final JsonNode plan;
  private final String topic;
  private final byte[] value;
  private final long loadNs;
  private final int bucketMs;
  private final KafkaProducer<byte[], byte[]> producer;
  private final Counts keyless;
  private final Counts keyed;
  private final ObjectNode failed = json.createObjectNode();
  private long startNs;

  private final class Counts {
    final int[][] sent;
    final int[][] delivered;

    Counts(int partitions, int buckets) {
      sent = new int[partitions][buckets];
      delivered = new int[partitions][buckets];
    }

    synchronized void note(int partition, int sentAt) {
      count(sent[partition], sentAt);
      count(delivered[partition], bucket());
    }

    private void count(int[] series, int bucket) {
      if (bucket < series.length) series[bucket] += 1;
    }

    synchronized ObjectNode report() {
      ObjectNode report = json.createObjectNode();
      report.set("sent", json.valueToTree(sent));
      report.set("delivered", json.valueToTree(delivered));
      return report;
    }
  }

  private SickBrokerLoad(JsonNode plan) {
    this.plan = plan;
    topic = plan.get("topic").asText();
    value = "x".repeat(plan.get("valueBytes").asInt()).getBytes();
    bucketMs = plan.get("bucketMs").asInt();
    int loadMs = plan.get("loadMs").asInt();
    int partitions = plan.get("partitions").asInt();
    loadNs = loadMs * 1_000_000L;
    keyless = new Counts(partitions, loadMs / bucketMs + 1);
    keyed = new Counts(partitions, loadMs / bucketMs + 1);
    Properties properties = new Properties();
    properties.put("key.serializer", ByteArraySerializer.class.getName());
    properties.put("value.serializer", ByteArraySerializer.class.getName());
    for (var entry : plan.get("properties").properties()) {
      properties.put(entry.getKey(), entry.getValue().asText());
    }
    producer = new KafkaProducer<>(properties);
  }

  private int bucket() {
    return (int) ((System.nanoTime() - startNs) / 1_000_000 / bucketMs);
  }

  private synchronized void onFailed(String name) {
    failed.put(name, failed.path(name).asInt() + 1);
  }

  private void send(byte[] key, Counts counts) {
    int sentAt = bucket();
    ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, key, value);
    producer.send(
        record,
        (metadata, error) -> {
          if (error == null) counts.note(metadata.partition(), sentAt);
          else onFailed((key == null ? "keyless " : "keyed ") + error.getClass().getSimpleName());
        });
  }

  /** Sends at the rate until the load is over; keys are used in turn, null = records without. */
  private void sendAll(int perSecond, List<byte[]> keys, Counts counts) {
    if (perSecond == 0) return;
    long stepNs = 1_000_000_000L / perSecond;
    long scheduleNs = 0;
    int count = 0;
    for (; ; ) {
      long nowNs = System.nanoTime() - startNs;
      if (nowNs >= loadNs) return;
      scheduleNs = Math.max(scheduleNs, nowNs - LAG_NS_MAX);
      for (; scheduleNs < nowNs; scheduleNs += stepNs) {
        send(keys == null ? null : keys.get(count++ % keys.size()), counts);
      }
      LockSupport.parkNanos(2_000_000);
    }
  }

  private void run() throws Exception {
    List<Future<?>> first = new ArrayList<>();
    for (int partition = 0; partition < plan.get("partitions").asInt(); partition++) {
      first.add(producer.send(new ProducerRecord<>(topic, partition, null, value)));
    }
    for (Future<?> one : first) one.get();
    List<byte[]> keys = new ArrayList<>();
    for (JsonNode key : plan.get("keys")) keys.add(key.asText().getBytes());
    startNs = System.nanoTime();
    long beganAt = System.currentTimeMillis();
    System.out.println(json.createObjectNode().put("beganAt", beganAt));
    int keylessRate = plan.get("keylessPerSecond").asInt();
    int keyedRate = plan.get("keyedPerSecond").asInt();
    Thread keylessThread = new Thread(() -> sendAll(keylessRate, null, keyless));
    Thread keyedThread = new Thread(() -> sendAll(keyedRate, keys, keyed));
    keylessThread.start();
    keyedThread.start();
    keylessThread.join();
    keyedThread.join();
    System.out.println(json.createObjectNode().put("isEnough", false));
    producer.close(Duration.ofMinutes(3));
    ObjectNode report = json.createObjectNode().put("beganAt", beganAt);
    report.set("keyless", keyless.report());
    report.set("keyed", keyed.report());
    report.set("failed", failed);
    System.out.println(report);
  }

  public static void main(String[] args) throws Exception {
    new SickBrokerLoad(json.readTree(args[0])).run();
  }
}
