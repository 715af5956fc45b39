// Reads keys as hexadecimal lines, prints one line per key: its partition for each count, by
// Java's client.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.stream.Collectors;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;

class KeyPartitions {
    public static void main(String[] arguments) throws Exception {
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            byte[] key = HexFormat.of().parseHex(line);
            System.out.println(Arrays.stream(arguments)
                .map(count -> BuiltInPartitioner.partitionForKey(key, Integer.parseInt(count)))
                .map(String::valueOf)
                .collect(Collectors.joining(",")));
        }
    }
}
