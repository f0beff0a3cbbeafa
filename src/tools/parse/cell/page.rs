//! Parts of a page of the web, by CSS selectors.

use std::collections::BTreeMap;

use reqwest::Url;
use schemars::JsonSchema;
use scraper::{ElementRef, Html, Selector};
use serde::{Deserialize, Serialize};

use super::super::super::cell::{Refusal, Why};
use super::html::{links, text_below, title};
use super::text::lenient;
use super::words::Link;

/// Attributes that hold addresses: they come back absolute.
const ADDRESSES: [&str; 6] = ["href", "src", "action", "cite", "data", "poster"];

/// What is taken of each element that a selector finds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Select {
    /// A CSS selector, such as `article h2 > a`.
    #[schemars(length(min = 1, max = 500))]
    pub(in crate::tools) css: String,
    /// The attribute that is taken of each element; elements without it are left out. An address comes back
    /// absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 100))]
    pub(in crate::tools) attribute: Option<String>,
    /// Whether the element's HTML is taken rather than its text.
    #[serde(default)]
    pub(in crate::tools) html: bool,
}

/// What was found on a page.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::tools) struct PageFound {
    pub(in crate::tools) title: String,
    pub(in crate::tools) text: String,
    pub(in crate::tools) links: Vec<Link>,
    pub(in crate::tools) selected: BTreeMap<String, Vec<String>>,
    pub(in crate::tools) truncated: bool,
}

/// What is looked for.
pub(super) struct Asked<'a> {
    pub(super) url: &'a str,
    pub(super) charset: Option<&'a str>,
    pub(super) select: &'a BTreeMap<String, Select>,
    pub(super) text: bool,
}

/// Looks for it.
pub(super) fn read(document: &[u8], asked: &Asked<'_>, limit: usize) -> Result<PageFound, Refusal> {
    let mut selectors = Vec::new();
    for (name, select) in asked.select {
        let selector = Selector::parse(&select.css).map_err(|error| {
            let css = select.css.escape_debug();
            Refusal::new(Why::BadRequest, format!("`{css}` is no CSS selector: {error}"))
        })?;
        selectors.push((name, select, selector));
    }
    let html = Html::parse_document(&lenient(document, asked.charset));
    let base = base(&html, asked.url);
    let absolute = |written: &str| base.as_ref()?.join(written).ok();
    let (links, more) = links(&html, limit, |written| {
        absolute(written).filter(|url| matches!(url.scheme(), "http" | "https")).map(String::from)
    });
    let mut found =
        PageFound { title: title(&html), links, truncated: more, ..PageFound::default() };
    if asked.text {
        found.text = text_below(html.tree.root());
    }
    for (name, select, selector) in selectors {
        let mut all =
            html.select(&selector).filter_map(|element| taken(&element, select, &absolute));
        let some: Vec<String> = all.by_ref().take(limit).collect();
        found.truncated |= all.next().is_some();
        found.selected.insert(name.clone(), some);
    }
    Ok(found)
}

fn taken(
    element: &ElementRef<'_>,
    select: &Select,
    absolute: &impl Fn(&str) -> Option<Url>,
) -> Option<String> {
    let Some(attribute) = &select.attribute else {
        return Some(if select.html { element.html() } else { text_below(**element) });
    };
    let value = element.value().attr(attribute)?;
    if ADDRESSES.contains(&attribute.as_str())
        && let Some(url) = absolute(value.trim())
    {
        return Some(url.into());
    }
    Some(value.to_owned())
}

/// What addresses on the page are relative to.
fn base(html: &Html, url: &str) -> Option<Url> {
    let url = Url::parse(url).ok()?;
    let mut elements = html.tree.root().descendants().filter_map(|node| node.value().as_element());
    let written = elements.find(|it| it.name() == "base").and_then(|it| it.attr("href"));
    match written.map(|href| url.join(href.trim())) {
        Some(Ok(base)) => Some(base),
        _ => Some(url),
    }
}
