// Java's producer as a contestant of `npm run bench`: its task comes from BENCH_*, its report is
// one line of JSON. send() with a callback for each record; one by one it waits for the future.

import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class JavaLoad {
  private static final int COUNT = number("N", 100_000);
  private static final int WARMUP = number("WARMUP", 1000);
  private static final int VALUE_BYTES = number("SIZE", 100);
  private static final int KEY_BYTES = number("KEY_SIZE", 16);
  private static final AtomicInteger errors = new AtomicInteger();
  private static byte[] corpus;
  private static KafkaProducer<byte[], byte[]> producer;

  private static String text(String name, String otherwise) {
    String value = System.getenv("BENCH_" + name);
    return value == null || value.isEmpty() ? otherwise : value;
  }

  private static int number(String name, int otherwise) {
    return Integer.parseInt(text(name, String.valueOf(otherwise)));
  }

  private static Properties properties() {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", text("BROKERS", "127.0.0.1:9092"));
    properties.put("acks", "all");
    properties.put("linger.ms", text("LINGER_MS", "5"));
    // What measured best here: its default of 16 KiB is slower, a megabyte is too.
    properties.put("batch.size", "131072");
    properties.put("buffer.memory", "67108864");
    properties.put("compression.type", text("COMPRESSION", "none"));
    properties.put("enable.idempotence", String.valueOf(text("IDEMPOTENT", "0").equals("1")));
    properties.put("key.serializer", ByteArraySerializer.class.getName());
    properties.put("value.serializer", ByteArraySerializer.class.getName());
    return properties;
  }

  /** The key of record i is i in decimal digits, led by zeros. */
  private static ProducerRecord<byte[], byte[]> record(int index) {
    byte[] key = new byte[KEY_BYTES];
    Arrays.fill(key, (byte) '0');
    int rest = index;
    for (int at = KEY_BYTES - 1; rest > 0; at--, rest /= 10) key[at] += rest % 10;
    int from = index % (corpus.length / VALUE_BYTES) * VALUE_BYTES;
    byte[] value = Arrays.copyOfRange(corpus, from, from + VALUE_BYTES);
    return new ProducerRecord<>(text("TOPIC", "bench"), key, value);
  }

  private static Callback counted(Runnable then) {
    return (metadata, error) -> {
      if (error != null || metadata.offset() < 0) errors.incrementAndGet();
      then.run();
    };
  }

  private static void bulk(int from, int to) {
    Callback counted = counted(() -> {});
    for (int index = from; index < to; index++) producer.send(record(index), counted);
    producer.flush();
  }

  /** Sends one record; its time goes into `latencies`. */
  private static Future<?> timed(int index, double[] latencies, Runnable then) {
    long start = System.nanoTime();
    Runnable done =
        () -> {
          latencies[index] = (System.nanoTime() - start) / 1e6;
          then.run();
        };
    return producer.send(record(index), counted(done));
  }

  private static void openLoop(double[] latencies, long start) {
    int perSecond = number("RATE", 2000);
    for (int next = 0; next < latencies.length; ) {
      int due = (int) ((System.nanoTime() - start) / 1e9 * perSecond) + 1;
      for (; next < due && next < latencies.length; next++) timed(next, latencies, () -> {});
      LockSupport.parkNanos(1_000_000);
    }
    producer.flush();
  }

  private static void closedLoop(double[] latencies, int concurrency) throws Exception {
    Semaphore free = new Semaphore(concurrency);
    for (int index = 0; index < latencies.length; index++) {
      free.acquire();
      timed(index, latencies, free::release);
    }
    free.acquire(concurrency);
  }

  private static double cpuSeconds() {
    var system = ManagementFactory.getOperatingSystemMXBean();
    return ((com.sun.management.OperatingSystemMXBean) system).getProcessCpuTime() / 1e9;
  }

  /** Peak memory of the process; 0 where the system does not tell it this way. */
  private static double peakMegabytes() throws Exception {
    Path status = Path.of("/proc/self/status");
    if (!Files.exists(status)) return 0;
    for (String line : Files.readAllLines(status)) {
      if (line.startsWith("VmHWM:")) return Double.parseDouble(line.replaceAll("\\D", "")) / 1024;
    }
    return 0;
  }

  public static void main(String[] arguments) throws Exception {
    corpus = Files.readAllBytes(Path.of(text("CORPUS", "")));
    producer = new KafkaProducer<>(properties());
    bulk(COUNT, COUNT + WARMUP);
    String mode = text("MODE", "throughput");
    boolean awaited = !mode.equals("throughput") && !mode.equals("flood");
    double[] latencies = new double[awaited ? COUNT : 0];
    double cpuStart = cpuSeconds();
    long start = System.nanoTime();
    switch (mode) {
      case "throughput", "flood" -> bulk(0, COUNT);
      case "latency" -> openLoop(latencies, start);
      case "sync" -> {
        for (int index = 0; index < COUNT; index++) timed(index, latencies, () -> {}).get();
      }
      case "concurrent" -> closedLoop(latencies, number("CONCURRENCY", 1000));
      default -> throw new IllegalArgumentException("no such mode: " + mode);
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    double cpu = cpuSeconds() - cpuStart;
    StringBuilder report = new StringBuilder();
    report.append(
        String.format(
            Locale.ROOT,
            "{\"records\":%d,\"errors\":%d,\"seconds\":%f,\"cpu_s\":%f,\"rss_mb\":%f",
            COUNT, errors.get(), seconds, cpu, peakMegabytes()));
    if (awaited) {
      Arrays.sort(latencies);
      report.append(
          String.format(
              Locale.ROOT,
              ",\"p50\":%f,\"p99\":%f,\"p999\":%f",
              latencies[(int) (0.5 * (COUNT - 1))],
              latencies[(int) (0.99 * (COUNT - 1))],
              latencies[(int) (0.999 * (COUNT - 1))]));
    }
    System.out.println(report.append("}"));
    producer.close();
  }
}
