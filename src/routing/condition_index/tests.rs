use super::ConditionIndex;
use crate::routing::condition::Condition;
use crate::routing::field_values::{FieldTable, FieldValues};
use crate::routing::pointer::Pointer;
use crate::routing::table::tests::event;
use crate::routing::{Operator, Predicate};
use justcall_events::{Picks, scan_with};
use std::sync::Arc;

/// Conditions of a route: pointers with the required texts. No texts stand for `exists`.
type When<'a> = &'a [(&'a str, &'a [&'a str])];

fn candidates(routes: &[When<'_>], fields: &str) -> Vec<usize> {
    let mut pointers = FieldTable::default();
    let mut condition = |(pointer, texts): &(&str, &[&str])| {
        let wanted = match texts {
            [] => Operator::Exists(true),
            texts => Operator::OneOf(texts.iter().map(|text| (*text).into()).collect()),
        };
        let pointed = pointers.add(Pointer::parse(pointer).unwrap());
        Condition::new(pointed, Predicate { operator: wanted, ignore_case: pointer.ends_with("loose") })
            .unwrap()
    };
    let routes: Vec<Arc<[_]>> = routes.iter().map(|when| when.iter().map(&mut condition).collect()).collect();
    let body = format!(r#"{{"event":"x.y",{fields}"data":{{}}}}"#);
    let mut picks = Picks::of(pointers.picks());
    scan_with(body.as_bytes(), &mut picks).unwrap();
    ConditionIndex::new(&routes).candidates(&FieldValues::new(&pointers, &picks, &event("x.y"))).collect()
}

#[test]
fn routes_for_another_text_are_skipped_in_order() {
    let routes: [When<'_>; 7] = [
        &[("/a", &["1"])],
        &[],
        &[("/a", &["2"])],
        &[("/a", &["1", "2", "1"]), ("/b", &["x"])],
        &[("/b", &["y"])],
        &[("/a", &[])],
        &[("/a", &["1"])],
    ];
    assert_eq!(candidates(&routes, r#""a":1,"#), [0, 1, 3, 4, 5, 6]);
    assert_eq!(candidates(&routes, r#""a":"2","#), [1, 2, 3, 4, 5]);
    assert_eq!(candidates(&routes, r#""a":"3","#), [1, 4, 5]);
    assert_eq!(candidates(&routes, ""), [1, 4, 5]);
}

#[test]
fn conditions_that_ignore_case_are_not_indexed() {
    let routes: [When<'_>; 2] = [&[("/loose", &["a"])], &[("/loose", &["b"])]];
    assert_eq!(candidates(&routes, r#""loose":"B","#), [0, 1]);
}

#[test]
fn without_an_indexed_condition_every_route_is_a_candidate() {
    let routes: [When<'_>; 2] = [&[], &[("/a", &[])]];
    assert_eq!(candidates(&routes, r#""a":1,"#), [0, 1]);
    assert_eq!(candidates(&[], ""), [0; 0]);
}
