use super::*;

fn place(topic: &str, partition: i32, offset: Offset) -> Place {
    Place { topic: topic.into(), partition, offset }
}

#[test]
fn only_partitions_with_something_to_read_are_read() {
    let firsts = [
        place("b", 0, Offset::Offset(3)),
        place("b", 1, Offset::Offset(7)),
        place("a", 0, Offset::End),
        place("a", 1, Offset::Offset(0)),
    ];
    let ends = [
        place("a", 0, Offset::Offset(9)),
        place("a", 1, Offset::Offset(1)),
        place("b", 0, Offset::Offset(5)),
        place("b", 1, Offset::Offset(7)),
        place("c", 0, Offset::Offset(2)),
    ];
    let found: Vec<_> = spans(&firsts, &ends)
        .into_values()
        .flatten()
        .map(|span| (span.topic, span.partition, span.first, span.end))
        .collect();
    assert_eq!(found, [("a".to_owned(), 1, 0, 1), ("b".to_owned(), 0, 3, 5)]);
}
