//! HTML as text. The tree is walked without recursion: pages may be as deep as their author likes.

use ego_tree::NodeRef;
use ego_tree::iter::Edge;
use schemars::JsonSchema;
use scraper::{Html, Node};
use serde::{Deserialize, Serialize};

use super::super::super::cell::Refusal;
use super::text::{Lines, lenient, squeezed};
use super::words::Link;

/// Longest text of a link or a title.
const SHORT_CHARS_MAX: usize = 1_000;

/// What a page says.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(in crate::tools) struct Page {
    /// Its title; empty without one.
    pub(in crate::tools) title: String,
    /// Its text: blocks on lines of their own, and nothing of scripts and styles.
    pub(in crate::tools) text: String,
    /// Its links, as they are written.
    pub(in crate::tools) links: Vec<Link>,
    /// Whether `text` or `links` is not all of it.
    pub(in crate::tools) truncated: bool,
}

/// The text of a page.
pub(super) fn read(document: &[u8], links_max: usize) -> Result<Page, Refusal> {
    let html = Html::parse_document(&lenient(document, None));
    let (links, truncated) = links(&html, links_max, |url| Some(url.to_owned()));
    Ok(Page { title: title(&html), text: text_below(html.tree.root()), links, truncated })
}

/// The first title.
pub(super) fn title(html: &Html) -> String {
    let found = html.tree.root().descendants().find(|node| is(node, "title"));
    found.map(|node| short(&text_below(node))).unwrap_or_default()
}

/// The links, where `resolve` makes something of them, and whether there are more.
pub(super) fn links(
    html: &Html,
    max: usize,
    resolve: impl Fn(&str) -> Option<String>,
) -> (Vec<Link>, bool) {
    let mut links = Vec::new();
    for node in html.tree.root().descendants().filter(|node| is(node, "a")) {
        let written = node.value().as_element().and_then(|element| element.attr("href"));
        let Some(url) = written.and_then(|href| resolve(href.trim())) else { continue };
        if links.len() >= max {
            return (links, true);
        }
        links.push(Link { text: short(&text_below(node)), url });
    }
    (links, false)
}

/// The text of a node and all below it.
pub(super) fn text_below(node: NodeRef<'_, Node>) -> String {
    let mut lines = Lines::default();
    let (mut hidden, mut verbatim) = (0_usize, 0_usize);
    let top = node.id();
    for edge in node.traverse() {
        let (node, opens) = match edge {
            Edge::Open(node) => (node, true),
            Edge::Close(node) => (node, false),
        };
        match node.value() {
            Node::Text(text) if opens && hidden == 0 => match verbatim {
                0 => lines.words(text),
                _ => lines.verbatim(text),
            },
            Node::Element(element) => {
                let name = element.name();
                // What is asked for by name is shown, whatever it is.
                if HIDDEN.contains(&name) && node.id() != top {
                    step(&mut hidden, opens);
                }
                if name == "pre" {
                    step(&mut verbatim, opens);
                }
                around(&mut lines, name, opens);
            }
            _ => {}
        }
    }
    lines.finish().trim().to_owned()
}

fn step(depth: &mut usize, opens: bool) {
    *depth = if opens { *depth + 1 } else { depth.saturating_sub(1) };
}

/// What nobody sees on a page.
const HIDDEN: [&str; 8] =
    ["script", "style", "template", "noscript", "head", "svg", "object", "iframe"];

/// What stands on lines of its own, with an empty line around it.
const BLOCKS: [&str; 14] = [
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "pre",
    "blockquote",
    "table",
    "ul",
    "ol",
    "dl",
    "figure",
];

/// What stands on a line of its own.
const ROWS: [&str; 18] = [
    "div",
    "li",
    "tr",
    "dt",
    "dd",
    "section",
    "article",
    "header",
    "footer",
    "main",
    "nav",
    "aside",
    "form",
    "fieldset",
    "address",
    "figcaption",
    "option",
    "hr",
];

fn around(lines: &mut Lines, name: &str, opens: bool) {
    if BLOCKS.contains(&name) {
        lines.line(1);
    } else if ROWS.contains(&name) || name == "br" {
        lines.line(0);
    }
    match name {
        "li" if opens => lines.words("- "),
        "td" | "th" if opens => lines.words(" "),
        "td" | "th" => lines.words(" | "),
        "img" if opens => {}
        _ => {}
    }
}

fn is(node: &NodeRef<'_, Node>, name: &str) -> bool {
    node.value().as_element().is_some_and(|element| element.name() == name)
}

fn short(text: &str) -> String {
    squeezed(text).chars().take(SHORT_CHARS_MAX).collect()
}
