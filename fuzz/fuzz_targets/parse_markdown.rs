//! Any bytes are Markdown or a refusal, and no answer is larger than the room for it.
#![no_main]

use bailiwick::tools::answer_in_cell;

const REQUEST: &str = r#"{"wanted":"markdown","bytes_max":10000,"whole_bytes_max":100000}"#;

libfuzzer_sys::fuzz_target!(|document: &[u8]| {
    let input = [REQUEST.as_bytes(), b"\n", document].concat();
    let reply = answer_in_cell("parse", &input).expect("a request that can be read");
    assert!(reply.len() < 112_000, "{} bytes", reply.len());
});
