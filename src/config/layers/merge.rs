use crate::config::error::SettingError;
use crate::config::schema::lookup::{ValueShape, look_up};
use config::{Value, ValueKind};

/// Merges maps key by key. A key without a value changes nothing. Reports a map over one value, or the
/// reverse, unless the setting may be both.
pub(super) fn merge(path: &mut Vec<String>, under: &mut Value, over: Value, errors: &mut Vec<SettingError>) {
    match (&under.kind, &over.kind) {
        (_, ValueKind::Nil) => {}
        (ValueKind::Table(_), ValueKind::Table(_)) => merge_maps(path, under, over, errors),
        (ValueKind::Nil, _) => *under = copy(over),
        (ValueKind::Table(_), _) | (_, ValueKind::Table(_)) => {
            let shape = look_up(path).shape;
            if shape == ValueShape::Either {
                *under = copy(over);
                return;
            }
            let is_map = |value: &Value| matches!(value.kind, ValueKind::Table(_));
            let (map, value) = if is_map(under) { (&*under, &over) } else { (&over, &*under) };
            let origin = map.origin().unwrap_or_default();
            let reason = format!("is one value here, and {origin} sets keys under it: remove one of them");
            errors.push(SettingError::with(path.join("."), value, reason));
            // The value of the right shape causes no further error.
            let has_right_shape = match shape {
                ValueShape::Map => is_map(&over),
                ValueShape::Value => !is_map(&over),
                ValueShape::Either | ValueShape::Unknown => true,
            };
            if has_right_shape {
                *under = copy(over);
            }
        }
        _ => *under = copy(over),
    }
}

fn merge_maps(path: &mut Vec<String>, under: &mut Value, over: Value, errors: &mut Vec<SettingError>) {
    let (ValueKind::Table(under), ValueKind::Table(over)) = (&mut under.kind, over.kind) else { return };
    let mut over: Vec<_> = over.into_iter().collect();
    // The order of a map differs between runs, and the order of errors must not.
    over.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    for (key, value) in over {
        match under.get_mut(&key) {
            Some(under) => {
                path.push(key);
                merge(path, under, value, errors);
                path.pop();
            }
            None => drop(under.insert(key, value)),
        }
    }
}

/// Keeps kind and origin only.
fn copy(value: Value) -> Value {
    let origin = value.origin().map(str::to_owned);
    Value::new(origin.as_ref(), value.kind)
}
