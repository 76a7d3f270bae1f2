use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::fs;

pub(crate) struct Source {
    /// Relative to the crate's root, with `/`.
    pub(crate) path: String,
    text: String,
    tokens: Vec<Token>,
}

/// Identifier, `::`, delimiter, or another single character of punctuation.
struct Token {
    line: usize,
    /// Empty for a literal.
    word: String,
}

pub(crate) fn sources(folder: &str) -> Vec<Source> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    collect(root, &root.join(folder), &mut found);
    found
}

fn collect(root: &std::path::Path, folder: &std::path::Path, found: &mut Vec<Source>) {
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

    pub(crate) fn rooms_named(&self) -> Vec<(usize, String)> {
        let absolute = self.paths().into_iter().filter_map(|path| Some((path.line, self.absolute(&path)?)));
        absolute.filter_map(|(line, path)| Some((line, path.first()?.clone()))).collect()
    }

    pub(crate) fn names(&self) -> Vec<Vec<String>> {
        self.paths().iter().filter_map(|path| self.absolute(path)).collect()
    }

    /// A companion, such as `rdkafka_sys`, counts as its library.
    pub(crate) fn lines_naming_library(&self, library: &str) -> Vec<usize> {
        let companion = format!("{library}_");
        let mut lines = Vec::new();
        let mut in_use = false;
        for (index, Token { line, word: name }) in self.tokens.iter().enumerate() {
            in_use = (in_use || matches!(name.as_str(), "use" | "extern")) && name != ";";
            let is_it = name == library || name.starts_with(&companion);
            let begins = index == 0 || !matches!(self.word(index - 1), "::" | ".");
            let is_path = self.word(index + 1) == "::";
            if is_it && begins && (is_path || in_use) {
                lines.push(*line);
            }
        }
        lines
    }

    /// Excludes a test module at the end.
    pub(crate) fn length(&self) -> usize {
        let tests = self.text.find("\n#[cfg(test)]\nmod tests {\n").unwrap_or(self.text.len());
        self.text[..tests].lines().count()
    }

    pub(crate) fn lines_with(&self, words: &[&str]) -> Vec<usize> {
        let rows = self.tokens.windows(words.len());
        let found = rows.filter(|row| row.iter().map(|token| token.word.as_str()).eq(words.iter().copied()));
        found.map(|row| row[0].line).collect()
    }

    /// Excludes associated types and those that a macro makes.
    pub(crate) fn types(&self) -> Vec<(usize, &str)> {
        let mut types = Vec::new();
        // True for an open body of an `impl` or a trait.
        let mut bodies = Vec::new();
        let mut item_start = 0;
        for (at, Token { line, word }) in self.tokens.iter().enumerate() {
            let item = || self.tokens[item_start..at].iter().map(|token| token.word.as_str());
            match word.as_str() {
                "{" => {
                    let is_body = item().any(|word| matches!(word, "impl" | "trait"));
                    bodies.push(is_body && item().all(|word| word != "fn"));
                }
                "}" => drop(bodies.pop()),
                "type" if bodies.last() == Some(&true) => {}
                "struct" | "enum" | "union" | "trait" | "type" if is_word(self.word(at + 1)) => {
                    types.push((*line, self.word(at + 1)));
                }
                _ => {}
            }
            if matches!(word.as_str(), "{" | "}" | ";") {
                item_start = at + 1;
            }
        }
        types
    }

    /// Returns the modules of the file: `http`, `error` for `src/http/error.rs`.
    pub(crate) fn modules(&self) -> Vec<&str> {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        path.split('/').collect()
    }

    /// Returns `None` without `crate`, `self` or `super`.
    fn absolute(&self, Path { segments, .. }: &Path) -> Option<Vec<String>> {
        let mut modules = self.modules();
        let mut rest = segments.as_slice();
        match rest.first()?.as_str() {
            "crate" | "justcall_kafka_bridge" => (modules, rest) = (Vec::new(), &rest[1..]),
            "self" => rest = &rest[1..],
            "super" => {
                while let Some((first, after)) = rest.split_first()
                    && first == "super"
                {
                    modules.pop()?;
                    rest = after;
                }
            }
            _ => return None,
        }
        Some(modules.into_iter().map(str::to_owned).chain(rest.iter().cloned()).collect())
    }

    /// A group in braces yields a path for each member.
    fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            let begins = at == 0 || self.tokens[at - 1].word != "::";
            if begins && is_word(&token.word) && self.word(at + 1) == "::" {
                self.read_path(at, Vec::new(), &mut paths);
            }
        }
        paths
    }

    /// Returns the index after the paths.
    fn read_path(&self, mut at: usize, mut segments: Vec<String>, paths: &mut Vec<Path>) -> usize {
        let mut line = 0;
        loop {
            if self.word(at) == "{" {
                at += 1;
                while !matches!(self.word(at), "}" | "") {
                    at = if self.word(at) == "," {
                        at + 1
                    } else {
                        self.read_path(at, segments.clone(), paths)
                    };
                }
                return at + 1;
            }
            let Some(token) = self.tokens.get(at) else { return at };
            if is_word(&token.word) {
                line = token.line;
                segments.push(token.word.clone());
            }
            at += 1;
            if self.word(at) != "::" {
                break;
            }
            at += 1;
        }
        paths.push(Path { line, segments });
        at
    }

    fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.word)
    }
}

struct Path {
    line: usize,
    segments: Vec<String>,
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Excludes items after `#[cfg(test)]`.
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
