use super::Index;
use crate::routing::condition::Condition;
use crate::routing::pointer::Pointer;
use crate::routing::table::tests::event;
use crate::routing::values::{Pointers, Values};
use crate::routing::{Test, Wanted};
use justcall_events::{Picks, scan_with};
use std::sync::Arc;

/// A route's conditions, each a pointer and the texts it asks for; none stands for `exists`.
type When<'a> = &'a [(&'a str, &'a [&'a str])];

fn places(routes: &[When<'_>], fields: &str) -> Vec<usize> {
    let mut pointers = Pointers::default();
    let mut condition = |(pointer, texts): &(&str, &[&str])| {
        let wanted = match texts {
            [] => Wanted::Exists(true),
            texts => Wanted::OneOf(texts.iter().map(|text| (*text).into()).collect()),
        };
        let pointed = pointers.add(Pointer::parse(pointer).unwrap());
        Condition::new(pointed, Test { wanted, ignore_case: pointer.ends_with("loose") }).unwrap()
    };
    let routes: Vec<Arc<[_]>> = routes.iter().map(|when| when.iter().map(&mut condition).collect()).collect();
    let body = format!(r#"{{"event":"x.y",{fields}"data":{{}}}}"#);
    let mut picks = Picks::of(pointers.picks());
    scan_with(body.as_bytes(), &mut picks).unwrap();
    Index::new(&routes).places(&Values::new(&pointers, &picks, &event("x.y"))).collect()
}

#[test]
fn routes_that_ask_for_another_text_are_passed_over_and_order_stays() {
    let routes: [When<'_>; 7] = [
        &[("/a", &["1"])],
        &[],
        &[("/a", &["2"])],
        &[("/a", &["1", "2", "1"]), ("/b", &["x"])],
        &[("/b", &["y"])],
        &[("/a", &[])],
        &[("/a", &["1"])],
    ];
    assert_eq!(places(&routes, r#""a":1,"#), [0, 1, 3, 4, 5, 6]);
    assert_eq!(places(&routes, r#""a":"2","#), [1, 2, 3, 4, 5]);
    assert_eq!(places(&routes, r#""a":"3","#), [1, 4, 5]);
    assert_eq!(places(&routes, ""), [1, 4, 5]);
}

#[test]
fn conditions_that_ignore_case_are_never_passed_over() {
    let routes: [When<'_>; 2] = [&[("/loose", &["a"])], &[("/loose", &["b"])]];
    assert_eq!(places(&routes, r#""loose":"B","#), [0, 1]);
}

#[test]
fn without_any_such_condition_every_route_is_tried() {
    let routes: [When<'_>; 2] = [&[], &[("/a", &[])]];
    assert_eq!(places(&routes, r#""a":1,"#), [0, 1]);
    assert_eq!(places(&[], ""), [0; 0]);
}
