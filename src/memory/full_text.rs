//! Exact words and phrases with `AND`, `OR`, `NOT` and brackets, answered from the texts themselves.

use super::error::MemoryError;
use super::facade::Memory;
use super::library::Entry;
use super::overlay;
use crate::contracts::{Area, MemoryAnswer};

/// Longest query, in bytes, and deepest brackets.
const QUERY_BYTES_MAX: usize = 4_096;
const DEPTH_MAX: usize = 32;

/// A query that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullText(Node);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    /// Words that stand one after the other.
    Phrase(Vec<String>),
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
}

impl FullText {
    /// Reads a query: words that must all be there, `"a phrase"`, `OR`, `NOT` or `-`, brackets. Case does not
    /// matter, nor do marks between words.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(query: &str) -> Result<Self, String> {
        if query.len() > QUERY_BYTES_MAX {
            return Err(format!("the query has {} bytes; at most {QUERY_BYTES_MAX}", query.len()));
        }
        let tokens = tokens(query)?;
        let mut parser = Parser { tokens: &tokens, depth: 0 };
        let node = parser.any()?;
        match parser.tokens.first() {
            None => Ok(Self(node)),
            Some(_) => Err("there is a `)` without its `(`".to_owned()),
        }
    }

    /// Whether a text fits.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        let words: Vec<String> = overlay::words(text).collect();
        fits(&self.0, &words)
    }
}

fn fits(node: &Node, words: &[String]) -> bool {
    match node {
        Node::Phrase(phrase) => words.windows(phrase.len()).any(|run| run == phrase),
        Node::Not(node) => !fits(node, words),
        Node::All(nodes) => nodes.iter().all(|node| fits(node, words)),
        Node::Any(nodes) => nodes.iter().any(|node| fits(node, words)),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Phrase(Vec<String>),
    And,
    Or,
    Not,
    Open,
    Close,
}

fn tokens(query: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = query.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '(' => (Some(Token::Open), rest.get(1..)),
            ')' => (Some(Token::Close), rest.get(1..)),
            '-' => (Some(Token::Not), rest.get(1..)),
            '"' => {
                let inside = rest.get(1..).unwrap_or_default();
                let end = inside.find('"').ok_or("a phrase has no end: put a `\"` behind it")?;
                (phrase(inside.get(..end).unwrap_or_default()), inside.get(end + 1..))
            }
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || "()\"".contains(c));
                let word = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
                let token = match word {
                    "AND" => Some(Token::And),
                    "OR" => Some(Token::Or),
                    "NOT" => Some(Token::Not),
                    word => phrase(word),
                };
                (token, rest.get(word.len()..))
            }
        };
        tokens.extend(token);
        rest = after.unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

/// What has no word in it says nothing.
fn phrase(text: &str) -> Option<Token> {
    let words: Vec<String> = overlay::words(text).collect();
    (!words.is_empty()).then_some(Token::Phrase(words))
}

struct Parser<'a> {
    tokens: &'a [Token],
    depth: usize,
}

impl Parser<'_> {
    fn take(&mut self, token: &Token) -> bool {
        match self.tokens.split_first() {
            Some((first, rest)) if first == token => {
                self.tokens = rest;
                true
            }
            _ => false,
        }
    }

    fn any(&mut self) -> Result<Node, String> {
        let mut nodes = vec![self.all()?];
        while self.take(&Token::Or) {
            nodes.push(self.all()?);
        }
        Ok(single(nodes, Node::Any))
    }

    fn all(&mut self) -> Result<Node, String> {
        let mut nodes = vec![self.one()?];
        while !matches!(self.tokens.first(), None | Some(Token::Or | Token::Close)) {
            self.take(&Token::And);
            nodes.push(self.one()?);
        }
        Ok(single(nodes, Node::All))
    }

    fn one(&mut self) -> Result<Node, String> {
        let Some((first, rest)) = self.tokens.split_first() else {
            return Err("a word, a phrase or a `(` is missing at the end".to_owned());
        };
        self.tokens = rest;
        match first {
            Token::Phrase(words) => Ok(Node::Phrase(words.clone())),
            Token::Not | Token::Open if self.depth >= DEPTH_MAX => {
                Err(format!("it is nested deeper than {DEPTH_MAX}"))
            }
            Token::Not => self.deeper(Self::one).map(|node| Node::Not(Box::new(node))),
            Token::Open => {
                let node = self.deeper(Self::any)?;
                match self.take(&Token::Close) {
                    true => Ok(node),
                    false => Err("a `(` has no `)`".to_owned()),
                }
            }
            Token::And | Token::Or | Token::Close => {
                Err("a word, a phrase or a `(` is missing before `AND`, `OR` or `)`".to_owned())
            }
        }
    }

    fn deeper(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Node, String>,
    ) -> Result<Node, String> {
        self.depth += 1;
        let node = read(self);
        self.depth -= 1;
        node
    }
}

fn single(mut nodes: Vec<Node>, many: impl FnOnce(Vec<Node>) -> Node) -> Node {
    match (nodes.len(), nodes.pop()) {
        (1, Some(node)) => node,
        (_, last) => {
            nodes.extend(last);
            many(nodes)
        }
    }
}

impl Memory {
    /// The records whose text fits a query exactly, newest first, that count now.
    ///
    /// # Errors
    /// [`MemoryError::Refused`] when the query cannot be read, or when the log cannot.
    pub fn full_text(
        &self,
        query: &str,
        areas: &[Area],
        k: usize,
    ) -> Result<MemoryAnswer, MemoryError> {
        let now = self.now();
        let wanted = |entry: &Entry| {
            entry.is_indexed()
                && entry.counts_at(now)
                && (areas.is_empty() || areas.contains(&entry.area))
        };
        let mut items = Vec::new();
        self.fitting(query, wanted, |entry, text| {
            items.push(overlay::hit(entry, text.to_owned(), 1.0));
            items.len() < k
        })?;
        Ok(MemoryAnswer { items, ..MemoryAnswer::default() })
    }

    /// Hands every wanted record that fits to `each`, newest first, until that says false.
    pub(super) fn fitting(
        &self,
        query: &str,
        wanted: impl Fn(&Entry) -> bool,
        mut each: impl FnMut(&Entry, &str) -> bool,
    ) -> Result<(), MemoryError> {
        let query = FullText::read(query).map_err(|why| {
            MemoryError::Refused(format!("the query `{query}` cannot be read: {why}"))
        })?;
        let library = self.library()?;
        for entry in library.iter().rev().filter(|entry| wanted(entry)) {
            let Some(text) = self.log.text(&entry.text)? else { continue };
            if query.fits(&text) && !each(entry, &text) {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_phrases_and_operators_are_taken_at_their_word() {
        let text = "The pump in Leeds runs at 3.5 bar; Alice painted it red.";
        let cases = [
            ("pump", true),
            ("PUMP leeds", true),
            ("pump york", false),
            ("pump OR york", true),
            ("york OR (alice red)", true),
            ("\"painted it red\"", true),
            ("\"painted red\"", false),
            ("\"3.5 bar\"", true),
            ("pump -york", true),
            ("pump AND NOT alice", false),
            ("NOT (york OR hull)", true),
            ("(pump OR york) AND (alice OR bob)", true),
            ("pum", false),
        ];
        for (query, fits) in cases {
            assert_eq!(FullText::read(query).unwrap().fits(text), fits, "{query}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let deep = format!("{}a{}", "(".repeat(40), ")".repeat(40));
        let many = "- ".repeat(40);
        for query in ["", "  ", "OR a", "a OR", "(a", "a)", "\"a", "NOT", "...", &deep, &many] {
            assert!(FullText::read(query).is_err(), "{query}");
        }
        assert!(FullText::read(&"a ".repeat(4_000)).is_err());
    }
}
