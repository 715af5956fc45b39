/* Reads keys as hexadecimal lines, prints one line per key: its partition for each count, by
 * librdkafka's consistent_random; "random" for the empty key. */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
  static char line[65536];
  static unsigned char key[32768];
  while (fgets(line, sizeof(line), stdin)) {
    size_t length = strcspn(line, "\n") / 2;
    for (size_t i = 0; i < length; i++) sscanf(line + 2 * i, "%2hhx", &key[i]);
    if (length == 0) {
      puts("random");
      continue;
    }
    for (int i = 1; i < argc; i++)
      printf("%s%d", i > 1 ? "," : "",
             rd_kafka_msg_partitioner_consistent_random(NULL, key, length, atoi(argv[i]),
                                                        NULL, NULL));
    puts("");
  }
  return 0;
}
