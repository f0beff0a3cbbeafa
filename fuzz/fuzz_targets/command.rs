//! Any command line and argument vector is analysed without a panic.
#![no_main]

use bailiwick::command::{of_argv, of_line};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = of_line(text);
    let words: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let _ = of_argv(&words);
});
