//! Any text is a value or an error, within its bounds.
#![no_main]

use bailiwick::playbook::expression::{Evaluator, ExpressionLimits, Reads, Scope};

struct Nothing;

impl Reads for Nothing {
    fn exists(&self, _: &str) -> Result<bool, String> {
        Ok(false)
    }
    fn read(&self, _: &str) -> Result<String, String> {
        Ok("${{ 1 }}".to_owned())
    }
    fn template(&self, name: &str) -> Result<String, String> {
        Ok(name.to_owned())
    }
    fn now(&self) -> String {
        String::new()
    }
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    let evaluator = Evaluator::new(ExpressionLimits { operations: 5_000 });
    let _ = evaluator.evaluate(text, &Scope::default(), &Nothing);
});
