//! Lays one source of settings over another.

use crate::config::problem::Problem;
use crate::config::shape::{Nature, nature};
use config::{Value, ValueKind};

/// Lays `over` on `under`: maps key by key, anything else as a whole. A key without a value changes nothing.
///
/// A setting that is one value in one of them and a map in the other is a problem, unless it may be both.
pub(super) fn merge(path: &mut Vec<String>, under: &mut Value, over: Value, problems: &mut Vec<Problem>) {
    match (&under.kind, &over.kind) {
        (_, ValueKind::Nil) => {}
        (ValueKind::Table(_), ValueKind::Table(_)) => merge_maps(path, under, over, problems),
        (ValueKind::Nil, _) => *under = copy(over),
        (ValueKind::Table(_), _) | (_, ValueKind::Table(_)) => {
            let nature = nature(path);
            if nature == Nature::Either {
                *under = copy(over);
                return;
            }
            let is_map = |value: &Value| matches!(value.kind, ValueKind::Table(_));
            let (map, value) = if is_map(under) { (&*under, &over) } else { (&over, &*under) };
            let place = map.origin().unwrap_or_default();
            let reason = format!("is one value, and {place} sets keys under it");
            problems.push(Problem::with(path.join("."), value, reason));
            // The one that may be there, so that nothing else is wrong with it.
            let fits = match nature {
                Nature::Map => is_map(&over),
                Nature::Value => !is_map(&over),
                Nature::Either | Nature::Unknown => true,
            };
            if fits {
                *under = copy(over);
            }
        }
        _ => *under = copy(over),
    }
}

fn merge_maps(path: &mut Vec<String>, under: &mut Value, over: Value, problems: &mut Vec<Problem>) {
    let (ValueKind::Table(under), ValueKind::Table(over)) = (&mut under.kind, over.kind) else { return };
    let mut over: Vec<_> = over.into_iter().collect();
    // The order of a map differs from run to run, and problems must not.
    over.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    for (key, value) in over {
        match under.get_mut(&key) {
            Some(under) => {
                path.push(key);
                merge(path, under, value, problems);
                path.pop();
            }
            None => drop(under.insert(key, value)),
        }
    }
}

/// Returns a value with its origin.
fn copy(value: Value) -> Value {
    let origin = value.origin().map(str::to_owned);
    Value::new(origin.as_ref(), value.kind)
}
