package example;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Duration;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

import static java.nio.charset.StandardCharsets.UTF_8;

/**
 * Service that reads the bridge's topics: copy it, and replace {@link #work} with your own.
 *
 * <p>An offset is committed after the work, so a crash repeats work and loses none. A repeated event has
 * the same {@code ce_source} and {@code ce_id}. Sequential processing keeps the order of each key; run at
 * most one process for each partition.
 */
public final class EventConsumer implements ConsumerRebalanceListener {
    /** An id takes about 150 bytes. */
    private static final int REMEMBERED = 100_000;

    private static final Pattern OBEYED = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]");

    private static final ObjectMapper JSON = new ObjectMapper();

    private final String group = setting("GROUP", "example-java");
    private final String deadLetterTopic = setting("DEAD_LETTER_TOPIC", group + ".dead-letter");
    private final KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(consumerProperties(group));
    private final KafkaProducer<byte[], byte[]> deadLetters = new KafkaProducer<>(producerProperties());

    /**
     * Ids of the last events.
     *
     * <p>A duplicate reaches the process of its first occurrence, unless that was restarted or the partition
     * moved in between.
     */
    private final Set<String> seen = Collections.newSetFromMap(new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Boolean> eldest) {
            return size() > REMEMBERED;
        }
    });

    /** After the processed records that are not committed yet. */
    private final Map<TopicPartition, OffsetAndMetadata> done = new HashMap<>();

    private volatile boolean running = true;

    public static void main(String[] args) throws Exception {
        EventConsumer service = new EventConsumer();
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            service.running = false;
            try {
                main.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        service.run(List.of(setting("TOPICS", "justcall.call.completed").split(",")));
    }

    private void run(List<String> topics) throws Exception {
        // Closes both: the consumer commits by `onPartitionsRevoked` and leaves the group.
        try (consumer; deadLetters) {
            consumer.subscribe(topics, this);
            while (running) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) {
                    handle(record);
                    done.put(
                        new TopicPartition(record.topic(), record.partition()),
                        new OffsetAndMetadata(record.offset() + 1));
                    if (!running) {
                        break;
                    }
                }
                commit();
            }
        }
    }

    /**
     * Processes a record, unless it is a duplicate.
     *
     * <p>An exception is transient, such as a database that is down: the process ends, and the next start
     * retries this record.
     */
    private void handle(ConsumerRecord<byte[], byte[]> record) throws Exception {
        String id = header(record, "ce_id");
        // An id is unique only within its source.
        String identity = header(record, "ce_source") + "\n" + id;
        if (seen.contains(identity)) {
            return;
        }
        try {
            if (id == null) {
                throw new Poison("no_id");
            }
            System.out.println(printable(work(id, record)));
        } catch (Poison poison) {
            setAside(record, poison);
        }
        // After the work, or a failure above would make the retry a duplicate.
        if (id != null) {
            seen.add(identity);
        }
    }

    /**
     * Processes an event: here, it returns a line.
     *
     * <p>Your service would write to its database and, in the same transaction, store source and id of the
     * event, which outlive the process.
     */
    private static String work(String id, ConsumerRecord<byte[], byte[]> record) throws Poison {
        String type = header(record, "ce_type");
        if (type == null) {
            throw new Poison("no_type");
        }
        String subject = header(record, "ce_subject");
        String dialect = header(record, "ce_dialect");
        // An unknown type or dialect is not an error: JustCall adds some.
        String detail = "-";
        if (type.equals("call.completed") && "documented".equals(dialect)) {
            detail = seconds(record, "/data/duration");
        } else if (type.equals("call.completed") && "live".equals(dialect)) {
            detail = seconds(record, "/data/call_duration/total_duration");
        }
        return String.join(" ", id, type, subject == null ? "-" : subject, detail);
    }

    private static String seconds(ConsumerRecord<byte[], byte[]> record, String pointer) throws Poison {
        JsonNode seconds;
        try {
            // A missing value reads as a missing node, not as an exception.
            seconds = JSON.readTree(record.value() == null ? new byte[0] : record.value()).at(pointer);
        } catch (IOException e) {
            throw new Poison("unreadable");
        }
        if (seconds.isMissingNode() || seconds.isNull()) {
            return "-";
        }
        if (!seconds.isIntegralNumber()) {
            throw new Poison("unreadable");
        }
        return seconds.asLong() + "s";
    }

    /** Writes the unchanged record, which no retry can help, to the dead letters, with reason and origin. */
    private void setAside(ConsumerRecord<byte[], byte[]> record, Poison poison) throws Exception {
        String place = record.topic() + "/" + record.partition() + "/" + record.offset();
        var letter = new ProducerRecord<>(deadLetterTopic, null, record.key(), record.value(), record.headers());
        letter.headers().add("dlq_reason", poison.getMessage().getBytes(UTF_8));
        letter.headers().add("dlq_place", place.getBytes(UTF_8));
        letter.headers().add("dlq_group", group.getBytes(UTF_8));
        // Returns once the letter is durable.
        deadLetters.send(letter).get();
        System.err.println(place + ": set aside: " + poison.getMessage());
    }

    private void commit() {
        try {
            consumer.commitSync(done);
            done.clear();
        } catch (RebalanceInProgressException e) {
            // The next poll resolves it, and commits the rest of `done` if its partition is revoked.
        } catch (CommitFailedException e) {
            // Too late: other consumers own the partitions and repeat the work.
            done.clear();
        }
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        commit();
    }

    @Override
    public void onPartitionsLost(Collection<TopicPartition> partitions) {
        done.keySet().removeAll(partitions);
    }

    /** Escapes characters that terminals interpret, because senders choose the text. */
    private static String printable(String text) {
        return OBEYED.matcher(text).replaceAll(found -> String.format("\\\\u%04x", found.group().codePointAt(0)));
    }

    private static String header(ConsumerRecord<byte[], byte[]> record, String name) {
        Header header = record.headers().lastHeader(name);
        return header == null || header.value() == null ? null : new String(header.value(), UTF_8);
    }

    private static Properties consumerProperties(String group) {
        Properties properties = client();
        properties.put("group.id", group);
        properties.put("key.deserializer", ByteArrayDeserializer.class.getName());
        properties.put("value.deserializer", ByteArrayDeserializer.class.getName());
        // A new group, or a new partition, begins with the first event.
        properties.put("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        // Excludes records of an aborted replay. Java's default includes them.
        properties.put("isolation.level", "read_committed");
        String instance = System.getenv("GROUP_INSTANCE_ID");
        if (instance != null) {
            properties.put("group.instance.id", instance);
        }
        return properties;
    }

    /** The producer is idempotent and waits for all replicas by default. */
    private static Properties producerProperties() {
        Properties properties = client();
        properties.put("key.serializer", ByteArraySerializer.class.getName());
        properties.put("value.serializer", ByteArraySerializer.class.getName());
        return properties;
    }

    private static Properties client() {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", setting("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"));
        return properties;
    }

    private static String setting(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }

    /** A tag for logs, without values of the body. */
    private static final class Poison extends Exception {
        Poison(String reason) {
            super(reason);
        }
    }
}
