//! What is written out in a goal: quoted texts, addresses, paths, globs, numbers. Everything else are words.

/// What a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text between quotation marks.
    Quoted,
    /// A text between backticks, meant letter by letter.
    Code,
    /// An address of HTTP.
    Url,
    /// Names a file or a directory.
    Path,
    /// Names several.
    Glob,
    /// A whole number.
    Number,
    /// A word in capitals among others, such as TODO: it stands for itself.
    Marker,
    /// Concrete, and of no use here: a host alone, an address of another kind.
    Other,
}

/// Something written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) kind: Kind,
    pub(super) text: String,
    /// The words before it, the nearest first; a few.
    pub(super) before: Vec<String>,
    /// The word after it.
    pub(super) after: String,
}

/// A goal, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts {
    /// What is written out, in its order.
    pub(super) spans: Vec<Span>,
    /// The words beside it.
    pub(super) words: String,
    /// What follows the last `about`, where nothing is written out there: the matter, in plain words.
    pub(super) matter: Option<String>,
}

/// Which way something is meant by the word before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// `in`, `from`, `of`.
    From,
    /// `to`, `into`.
    To,
}

/// Words before a span that are kept.
const BEFORE_MAX: usize = 5;

const FROM: &[&str] = &["in", "inside", "within", "under", "below", "from", "of", "at", "through"];
const TO: &[&str] = &["to", "into", "onto", "as"];
/// Words between a preposition and what it is about.
const BETWEEN: &[&str] = &[
    "the",
    "a",
    "an",
    "my",
    "our",
    "this",
    "new",
    "file",
    "folder",
    "directory",
    "dir",
    "called",
    "named",
    "path",
    "repository",
    "repo",
    "text",
    "page",
];
/// Words that say that a path is meant.
const PLACES: &[&str] = &["file", "folder", "directory", "dir", "subdirectory", "path"];
/// Words that name parts of memory as well as, often, directories.
const NO_PLACES: &[&str] = &["memory"];
/// With a slash, and yet no path.
const PAIRS: &[&str] = &[
    "and/or",
    "he/she",
    "his/her",
    "i/o",
    "input/output",
    "n/a",
    "on/off",
    "read/write",
    "tcp/ip",
    "true/false",
    "yes/no",
];
/// Endings of hosts that are written without a scheme.
const DOMAINS: &[&str] = &["com", "org", "net", "edu", "gov", "io", "dev", "example", "de", "uk"];
/// In capitals, and yet no word that one looks for.
const NAMES: &[&str] = &[
    "API", "ASCII", "CLI", "CPU", "CSS", "CSV", "HTML", "HTTP", "HTTPS", "JSON", "LICENCE",
    "LICENSE", "PDF", "README", "SQL", "TOML", "URL", "UTF", "XML", "YAML",
];

impl Span {
    /// Which way it is meant.
    pub(super) fn way(&self) -> Option<Way> {
        let word = self.before.iter().find(|word| !BETWEEN.contains(&word.as_str()))?;
        if TO.contains(&word.as_str()) {
            return Some(Way::To);
        }
        FROM.contains(&word.as_str()).then_some(Way::From)
    }

    /// Whether somebody who writes this means every letter of it.
    pub(super) fn is_concrete(&self) -> bool {
        self.kind != Kind::Marker
    }
}

/// Takes `goal` apart. `entries` are names at the top of the workspace.
pub(super) fn parts(goal: &str, entries: &[String]) -> Parts {
    let tokens = tokens(goal);
    let shouts = !goal.chars().any(char::is_lowercase);
    let mut found = Parts { spans: Vec::new(), words: String::new(), matter: None };
    let (mut before, mut matter): (Vec<String>, Option<String>) = (Vec::new(), None);
    for (index, token) in tokens.iter().enumerate() {
        let after = tokens.get(index + 1).map_or("", |next| next.word());
        let kind = match token {
            Token::Between(kind, _) => Some(*kind),
            Token::Bare(text) => {
                kind(text, &before, after, entries).filter(|kind| *kind != Kind::Marker || !shouts)
            }
        };
        match kind {
            None | Some(Kind::Marker) => {
                found.words.push_str(&format!("{} ", token.whole()));
                match (&mut matter, token.word()) {
                    (_, word) if word.eq_ignore_ascii_case("about") => matter = Some(String::new()),
                    (Some(matter), _) => matter.push_str(&format!("{} ", token.whole())),
                    (None, _) => {}
                }
            }
            Some(_) => {
                // A comma keeps clauses apart where a span stood between them.
                found.words.push_str(if token.ends_clause() { ", " } else { "" });
                matter = None;
            }
        }
        if let Some(kind) = kind {
            let (text, after) = (token.word().to_owned(), after.to_lowercase());
            found.spans.push(Span { kind, text, before: before.clone(), after });
        }
        before.insert(0, token.word().to_lowercase());
        before.truncate(BEFORE_MAX);
    }
    found.matter = matter.map(|text| text.trim().trim_end_matches(['.', '?', '!']).to_owned());
    found.matter = found.matter.filter(|text| !text.is_empty());
    found
}

enum Token {
    /// What stood between marks.
    Between(Kind, String),
    /// A word with what is attached to it.
    Bare(String),
}

impl Token {
    /// Without the punctuation around it.
    fn word(&self) -> &str {
        match self {
            Self::Between(_, text) => text,
            Self::Bare(text) => trimmed(text),
        }
    }

    fn whole(&self) -> &str {
        match self {
            Self::Between(_, text) | Self::Bare(text) => text,
        }
    }

    fn ends_clause(&self) -> bool {
        matches!(self, Self::Bare(text) if text.ends_with([',', ';', ':']))
    }
}

/// Without punctuation of sentences; a dot or a slash at the beginning belongs to a path.
fn trimmed(text: &str) -> &str {
    let text = text.trim_start_matches(['(', '[', '{', '<', ',', ';', ':']);
    text.trim_end_matches([',', ';', ':', '!', '?', ')', ']', '}', '>', '.', '\''])
}

fn tokens(goal: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = goal;
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() {
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        }
        if let Some((kind, text, after)) = between(rest, first) {
            tokens.push(Token::Between(kind, text.to_owned()));
            rest = after;
            continue;
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        tokens.push(Token::Bare(word.to_owned()));
        rest = after;
    }
    tokens
}

/// What stands between the marks with which `rest` begins.
fn between(rest: &str, first: char) -> Option<(Kind, &str, &str)> {
    let (kind, close) = match first {
        '`' => (Kind::Code, '`'),
        '"' => (Kind::Quoted, '"'),
        '\'' => (Kind::Quoted, '\''),
        '\u{201c}' => (Kind::Quoted, '\u{201d}'),
        '\u{ab}' => (Kind::Quoted, '\u{bb}'),
        _ => return None,
    };
    let inside = rest.get(first.len_utf8()..)?;
    let end = inside.find(close)?;
    let (text, after) = inside.split_at(end);
    let after = after.get(close.len_utf8()..)?;
    // An apostrophe inside of a word closes nothing.
    let closes = close != '\'' || !after.starts_with(char::is_alphanumeric);
    (closes && !text.is_empty()).then_some((kind, text, after))
}

/// What a word is, beside a word.
fn kind(text: &str, before: &[String], after: &str, entries: &[String]) -> Option<Kind> {
    let word = trimmed(text);
    let lower = word.to_lowercase();
    if lower.starts_with("http://") || lower.starts_with("https://") {
        return Some(Kind::Url);
    }
    if word.contains("://") || (word.contains('@') && word.contains('.')) {
        return Some(Kind::Other);
    }
    if !word.is_empty() && word.chars().all(|c| c.is_ascii_digit()) {
        return Some(Kind::Number);
    }
    let plain = |c: char| c.is_alphanumeric() || "/._-+~@*{},[]?$ ".contains(c);
    if word.contains('*') {
        return word.chars().all(plain).then_some(Kind::Glob);
    }
    if is_path(word, &lower) {
        return word.chars().all(plain).then_some(Kind::Path).or(Some(Kind::Other));
    }
    if is_entry(word, before, after, entries) {
        return Some(Kind::Path);
    }
    if is_host(&lower) {
        return Some(Kind::Other);
    }
    let capital = |c: char| c.is_ascii_uppercase() || c == '_';
    (word.len() >= 3 && word.chars().all(capital) && !NAMES.contains(&word)).then_some(Kind::Marker)
}

fn is_path(word: &str, lower: &str) -> bool {
    if PAIRS.contains(&lower) {
        return false;
    }
    let numbers = |c: char| c.is_ascii_digit() || c == '/';
    if word.contains('/') {
        return !word.chars().all(numbers) || word == "/";
    }
    if let Some(name) = word.strip_prefix('.') {
        return name.chars().next().is_some_and(char::is_alphabetic) || word == "." || word == "..";
    }
    let Some((name, ending)) = word.rsplit_once('.') else { return false };
    let ends = (1..=8).contains(&ending.len())
        && ending.chars().all(|c| c.is_ascii_alphanumeric())
        && ending.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    // `e.g.` and `i.e.` name no file.
    let long = !name.is_empty() && name.len() + ending.len() > 2;
    ends && long && !is_host(lower) && !name.chars().all(|c| c.is_ascii_digit())
}

fn is_host(lower: &str) -> bool {
    lower.rsplit_once('.').is_some_and(|(name, ending)| {
        !name.is_empty() && DOMAINS.contains(&ending) && !name.contains('/')
    })
}

/// Whether a name that stands in the workspace is meant, and not the word.
fn is_entry(word: &str, before: &[String], after: &str, entries: &[String]) -> bool {
    if PLACES.contains(&after) {
        return !word.is_empty()
            && !BETWEEN.contains(&word.to_lowercase().as_str())
            && is_name(word)
            && entries.iter().any(|entry| entry == word);
    }
    if !entries.iter().any(|entry| entry == word) || NO_PLACES.contains(&word) {
        return false;
    }
    let told = |word: &String| {
        FROM.contains(&word.as_str())
            || TO.contains(&word.as_str())
            || PLACES.contains(&word.as_str())
    };
    let unlike_a_word = |c: char| c.is_uppercase() || c == '_' || c == '-';
    word.contains(unlike_a_word) || before.first().is_some_and(told)
}

fn is_name(word: &str) -> bool {
    word.chars().all(|c| c.is_alphanumeric() || "._-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(goal: &str) -> Vec<(Kind, String)> {
        let entries = ["src".to_owned(), "Makefile".to_owned(), "memory".to_owned()];
        parts(goal, &entries).spans.into_iter().map(|span| (span.kind, span.text)).collect()
    }

    #[test]
    fn finds_what_is_written_out() {
        for (goal, expected) in [
            ("read src/main.rs.", vec![(Kind::Path, "src/main.rs")]),
            ("read `a b.txt`, please", vec![(Kind::Code, "a b.txt")]),
            ("write \"it's\" to ./x", vec![(Kind::Quoted, "it's"), (Kind::Path, "./x")]),
            ("don't say 'hello there' now", vec![(Kind::Quoted, "hello there")]),
            ("get https://a.example/x?y=1.", vec![(Kind::Url, "https://a.example/x?y=1")]),
            (
                "ftp://a.example/x and a.example and me@b.org",
                vec![
                    (Kind::Other, "ftp://a.example/x"),
                    (Kind::Other, "a.example"),
                    (Kind::Other, "me@b.org"),
                ],
            ),
            ("TODO in src/**/*.rs", vec![(Kind::Marker, "TODO"), (Kind::Glob, "src/**/*.rs")]),
            ("DELETE IT ALL", vec![]),
            ("the first 20 lines of README", vec![(Kind::Number, "20")]),
            ("list src", vec![]),
            ("list the src folder", vec![(Kind::Path, "src")]),
            ("what is in src?", vec![(Kind::Path, "src")]),
            ("look in memory", vec![]),
            ("show Makefile", vec![(Kind::Path, "Makefile")]),
            ("read and/or write 24/7", vec![]),
            ("version 1.2.3 of it, e.g. that", vec![]),
            (
                "show .env and ../x and /etc/passwd",
                vec![(Kind::Path, ".env"), (Kind::Path, "../x"), (Kind::Path, "/etc/passwd")],
            ),
            ("an \"open quotation", vec![]),
        ] {
            let expected: Vec<(Kind, String)> =
                expected.into_iter().map(|(kind, text)| (kind, text.to_owned())).collect();
            assert_eq!(found(goal), expected, "{goal}");
        }
    }

    #[test]
    fn the_word_before_says_which_way_it_is_meant() {
        let way = |goal: &str| parts(goal, &[]).spans.last().unwrap().way();
        assert_eq!(way("write it to a/b.txt"), Some(Way::To));
        assert_eq!(way("write it into the new file a/b.txt"), Some(Way::To));
        assert_eq!(way("search in the folder a/b"), Some(Way::From));
        assert_eq!(way("read a/b.txt"), None);
        assert_eq!(
            parts("what is known about deep sea fish?", &[]).matter.unwrap(),
            "deep sea fish"
        );
    }
}
