// `write`: prints, for each codec, one line "codec case hex" with a batch that Java's client makes.
// `read`: reads such lines with batches of someone else and prints each record that Java's client
// finds in them: "codec case offset timestamp key value headers", bytes as hexadecimal, null as
// "null".
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.stream.Collectors;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.Record;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.record.SimpleRecord;

class JavaBatches {
    static final HexFormat HEX = HexFormat.of();

    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("write")) write();
        else read();
    }

    static byte[] text(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static SimpleRecord[] few() {
        long time = 1_700_000_000_000L;
        Header[] headers = {
            new RecordHeader("trace", text("abc")),
            new RecordHeader("trace", null),
            new RecordHeader("grün", new byte[] {0, (byte) 0xff}),
        };
        return new SimpleRecord[] {
            new SimpleRecord(time, text("order-1"), text("{\"id\":1,\"currency\":\"EUR\"}")),
            new SimpleRecord(time + 5, null, text("{\"id\":2,\"currency\":\"EUR\"}"), headers),
            new SimpleRecord(time - 3, text("order-3"), null),
            new SimpleRecord(time + 7, new byte[0], new byte[0]),
        };
    }

    /** More than one block of every codec's framing. */
    static SimpleRecord[] large() {
        byte[] value = new byte[150_000];
        for (int index = 0; index < value.length; index++) value[index] = (byte) (index / 1000);
        return new SimpleRecord[] {new SimpleRecord(1_700_000_000_000L, text("large"), value)};
    }

    static void write() {
        for (CompressionType type : CompressionType.values()) {
            print(type, "few", few());
            if (type != CompressionType.NONE) print(type, "large", large());
        }
    }

    static void print(CompressionType type, String name, SimpleRecord[] records) {
        Compression compression = Compression.of(type).build();
        ByteBuffer bytes = MemoryRecords.withRecords(42L, compression, records).buffer();
        byte[] batch = new byte[bytes.remaining()];
        bytes.get(batch);
        System.out.println(type.name + " " + name + " " + HEX.formatHex(batch));
    }

    static void read() throws Exception {
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] parts = line.split(" ");
            ByteBuffer bytes = ByteBuffer.wrap(HEX.parseHex(parts[2]));
            MemoryRecords records = MemoryRecords.readableRecords(bytes);
            for (RecordBatch batch : records.batches()) {
                batch.ensureValid();
                if (!batch.compressionType().name.equals(parts[0])) throw new Exception("codec");
                for (Record record : batch) print(parts[0] + " " + parts[1], record);
            }
        }
    }

    static void print(String start, Record record) {
        String headers = Arrays.stream(record.headers())
            .map(header -> header.key() + "=" + hex(wrap(header.value())))
            .collect(Collectors.joining(","));
        String numbers = record.offset() + " " + record.timestamp();
        String data = hex(record.key()) + " " + hex(record.value());
        System.out.println(String.join(" ", start, numbers, data, headers));
    }

    static ByteBuffer wrap(byte[] bytes) {
        return bytes == null ? null : ByteBuffer.wrap(bytes);
    }

    static String hex(ByteBuffer bytes) {
        if (bytes == null) return "null";
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(copy);
        return HEX.formatHex(copy);
    }
}
