//! Any file is a configuration or a list of mistakes, and an untrusted one never widens anything.
#![no_main]

use bailiwick::config::{SourceFile, Sources, resolve};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let file = |trusted| {
        let (name, text) = ("fuzz.yaml".to_owned(), text.to_owned());
        Sources { file: Some(SourceFile { name, text, trusted }), ..Sources::default() }
    };
    let _ = resolve(&file(true));
    let _ = resolve(&file(false));
});
