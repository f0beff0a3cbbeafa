//! Any text is a tree or a list of mistakes, never a panic and never without bound.
#![no_main]

use bailiwick::yaml::{Limits, parse};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(node) = parse("fuzz.yaml", text, Limits::default()) {
        let _ = node.to_json();
    }
});
