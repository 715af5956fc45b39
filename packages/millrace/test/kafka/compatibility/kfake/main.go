// franz-go's fake cluster (kfake) as a process, and franz-go's consumer as a judge. kfake.ts starts
// both. "serve" ends when its standard input closes; "read" prints a topic, one record a line.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(arguments []string) {
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	ports := flags.String("ports", "", "ports of the plain cluster, one for each node")
	data := flags.String("data", "", "folder of the plain cluster's data")
	securePort := flags.Int("secure-port", 0, "port of the cluster with TLS and SASL")
	cert := flags.String("cert", "", "PEM file of the certificate")
	key := flags.String("key", "", "PEM file of the private key")
	user := flags.String("user", "", "user of the secure cluster")
	password := flags.String("password", "", "password of the user")
	fail(flags.Parse(arguments))

	var numbers []int
	for _, text := range strings.Split(*ports, ",") {
		number, err := strconv.Atoi(text)
		fail(err)
		numbers = append(numbers, number)
	}
	common := []kfake.Opt{kfake.AllowAutoTopicCreation(), kfake.DefaultNumPartitions(3)}
	plain, err := kfake.NewCluster(append(common,
		kfake.NumBrokers(len(numbers)), kfake.Ports(numbers...),
		kfake.DataDir(*data), kfake.SyncWrites())...)
	fail(err)
	identity, err := tls.LoadX509KeyPair(*cert, *key)
	fail(err)
	secure, err := kfake.NewCluster(append(common,
		kfake.NumBrokers(1), kfake.Ports(*securePort),
		kfake.TLS(&tls.Config{Certificates: []tls.Certificate{identity}}),
		kfake.EnableSASL(),
		kfake.Superuser("PLAIN", *user, *password),
		kfake.Superuser("SCRAM-SHA-256", *user, *password),
		kfake.Superuser("SCRAM-SHA-512", *user, *password))...)
	fail(err)
	fmt.Println("ready")
	// Only the end of the input stops it, in order: kfake writes its data then.
	signal.Ignore(syscall.SIGTERM)
	_, _ = io.Copy(io.Discard, os.Stdin)
	secure.Close()
	plain.Close()
}

type header struct {
	Key   string  `json:"key"`
	Value *[]byte `json:"value"`
}

type record struct {
	Partition int32    `json:"partition"`
	Offset    int64    `json:"offset"`
	Timestamp int64    `json:"timestamp"`
	Key       *[]byte  `json:"key"`
	Value     *[]byte  `json:"value"`
	Headers   []header `json:"headers"`
}

func pointer(bytes []byte) *[]byte {
	if bytes == nil {
		return nil
	}
	return &bytes
}

func read(arguments []string) {
	flags := flag.NewFlagSet("read", flag.ExitOnError)
	brokers := flags.String("brokers", "", "addresses to start from")
	topic := flags.String("topic", "", "the topic")
	count := flags.Int("count", 0, "how many records are expected")
	committed := flags.Bool("committed", false, "only what was committed")
	fail(flags.Parse(arguments))

	options := []kgo.Opt{
		kgo.SeedBrokers(strings.Split(*brokers, ",")...),
		kgo.ConsumeTopics(*topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	}
	if *committed {
		options = append(options, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	client, err := kgo.NewClient(options...)
	fail(err)
	defer client.Close()
	encoder := json.NewEncoder(os.Stdout)
	found := 0
	// Reads on for a moment after the last record that is expected: there must be no more.
	for quiet := 0; found < *count || quiet < 2; {
		limit, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		if found >= *count {
			limit, cancel = context.WithTimeout(context.Background(), 300*time.Millisecond)
			quiet++
		}
		fetches := client.PollFetches(limit)
		isLate := limit.Err() != nil
		cancel()
		before := found
		fetches.EachRecord(func(one *kgo.Record) {
			found++
			headers := []header{}
			for _, each := range one.Headers {
				headers = append(headers, header{each.Key, pointer(each.Value)})
			}
			fail(encoder.Encode(record{
				one.Partition, one.Offset, one.Timestamp.UnixMilli(),
				pointer(one.Key), pointer(one.Value), headers,
			}))
		})
		if isLate && found == before && found < *count {
			fail(fmt.Errorf("read %d records, expected %d", found, *count))
		}
	}
}

func main() {
	switch os.Args[1] {
	case "serve":
		serve(os.Args[2:])
	case "read":
		read(os.Args[2:])
	default:
		fail(fmt.Errorf("unknown command %q", os.Args[1]))
	}
}
