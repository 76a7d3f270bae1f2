//! One source file, its comments, strings and test items blanked out, and what it names.

use std::fs;
use std::path::Path;

/// A file of `src`, or of a crate in `crates`.
pub(crate) struct Source {
    /// Relative to the crate's root, with `/`.
    pub(crate) path: String,
    /// As it stands.
    pub(crate) text: String,
    /// The same length, with blanks for what the compiler does not run outside tests.
    code: String,
}

/// Returns every file of `folder`, such as `src`, except the tests.
pub(crate) fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    collect(root, &root.join(folder), &mut found);
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a folder of src") {
        let path = entry.expect("an entry of src").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8");
        if path.is_dir() && name != "tests" {
            collect(root, &path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let relative = path.strip_prefix(root).expect("below the root").to_str().expect("UTF-8");
            let text = fs::read_to_string(&path).expect("a source in UTF-8");
            found.push(Source::new(&relative.replace('\\', "/"), &text));
        }
    }
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = without_test_items(&without_comments_and_strings(text));
        Self { path: path.to_owned(), text: text.to_owned(), code }
    }

    /// The part of the crate that the file belongs to: its first folder, or its name.
    pub(crate) fn part(&self) -> &str {
        self.modules().first().copied().unwrap_or_default()
    }

    /// The parts that the file names from the crate's root, each with its line.
    pub(crate) fn parts_named(&self) -> Vec<(usize, String)> {
        let tokens = tokens(&self.code);
        let words: Vec<&str> = tokens.iter().map(|(_, word)| *word).collect();
        let mut named = Vec::new();
        for start in 0..words.len() {
            if let Some(after_root) = self.after_root(&words, start) {
                for index in first_segments(&words, after_root) {
                    named.push((self.line(tokens[index].0), words[index].to_owned()));
                }
            }
        }
        named
    }

    /// Lines on which a path or an import begins with the library or one of its companions.
    pub(crate) fn lines_naming_library(&self, library: &str) -> Vec<usize> {
        let tokens = tokens(&self.code);
        let word = |index: usize| tokens.get(index).map_or("", |(_, word)| *word);
        let companion = format!("{library}_");
        let mut lines = Vec::new();
        let mut in_use = false;
        for (index, (offset, name)) in tokens.iter().enumerate() {
            in_use = (in_use || matches!(*name, "use" | "extern")) && *name != ";";
            let is_it = *name == library || name.starts_with(&companion);
            let begins = index == 0 || !matches!(word(index - 1), "::" | ".");
            let is_path = word(index + 1) == "::";
            if is_it && begins && (is_path || in_use) {
                lines.push(self.line(*offset));
            }
        }
        lines
    }

    /// Returns the number of lines without a test module at the end.
    pub(crate) fn length(&self) -> usize {
        let tests = self.text.find("\n#[cfg(test)]\nmod tests {\n").unwrap_or(self.text.len());
        self.text[..tests].lines().count()
    }

    /// Lines of code, outside tests, that contain `needle`.
    pub(crate) fn lines_with(&self, needle: &str) -> Vec<usize> {
        self.code.match_indices(needle).map(|(offset, _)| self.line(offset)).collect()
    }

    /// `src/http/error/mod.rs` and `src/http/error.rs` are both `http`, `error`.
    fn modules(&self) -> Vec<&str> {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        path.split('/').collect()
    }

    /// If a path from the crate's root begins at this word: the index of what follows the root's `::`.
    fn after_root(&self, words: &[&str], start: usize) -> Option<usize> {
        let follows = |index: usize| words.get(index).copied().unwrap_or_default();
        if start > 0 && words[start - 1] == "::" {
            return None;
        }
        if matches!(words[start], "crate" | "justcall_kafka_bridge") {
            return (follows(start + 1) == "::").then_some(start + 2);
        }
        // As many `super::` as there are modules above this one lead to the root.
        let mut index = start;
        for _ in self.modules() {
            if follows(index) != "super" || follows(index + 1) != "::" {
                return None;
            }
            index += 2;
        }
        Some(index)
    }

    fn line(&self, offset: usize) -> usize {
        self.code[..offset].matches('\n').count() + 1
    }
}

/// Indices of the first segment of each path that begins at `start`: one, or one for each member of a
/// group in braces.
fn first_segments(words: &[&str], start: usize) -> Vec<usize> {
    if words.get(start) != Some(&"{") {
        return words.get(start).map(|_| start).into_iter().collect();
    }
    let mut depth = 0;
    let mut firsts = Vec::new();
    for (index, word) in words.iter().enumerate().skip(start) {
        match *word {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ if depth == 1 && matches!(words[index - 1], "{" | ",") => firsts.push(index),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    firsts
}

/// Identifiers, `::` and single characters of punctuation, each with its offset.
fn tokens(code: &str) -> Vec<(usize, &str)> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = code[at..].chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let length = if is_word(first) {
            code[at..].find(|c| !is_word(c)).unwrap_or(code.len() - at)
        } else if code[at..].starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        if !first.is_whitespace() {
            tokens.push((at, &code[at..at + length]));
        }
        at += length;
    }
    tokens
}

fn without_comments_and_strings(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let hidden = hidden_length(rest, code.chars().next_back());
        let length = if hidden == 0 { first.len_utf8() } else { hidden };
        let (piece, after) = rest.split_at(length);
        if hidden == 0 {
            code.push_str(piece)
        } else {
            code.push_str(&blank(piece))
        }
        rest = after;
    }
    code
}

/// How many bytes of comment or literal `rest` begins with.
fn hidden_length(rest: &str, before: Option<char>) -> usize {
    let to_end = |found: Option<usize>| found.unwrap_or(rest.len());
    if rest.starts_with("//") {
        return to_end(rest.find('\n'));
    }
    if rest.starts_with("/*") {
        return block_comment_length(rest);
    }
    if rest.starts_with('"') {
        return quoted_length(rest, '"');
    }
    // A lifetime has no second quote right after its first letter.
    if let Some(inner) = rest.strip_prefix('\'') {
        let is_literal = inner.starts_with('\\') || inner.chars().nth(1) == Some('\'');
        return if is_literal { quoted_length(rest, '\'') } else { 0 };
    }
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if let Some(raw) = rest.strip_prefix('r').filter(|_| !in_word || before == Some('b')) {
        let hashes = "#".repeat(raw.len() - raw.trim_start_matches('#').len());
        if raw[hashes.len()..].starts_with('"') {
            let open = 1 + hashes.len() + 1;
            let close = format!("\"{hashes}");
            return to_end(rest[open..].find(&close).map(|end| open + end + close.len()));
        }
    }
    0
}

fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        let step = match rest.get(at..at + 2) {
            Some("/*") => {
                depth += 1;
                2
            }
            Some("*/") => {
                depth -= 1;
                2
            }
            _ => rest[at..].chars().next().map_or(1, char::len_utf8),
        };
        at += step;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn quoted_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (offset, c) in rest.char_indices().skip(1) {
        if c == quote && !escaped {
            return offset + c.len_utf8();
        }
        escaped = c == '\\' && !escaped;
    }
    rest.len()
}

/// Blanks what `#[cfg(test)]` stands before: up to the item's `;`, or to the end of its braces.
fn without_test_items(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        let (before, item) = rest.split_at(start);
        let (item, after) = item.split_at(item_length(item));
        kept.push_str(before);
        kept.push_str(&blank(item));
        rest = after;
    }
    kept + rest
}

fn item_length(item: &str) -> usize {
    let mut depth = 0;
    for (offset, c) in item.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        let ends = matches!(c, ';' | '}');
        if ends && depth == 0 {
            return offset + 1;
        }
    }
    item.len()
}

/// Spaces of the same length in bytes, with the line breaks where they were.
fn blank(piece: &str) -> String {
    piece.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}
