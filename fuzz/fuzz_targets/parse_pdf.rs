//! Any bytes are a PDF or a refusal, and no answer is larger than the room for it. A panic of the reader is a
//! refusal too.
#![no_main]

use bailiwick::tools::answer_in_cell;

const REQUEST: &str = r#"{"wanted":{"pdf":{"first":1,"count":100}},"bytes_max":10000,"whole_bytes_max":100000}"#;

static QUIET: std::sync::Once = std::sync::Once::new();

libfuzzer_sys::fuzz_target!(|document: &[u8]| {
    // The fuzzer's own hook would end it at every panic.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let input = [REQUEST.as_bytes(), b"\n", document].concat();
    let reply = answer_in_cell("parse", &input).expect("a request that can be read");
    assert!(reply.len() < 112_000, "{} bytes", reply.len());
});
