"""A service that reads the bridge's topics: copy it, and put your own work in place of `work`.

An offset is committed once the work is done, so a crash repeats work and never loses any. What comes
again has the same `ce_source` and `ce_id`. Records are worked on one after the other, which keeps the order of each key;
run more of these processes, up to the number of partitions, to do more at once.
"""

import json
import os
import signal
import sys
from collections import OrderedDict

from confluent_kafka import Consumer, KafkaException, Producer

# How many ids are remembered. An id takes about 200 bytes.
REMEMBERED = 100_000

GROUP = os.environ.get("GROUP", "example-python")
TOPICS = os.environ.get("TOPICS", "justcall.call.completed").split(",")
DEAD_LETTER_TOPIC = os.environ.get("DEAD_LETTER_TOPIC", f"{GROUP}.dead-letter")
CLIENT = {"bootstrap.servers": os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")}

CONSUMER = CLIENT | {
    "group.id": GROUP,
    # A new group, and a new partition, begins with the first event, not with the next one.
    "auto.offset.reset": "earliest",
    # The library commits every few seconds, when partitions are taken away and at the end, but only
    # what was stored, and this program stores what it has worked on.
    "enable.auto.commit": True,
    "enable.auto.offset.store": False,
    # Records of a replay that was undone are no events.
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
    """Why no retry can help. Its tag, and not a value of the body, goes into logs."""


class Seen:
    """The ids of the last events. A duplicate stands in the same partition as its first occurrence, so
    that one process sees both, unless it was restarted or the partition moved in between."""

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
        # Partitions are taken from this process and given to it inside of `poll`, which is never while
        # a record is being worked on.
        while running:
            message = consumer.poll(0.5)
            if message is None:
                continue
            if error := message.error():
                if error.fatal():
                    raise KafkaException(error)
                # A broker that is away, a topic that is not there yet: the library goes on trying.
                print(error, file=sys.stderr)
                continue
            handle(message, seen, dead_letters)
            consumer.store_offsets(message)
    finally:
        # Commits what is stored and leaves the group.
        consumer.close()


def handle(message, seen, dead_letters):
    """Works on a record, unless it was done before. An exception is one that may pass, such as a
    database that is away: it ends the process, which commits what was done before this record, and the
    next start tries it again."""
    headers = read_headers(message)
    event_id = headers.get("ce_id")
    # An id is unique for its source only.
    identity = (headers.get("ce_source"), event_id)
    if identity in seen:
        return
    try:
        if event_id is None:
            raise Poison("no_id")
        # Flushed, for the work is done only when the line is out.
        print(printable(work(event_id, headers, message.value())), flush=True)
    except Poison as poison:
        set_aside(message, str(poison), dead_letters)
    # Only now, or a failure above would make the next try a duplicate.
    if event_id is not None:
        seen.add(identity)


def work(event_id, headers, value):
    """What this service does with an event: here, a line. Yours would write to its database, and there,
    in the same transaction, source and id into a table of those it has seen; that outlives the process."""
    event_type = headers.get("ce_type")
    if event_type is None:
        raise Poison("no_type")
    # A type or a dialect that this service does not know is no error: JustCall adds some.
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
    """Keeps a record that no retry can help, as it is, with the reason and where it stood."""
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
    # Returns once the letter is durable or given up.
    if dead_letters.flush() or failures:
        raise KafkaException(*failures)
    print(f"{place}: set aside: {reason}", file=sys.stderr)


def printable(text):
    """Returns the text with every character escaped that a terminal would obey: the text is a sender's."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def read_headers(message):
    """Headers by name, as text."""
    headers = message.headers() or []
    return {name: value.decode("utf-8", "replace") for name, value in headers if value is not None}


if __name__ == "__main__":
    main()
