// Reads keys as hexadecimal lines, prints one line per key: its partition for each count, by
// sarama's NewHashPartitioner.
package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/IBM/sarama"
)

func main() {
	partitioner := sarama.NewHashPartitioner("topic")
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 65536)
	for lines.Scan() {
		key, err := hex.DecodeString(lines.Text())
		if err != nil {
			panic(err)
		}
		var partitions []string
		for _, argument := range os.Args[1:] {
			count, err := strconv.Atoi(argument)
			if err != nil {
				panic(err)
			}
			message := &sarama.ProducerMessage{Key: sarama.ByteEncoder(key)}
			partition, err := partitioner.Partition(message, int32(count))
			if err != nil {
				panic(err)
			}
			partitions = append(partitions, strconv.Itoa(int(partition)))
		}
		fmt.Println(strings.Join(partitions, ","))
	}
}
