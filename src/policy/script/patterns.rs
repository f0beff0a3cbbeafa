//! Patterns that scripts name, compiled once: a rule that asks about each of many files is cheap.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use globset::{GlobBuilder, GlobMatcher};
use regex::{Regex, RegexBuilder};
use rhai::EvalAltResult;

use super::meter::charge;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// Largest compiled pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 18;

/// Patterns kept by each thread. Rules name a few; a rule that makes them up empties the store.
const KEPT_MAX: usize = 128;

/// Compiled patterns by their text. Of one thread: nobody waits for another's rule.
type Kept<T> = RefCell<HashMap<String, Arc<T>>>;

thread_local! {
    static REGEXES: Kept<Regex> = RefCell::default();
    static GLOBS: Kept<GlobMatcher> = RefCell::default();
}

/// Whether `pattern` is found in `text`.
pub(super) fn matches(text: &str, pattern: &str) -> Fallible<bool> {
    charge(text.len() + pattern.len())?;
    Ok(REGEXES.with(|all| kept(all, pattern, regular))?.is_match(text))
}

/// Whether the whole of `text` is as `pattern`.
pub(super) fn glob(text: &str, pattern: &str) -> Fallible<bool> {
    charge(text.len() + pattern.len())?;
    Ok(GLOBS.with(|all| kept(all, pattern, globbed))?.is_match(text))
}

/// The regular expression that `pattern` is, or why it is none.
pub(super) fn regular(pattern: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => format!("`{pattern}` is too large a regular expression"),
        _ => format!("`{pattern}` is no regular expression"),
    })
}

/// The glob that `pattern` is, or why it is none.
pub(super) fn globbed(pattern: &str) -> Result<GlobMatcher, String> {
    let built = GlobBuilder::new(pattern).literal_separator(true).build();
    let built = built.map_err(|error| format!("`{pattern}` is no glob: {}", error.kind()))?;
    Ok(built.compile_matcher())
}

fn kept<T>(
    all: &Kept<T>,
    pattern: &str,
    build: impl FnOnce(&str) -> Result<T, String>,
) -> Fallible<Arc<T>> {
    if let Some(found) = all.borrow().get(pattern) {
        return Ok(Arc::clone(found));
    }
    let built = Arc::new(build(pattern)?);
    let mut all = all.borrow_mut();
    if all.len() >= KEPT_MAX {
        all.clear();
    }
    all.insert(pattern.to_owned(), Arc::clone(&built));
    Ok(built)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_stays_right() {
        for n in 0..KEPT_MAX * 3 {
            assert!(matches(&format!("a{n}b"), &format!("^a{n}b$")).unwrap());
            assert!(!glob(&format!("a{n}"), &format!("b{n}")).unwrap());
            assert!(REGEXES.with(|all| all.borrow().len()) <= KEPT_MAX);
            assert!(GLOBS.with(|all| all.borrow().len()) <= KEPT_MAX);
        }
        assert!(matches("x", "(").is_err() && glob("x", "[").is_err());
    }
}
