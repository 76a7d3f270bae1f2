//! Fills the settings in from what was written.

use super::form::{Form, Kind, Naming};
use super::problem::Problem;
use super::tree::Table;
use config::{Value, ValueKind};

/// Reads settings along their layout, and reports the keys that the layout does not name.
pub(super) fn read(root: &Value, problems: &mut Vec<Problem>, describe: impl FnOnce(&mut Reader)) {
    let mut reader = Reader { scopes: Vec::new(), problems: Vec::new() };
    reader.scope(String::new(), root.clone(), describe);
    problems.append(&mut reader.problems);
}

/// The [`Form`] that reads. What cannot be read keeps its default and is reported.
pub(super) struct Reader {
    /// From the outermost section to the one being read.
    scopes: Vec<Scope>,
    problems: Vec<Problem>,
}

struct Scope {
    at: String,
    /// What is there and was not read yet.
    rest: Table,
    known: Vec<&'static str>,
}

impl Reader {
    fn take(&mut self, key: &'static str) -> Option<Value> {
        let scope = self.scopes.last_mut()?;
        scope.known.push(key);
        scope.rest.remove(key).filter(|value| value.kind != ValueKind::Nil)
    }

    fn at(&self, key: &str) -> String {
        match self.scopes.last() {
            Some(scope) if !scope.at.is_empty() => format!("{}.{key}", scope.at),
            _ => key.to_owned(),
        }
    }

    fn scope(&mut self, at: String, value: Value, describe: impl FnOnce(&mut Self)) {
        match value.kind {
            ValueKind::Nil => {}
            ValueKind::Table(rest) => {
                self.scopes.push(Scope { at, rest, known: Vec::new() });
                describe(self);
                self.report_unknown();
                self.scopes.pop();
            }
            _ => self.problems.push(Problem::with(at, &value, "must be a map of settings".into())),
        }
    }

    /// Their values are not shown: one may be a secret under a misspelt name.
    fn report_unknown(&mut self) {
        let Some(scope) = self.scopes.last() else { return };
        let mut unknown: Vec<_> = scope.rest.iter().collect();
        unknown.sort_unstable_by_key(|(key, _)| *key);
        let problems: Vec<_> = unknown
            .into_iter()
            .map(|(key, value)| {
                Problem::without_value(self.at(key), value.origin(), reason(key, &scope.known))
            })
            .collect();
        self.problems.extend(problems);
    }
}

fn reason(key: &str, known: &[&str]) -> String {
    let nearest = known.iter().min_by_key(|each| strsim::damerau_levenshtein(each, key));
    match nearest.filter(|each| strsim::damerau_levenshtein(each, key) <= each.len().div_ceil(3)) {
        Some(nearest) => format!("is no setting; did you mean `{nearest}`?"),
        None => format!("is no setting; here are {}", super::kinds::quoted(known.iter().copied())),
    }
}

impl Form for Reader {
    fn field<T>(&mut self, key: &'static str, it: &mut T, kind: impl Kind<T>) {
        let Some(value) = self.take(key) else { return };
        match kind.read(&value) {
            Ok(read) => *it = read,
            Err(reason) => self.problems.push(Problem::with(self.at(key), &value, reason)),
        }
    }

    fn section(&mut self, key: &'static str, describe: impl FnOnce(&mut Self)) {
        if let Some(value) = self.take(key) {
            self.scope(self.at(key), value, describe);
        }
    }

    fn named<T>(
        &mut self,
        key: &'static str,
        it: &mut Vec<T>,
        naming: Naming<T>,
        describe: fn(&mut Self, &mut T),
    ) {
        let Some(value) = self.take(key) else { return };
        let ValueKind::Table(entries) = value.kind else {
            self.problems.push(Problem::with(
                self.at(key),
                &value,
                "must be a map from names to settings".into(),
            ));
            return;
        };
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        it.clear();
        for (name, entry) in entries {
            let mut made = (naming.make)(&name);
            self.scope(self.at(&format!("{key}.{name}")), entry, |form| describe(form, &mut made));
            it.push(made);
        }
    }

    fn list<T>(
        &mut self,
        key: &'static str,
        it: &mut Vec<T>,
        make: fn() -> T,
        describe: fn(&mut Self, &mut T),
    ) {
        let Some(value) = self.take(key) else { return };
        let ValueKind::Array(items) = value.kind else {
            self.problems.push(Problem::with(self.at(key), &value, "must be a list".into()));
            return;
        };
        it.clear();
        for (index, item) in items.into_iter().enumerate() {
            let mut made = make();
            self.scope(self.at(&format!("{key}[{index}]")), item, |form| describe(form, &mut made));
            it.push(made);
        }
    }

    fn default_to<T>(&mut self, it: &mut T, default: impl FnOnce() -> T) {
        *it = default();
    }
}
