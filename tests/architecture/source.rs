//! One source file as tokens without its test items, and the names in it.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::fs;
use std::path::Path;

/// A file of `src`, or of a crate in `crates`.
pub(crate) struct Source {
    pub(crate) path: String,
    text: String,
    /// Tokens outside test items, without comments.
    tokens: Vec<Token>,
}

/// Identifier, `::`, delimiter, or other single character of punctuation.
struct Token {
    line: usize,
    word: String,
}

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
        let stream: TokenStream = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut tokens = Vec::new();
        flatten(stream, &mut tokens);
        Self { path: path.to_owned(), text: text.to_owned(), tokens }
    }

    pub(crate) fn room(&self) -> &str {
        self.modules().first().copied().unwrap_or_default()
    }

    /// Returns the rooms that the file names from the crate's root, each with its line.
    pub(crate) fn rooms_named(&self) -> Vec<(usize, String)> {
        let words: Vec<&str> = self.tokens.iter().map(|token| token.word.as_str()).collect();
        let firsts = (0..words.len()).filter_map(|start| self.after_root(&words, start));
        let named = firsts.flat_map(|after_root| first_segments(&words, after_root));
        named.map(|index| (self.tokens[index].line, words[index].to_owned())).collect()
    }

    /// Returns the lines on which a path or an import begins with the library or one of its companions.
    pub(crate) fn lines_naming_library(&self, library: &str) -> Vec<usize> {
        let word = |index: usize| self.tokens.get(index).map_or("", |token| token.word.as_str());
        let companion = format!("{library}_");
        let mut lines = Vec::new();
        let mut in_use = false;
        for (index, Token { line, word: name }) in self.tokens.iter().enumerate() {
            in_use = (in_use || matches!(name.as_str(), "use" | "extern")) && name != ";";
            let is_it = name == library || name.starts_with(&companion);
            let begins = index == 0 || !matches!(word(index - 1), "::" | ".");
            let is_path = word(index + 1) == "::";
            if is_it && begins && (is_path || in_use) {
                lines.push(*line);
            }
        }
        lines
    }

    pub(crate) fn length(&self) -> usize {
        let tests = self.text.find("\n#[cfg(test)]\nmod tests {\n").unwrap_or(self.text.len());
        self.text[..tests].lines().count()
    }

    pub(crate) fn lines_with(&self, words: &[&str]) -> Vec<usize> {
        let rows = self.tokens.windows(words.len());
        let found = rows.filter(|row| row.iter().map(|token| token.word.as_str()).eq(words.iter().copied()));
        found.map(|row| row[0].line).collect()
    }

    /// Returns the modules of the file: `http`, `error` for `src/http/error.rs`.
    fn modules(&self) -> Vec<&str> {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        path.split('/').collect()
    }

    /// Returns the index after the crate's root, if a path from the root begins at `start`.
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
}

/// Returns the indices of the first segment of each path at `start`: one for each member of a group in braces.
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

/// Appends the tokens of a stream, without items after `#[cfg(test)]`.
fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        let line = tree.span().start().line;
        let mut push = |line, word: String| tokens.push(Token { line, word });
        match tree {
            TokenTree::Ident(ident) => push(line, ident.to_string()),
            TokenTree::Literal(_) => push(line, String::new()),
            TokenTree::Punct(mark)
                if mark.as_char() == '#' && trees.peek().is_some_and(is_test_attribute) =>
            {
                // The item ends with `;` or the end of its braces.
                let is_end = |tree: &TokenTree| match tree {
                    TokenTree::Punct(mark) => mark.as_char() == ';',
                    TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                    _ => false,
                };
                trees.by_ref().find(is_end);
            }
            TokenTree::Punct(mark) => {
                let is_colon = |tree: &TokenTree| matches!(tree, TokenTree::Punct(it) if it.as_char() == ':');
                let is_path = mark.as_char() == ':' && trees.next_if(is_colon).is_some();
                push(line, if is_path { "::".into() } else { mark.to_string() });
            }
            TokenTree::Group(group) => {
                let [open, close] = match group.delimiter() {
                    Delimiter::Brace => ["{", "}"],
                    Delimiter::Bracket => ["[", "]"],
                    Delimiter::Parenthesis => ["(", ")"],
                    Delimiter::None => ["", ""],
                };
                push(line, open.into());
                flatten(group.stream(), tokens);
                tokens.push(Token { line: group.span_close().start().line, word: close.into() });
            }
        }
    }
}

fn is_test_attribute(tree: &TokenTree) -> bool {
    let TokenTree::Group(group) = tree else { return false };
    group.delimiter() == Delimiter::Bracket && group.stream().to_string().replace(' ', "") == "cfg(test)"
}
