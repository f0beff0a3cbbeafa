//! `web_scrape`: parts of a page of the web.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::taken;
use super::exchange::Ask;
use super::fetch::{Fetched, no_document};
use super::headers::{HEADERS_MAX, Kind, parsed};
use super::http_get::from_the_web;
use super::target::Target;
use crate::contracts::{CallEffect, ErrorKind, Risk, ToolError};
use crate::ports::ToolDescriptor;
use crate::tools::parse::{self, INPUT_BYTES_MAX, Link, PageFound, Read, Select, Wanted};
use crate::tools::typed::{Answer, Call, Typed, about};

/// Largest page unless the call says otherwise.
const PAGE_BYTES: u64 = 4 << 20;

/// Most selectors, and longest name of one.
const SELECTORS_MAX: usize = 50;
const NAME_BYTES_MAX: usize = 100;

/// Entries of each list unless the call says otherwise, and at most.
const LISTED: usize = 100;
const LISTED_MAX: usize = 10_000;

pub(in crate::tools) struct WebScrape;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Args {
    /// The page: https, or http where policy lets it. Redirects are followed on the same host only.
    #[schemars(length(min = 1, max = 8192))]
    url: String,
    /// What is looked for: names of your own, each with `css`, and `attribute` or `html: true` for something
    /// else than the text.
    #[serde(default)]
    #[schemars(length(max = SELECTORS_MAX))]
    select: BTreeMap<String, Select>,
    /// Whether the text of the whole page is wanted; it is unless something is selected.
    text: Option<bool>,
    /// Headers to send, such as `accept-language`; no credentials.
    #[serde(default)]
    #[schemars(length(max = HEADERS_MAX))]
    headers: BTreeMap<String, String>,
    /// Most entries of each list; 100 unless given.
    #[schemars(range(min = 0, max = LISTED_MAX))]
    limit: Option<usize>,
    /// Largest page in bytes; 4 MiB unless given. A larger one is an error.
    #[schemars(range(min = 1, max = INPUT_BYTES_MAX))]
    max_bytes: Option<u64>,
}

#[derive(Debug, Default, PartialEq, Serialize, JsonSchema)]
pub(in crate::tools) struct Data {
    /// Where the page came from, after redirects.
    url: String,
    /// The status, such as 200.
    status: u16,
    /// What the other side says it is.
    media_type: String,
    /// Size of the page in bytes.
    bytes: u64,
    /// Its title; empty without one.
    title: String,
    /// Its text, where it is wanted: blocks on lines of their own, and nothing of scripts and styles.
    text: String,
    /// Its links, absolute.
    links: Vec<Link>,
    /// What each selector found, in the order of the page.
    selected: BTreeMap<String, Vec<String>>,
    /// Whether something is missing.
    truncated: bool,
}

impl Typed for WebScrape {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Gets a page of the web and finds its title, text, links, and what CSS selectors name. \
                    The page is taken apart in a cell; none of its scripts run.";
        from_the_web(ToolDescriptor {
            aliases: vec!["web_scrape_bs4".to_owned()],
            sinks: ["url", "headers"].map(str::to_owned).to_vec(),
            profile: "parse".to_owned(),
            ..about("web_scrape", Risk::Medium, CallEffect::Read, what)
        })
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        Target::parse(&args.url)?;
        parsed(&args.headers, Kind::Reads)?;
        let bad = |why: String| Err(ToolError::new(ErrorKind::BadArguments, why));
        for (name, select) in &args.select {
            let shown = name.escape_debug();
            if name.is_empty() || name.len() > NAME_BYTES_MAX {
                return bad(format!(
                    "a name in `select` has 1 to {NAME_BYTES_MAX} bytes: `{shown}`"
                ));
            }
            if select.html && select.attribute.is_some() {
                return bad(format!("`select.{shown}` has both `attribute` and `html`"));
            }
        }
        Ok(())
    }

    fn dry_run(&self, args: &Args) -> String {
        let (url, bytes) = (args.url.escape_debug(), args.max_bytes.unwrap_or(PAGE_BYTES));
        format!(
            "would get `{url}`, at most {bytes} bytes and nothing from another host, and look for {} \
             selectors in it",
            args.select.len()
        )
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let ask = Ask { headers: parsed(&args.headers, Kind::Reads)?, ..Ask::get() };
        let target = Target::parse(&args.url)?;
        let (fetched, page) = taken(at, target, &ask, args.max_bytes.unwrap_or(PAGE_BYTES))?;
        let Fetched { target, media_type, bytes, status, .. } = fetched;
        let error = (!status.is_success()).then(|| no_document(&target, status));
        let limit = args.limit.unwrap_or(LISTED);
        let wanted = Wanted::Page {
            url: target.url.as_str().to_owned(),
            charset: charset(&media_type),
            text: args.text.unwrap_or(args.select.is_empty()),
            select: args.select,
            limit,
        };
        let Read { found, limited, artifacts, mut logs, receipt } = parse::ask(at, wanted, &page)?;
        let PageFound { title, text, links, selected, truncated } = found;
        if limited {
            logs.push(format!(
                "each list has at most {limit} entries: `limit` may be {LISTED_MAX}"
            ));
        }
        let (url, status) = (target.url.as_str().to_owned(), status.as_u16());
        let data = Data { url, status, media_type, bytes, title, text, links, selected, truncated };
        Ok(Answer { error, truncated, logs, artifacts, receipt, ..Answer::of(data) })
    }
}

/// The charset that a server names, such as in `text/html; charset=utf-8`.
fn charset(media_type: &str) -> Option<String> {
    let mut parameters = media_type.split(';').skip(1).map(str::trim);
    let value = parameters.find_map(|it| {
        let (name, value) = it.split_once('=')?;
        name.eq_ignore_ascii_case("charset").then_some(value)
    })?;
    Some(value.trim_matches('"').to_owned())
}
