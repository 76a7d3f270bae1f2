"""Service that reads the bridge's topics: copy it, and replace `work` with your own.

An offset is committed after the work, so a crash repeats work and loses none. A repeated event has the same
`ce_source` and `ce_id`. Sequential processing keeps the order of each key; run at most one process for each
partition.
"""

import json
import os
import signal
import sys
from collections import OrderedDict

from confluent_kafka import Consumer, KafkaException, Producer

# An id takes about 200 bytes.
REMEMBERED = 100_000

GROUP = os.environ.get("GROUP", "example-python")
TOPICS = os.environ.get("TOPICS", "justcall.call.completed").split(",")
DEAD_LETTER_TOPIC = os.environ.get("DEAD_LETTER_TOPIC", f"{GROUP}.dead-letter")
CLIENT = {"bootstrap.servers": os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")}

CONSUMER = CLIENT | {
    "group.id": GROUP,
    # A new group, or a new partition, begins with the first event.
    "auto.offset.reset": "earliest",
    # librdkafka commits every few seconds, at a rebalance and at the end, but only stored offsets.
    "enable.auto.commit": True,
    "enable.auto.offset.store": False,
    # Excludes records of an aborted replay.
    "isolation.level": "read_committed",
}
if "GROUP_INSTANCE_ID" in os.environ:
    CONSUMER["group.instance.id"] = os.environ["GROUP_INSTANCE_ID"]

PRODUCER = CLIENT | {
    "enable.idempotence": True,
    "partitioner": "murmur2_random",
    "message.timeout.ms": 60_000,
}


class Poison(Exception):
    """A tag for logs, without values of the body."""


class Seen:
    """Ids of the last events.

    A duplicate reaches the process of its first occurrence, unless that was restarted or the partition moved
    in between."""

    def __init__(self):
        self.ids = OrderedDict()

    def __contains__(self, identity):
        return identity in self.ids

    def add(self, identity):
        self.ids[identity] = None
        if len(self.ids) > REMEMBERED:
            self.ids.popitem(last=False)


def main():
    running = True

    def stop(_signal, _frame):
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    seen = Seen()
    dead_letters = Producer(PRODUCER)
    consumer = Consumer(CONSUMER)
    consumer.subscribe(TOPICS)
    try:
        # A rebalance happens inside of `poll`, never while a record is being processed.
        while running:
            message = consumer.poll(0.5)
            if message is None:
                continue
            if error := message.error():
                if error.fatal():
                    raise KafkaException(error)
                # A broker that is down or a topic that does not exist yet: librdkafka retries.
                print(error, file=sys.stderr)
                continue
            handle(message, seen, dead_letters)
            consumer.store_offsets(message)
    finally:
        # Commits the stored offsets and leaves the group.
        consumer.close()


def handle(message, seen, dead_letters):
    """Processes a record, unless it is a duplicate.

    An exception is transient, such as a database that is down: the process ends, and the next start retries
    this record."""
    headers = read_headers(message)
    event_id = headers.get("ce_id")
    # An id is unique only within its source.
    identity = (headers.get("ce_source"), event_id)
    if identity in seen:
        return
    try:
        if event_id is None:
            raise Poison("no_id")
        # Flushed, because the work is done only when the line is written.
        print(printable(work(event_id, headers, message.value())), flush=True)
    except Poison as poison:
        set_aside(message, str(poison), dead_letters)
    # After the work, or a failure above would make the retry a duplicate.
    if event_id is not None:
        seen.add(identity)


def work(event_id, headers, value):
    """Processes an event: here, it returns a line.

    Your service would write to its database and, in the same transaction, store source and id of the event,
    which outlive the process."""
    event_type = headers.get("ce_type")
    if event_type is None:
        raise Poison("no_type")
    # An unknown type or dialect is not an error: JustCall adds some.
    seconds = None
    match event_type, headers.get("ce_dialect"):
        case "call.completed", "documented":
            seconds = read_seconds(value, "duration")
        case "call.completed", "live":
            seconds = read_seconds(value, "call_duration", "total_duration")
    detail = "-" if seconds is None else f"{seconds}s"
    return f"{event_id} {event_type} {headers.get('ce_subject', '-')} {detail}"


def read_seconds(value, *path):
    try:
        found = json.loads(value)["data"]
        for name in path:
            found = (found or {}).get(name)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        # RecursionError: brackets within brackets, a thousand deep.
        raise Poison("unreadable") from error
    if found is not None and (not isinstance(found, int) or isinstance(found, bool)):
        raise Poison("unreadable")
    return found


def set_aside(message, reason, dead_letters):
    """Writes the unchanged record, which no retry can help, to the dead letters, with reason and origin."""
    place = f"{message.topic()}/{message.partition()}/{message.offset()}"
    headers = (message.headers() or []) + [("dlq_reason", reason), ("dlq_place", place), ("dlq_group", GROUP)]
    failures = []
    dead_letters.produce(
        DEAD_LETTER_TOPIC,
        key=message.key(),
        value=message.value(),
        headers=headers,
        on_delivery=lambda error, _: failures.append(error) if error else None,
    )
    # Returns once the letter is durable or has failed.
    if dead_letters.flush() or failures:
        raise KafkaException(*failures)
    print(f"{place}: set aside: {reason}", file=sys.stderr)


def printable(text):
    """Escapes characters that terminals interpret, because senders choose the text."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def read_headers(message):
    headers = message.headers() or []
    return {name: value.decode("utf-8", "replace") for name, value in headers if value is not None}


if __name__ == "__main__":
    main()
