//! Markdown as text.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::super::cell::Refusal;
use super::text::{Lines, squeezed, strict};
use super::words::{Heading, Link};

/// Most headings and links that are listed.
pub(in crate::tools) const LISTED_MAX: usize = 1_000;

/// What a document says.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(in crate::tools) struct Document {
    /// Its text without marks; code and raw HTML stay as they are written.
    pub(in crate::tools) text: String,
    /// Its headings in their order; at most 1000.
    pub(in crate::tools) headings: Vec<Heading>,
    /// Its links, as they are written; at most 1000.
    pub(in crate::tools) links: Vec<Link>,
    /// Whether something is missing.
    pub(in crate::tools) truncated: bool,
}

/// The text of Markdown, with tables, footnotes and what else is usual.
pub(super) fn read(document: &[u8]) -> Result<Document, Refusal> {
    let source = strict(document)?;
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut reader = Reader::default();
    for event in Parser::new_ext(&source, options) {
        reader.take(event);
    }
    let Reader { lines, mut found, .. } = reader;
    found.text = lines.finish();
    Ok(found)
}

#[derive(Default)]
struct Reader {
    lines: Lines,
    found: Document,
    /// Text of the heading and the links that are open, innermost last.
    open: Vec<String>,
    urls: Vec<String>,
    /// The next number of each open list; none for one without numbers.
    lists: Vec<Option<u64>>,
    code: bool,
    metadata: bool,
}

impl Reader {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(_) if self.metadata => {}
            Event::Text(text) if self.code => self.lines.verbatim(&text),
            Event::Text(text) | Event::Code(text) => self.words(&text),
            Event::InlineMath(text) | Event::DisplayMath(text) => self.words(&text),
            Event::Html(text) | Event::InlineHtml(text) => self.lines.words(&text),
            Event::FootnoteReference(name) => self.words(&format!("[{name}]")),
            Event::SoftBreak => self.words(" "),
            Event::HardBreak => self.lines.line(0),
            Event::Rule => self.lines.line(1),
            Event::TaskListMarker(done) => self.words(if done { "[x] " } else { "[ ] " }),
        }
    }

    fn words(&mut self, text: &str) {
        for open in &mut self.open {
            open.push_str(text);
        }
        self.lines.words(text);
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::BlockQuote(_) | Tag::Table(_) | Tag::HtmlBlock
                if self.lists.is_empty() =>
            {
                self.lines.line(1);
            }
            Tag::Heading { .. } => {
                self.lines.line(1);
                self.open.push(String::new());
            }
            Tag::CodeBlock(_) => {
                self.lines.line(1);
                self.code = true;
            }
            Tag::List(first) => {
                self.lines.line(usize::from(self.lists.is_empty()));
                self.lists.push(first);
            }
            Tag::Item => self.item(),
            Tag::FootnoteDefinition(name) => {
                self.lines.line(0);
                self.lines.words(&format!("[{name}] "));
            }
            Tag::TableHead | Tag::TableRow => self.lines.line(0),
            Tag::Link { dest_url, .. } => {
                self.open.push(String::new());
                self.urls.push(dest_url.into_string());
            }
            Tag::MetadataBlock(_) => self.metadata = true,
            _ => {}
        }
    }

    fn item(&mut self) {
        self.lines.line(0);
        let depth = self.lists.len().saturating_sub(1).min(DEPTH_MAX);
        let mark = match self.lists.last_mut() {
            Some(Some(number)) => {
                let mark = format!("{number}. ");
                *number = number.saturating_add(1);
                mark
            }
            _ => "- ".to_owned(),
        };
        self.lines.verbatim(&format!("{}{mark}", "  ".repeat(depth)));
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => {
                self.lines.line(1);
                let text = squeezed(&self.open.pop().unwrap_or_default());
                if self.listed(self.found.headings.len()) {
                    self.found.headings.push(Heading { level: number(level), text });
                }
            }
            TagEnd::Link => {
                let text = squeezed(&self.open.pop().unwrap_or_default());
                let url = self.urls.pop().unwrap_or_default();
                if self.listed(self.found.links.len()) {
                    self.found.links.push(Link { text, url });
                }
            }
            TagEnd::CodeBlock => {
                self.code = false;
                self.lines.line(1);
            }
            TagEnd::Paragraph | TagEnd::BlockQuote(_) | TagEnd::Table if self.lists.is_empty() => {
                self.lines.line(1);
            }
            TagEnd::Paragraph => self.lines.line(0),
            TagEnd::List(_) => {
                self.lists.pop();
                self.lines.line(usize::from(self.lists.is_empty()));
            }
            TagEnd::Item | TagEnd::TableHead | TagEnd::TableRow => self.lines.line(0),
            TagEnd::TableCell => self.lines.words(" | "),
            TagEnd::MetadataBlock(_) => self.metadata = false,
            _ => {}
        }
    }

    fn listed(&mut self, count: usize) -> bool {
        self.found.truncated |= count >= LISTED_MAX;
        count < LISTED_MAX
    }
}

/// Levels of lists that are told apart.
const DEPTH_MAX: usize = 16;

const fn number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}
