//! Any path and any document are values or a refusal. The path is the first line of the input.
#![no_main]

use bailiwick::tools::answer_in_cell;
use serde_json::json;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (query, document) = text.split_once('\n').unwrap_or((text, "{}"));
    let request = json!({"wanted": {"json": {"query": query, "limit": 100}}, "bytes_max": 10_000, "whole_bytes_max": 100_000});
    let input = format!("{request}\n{document}");
    let reply = answer_in_cell("parse", input.as_bytes()).expect("a request that can be read");
    assert!(reply.len() < 112_000, "{} bytes", reply.len());
});
