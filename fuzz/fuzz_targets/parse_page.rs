//! Any selector and any page are parts of the page or a refusal. The selector is the first line of the
//! input.
#![no_main]

use bailiwick::tools::answer_in_cell;
use serde_json::json;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (css, page) = text.split_once('\n').unwrap_or((text, "<p>"));
    let select = json!({"a": {"css": css}, "b": {"css": css, "attribute": "href"}, "c": {"css": css, "html": true}});
    let wanted = json!({"page": {"url": "https://example.org/a/b", "charset": null, "select": select, "text": true, "limit": 100}});
    let input = format!("{}\n{page}", json!({"wanted": wanted, "bytes_max": 10_000, "whole_bytes_max": 100_000}));
    let reply = answer_in_cell("parse", input.as_bytes()).expect("a request that can be read");
    assert!(reply.len() < 112_000, "{} bytes", reply.len());
});
