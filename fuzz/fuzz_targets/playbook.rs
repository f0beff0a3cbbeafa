//! Any text is a playbook or a list of mistakes with places inside the file.
#![no_main]

use bailiwick::playbook::{LintLimits, NoLibrary, compile, lint};
use bailiwick::tools::vocabulary;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let linted = lint("fuzz.yaml", text, &vocabulary(), &LintLimits::default(), &NoLibrary);
    for mistake in &linted.diagnostics {
        assert!(mistake.line >= 1 && mistake.column >= 1, "{mistake}");
    }
    if let Some(playbook) = linted.playbook {
        let _ = compile(&playbook);
    }
});
