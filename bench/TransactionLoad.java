// Java's transactional producer under the load of bench/transactions.mjs: for each line of input, a
// count, it runs so many transactions one after another, and prints how long that took.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class TransactionLoad {
  public static void main(String[] arguments) throws Exception {
    String topic = arguments[1];
    int recordCount = Integer.parseInt(arguments[2]);
    Properties properties = new Properties();
    properties.put("bootstrap.servers", arguments[0]);
    properties.put("transactional.id", topic);
    properties.put("key.serializer", ByteArraySerializer.class.getName());
    properties.put("value.serializer", ByteArraySerializer.class.getName());
    for (int index = 3; index < arguments.length; index++) {
      String[] setting = arguments[index].split("=", 2);
      properties.put(setting[0], setting[1]);
    }
    byte[] value = new byte[100];
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties)) {
      producer.initTransactions();
      BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
      for (String line = input.readLine(); line != null; line = input.readLine()) {
        int count = Integer.parseInt(line);
        long cpuStart = cpuNs();
        long start = System.nanoTime();
        for (int number = 0; number < count; number++) {
          producer.beginTransaction();
          for (int index = 0; index < recordCount; index++) {
            byte[] key = Integer.toString(index).getBytes("UTF-8");
            producer.send(new ProducerRecord<>(topic, key, value));
          }
          producer.commitTransaction();
        }
        double elapsedMs = (System.nanoTime() - start) / 1e6;
        double cpuMs = (cpuNs() - cpuStart) / 1e6;
        System.out.println("{\"elapsedMs\":" + elapsedMs + ",\"cpuMs\":" + cpuMs + "}");
      }
    }
  }

  private static long cpuNs() {
    var system = ManagementFactory.getOperatingSystemMXBean();
    return ((com.sun.management.OperatingSystemMXBean) system).getProcessCpuTime();
  }
}
