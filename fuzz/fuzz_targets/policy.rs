//! Any text is a set of rules or a list of mistakes; what compiles decides without a panic.
#![no_main]

use bailiwick::policy::{Layer, Options, Source, compile};
use bailiwick::tools::vocabulary;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (script, bytes) = match bytes.split_first() {
        Some((first, rest)) => (first % 2 == 0, rest),
        None => return,
    };
    let path = if script { "policies/fuzz.rhai" } else { "policies/fuzz.yaml" };
    let source = Source { layer: Layer::User, path: path.to_owned(), bytes: bytes.to_vec() };
    let _ = compile(&[source], &vocabulary(), &Options::default());
});
