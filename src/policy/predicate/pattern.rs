//! Globs, compiled once.

use globset::{GlobBuilder, GlobMatcher};

use crate::contracts::Diagnostic;
use crate::yaml::Place;

/// Characters that make a text more than itself.
const SPECIAL: [char; 6] = ['*', '?', '[', ']', '{', '\\'];

/// Globs of which one must match. `*` and `?` stop at `/` where names have one; `**` does not.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Globs {
    written: Vec<String>,
    /// Those that are more than a plain text.
    matchers: Vec<GlobMatcher>,
}

impl Globs {
    /// Globs of `texts`; a text that is no glob is a mistake.
    pub(in crate::policy) fn compile(
        file: &str,
        key: &str,
        texts: Vec<(&str, Place)>,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut globs = Self { written: Vec::new(), matchers: Vec::new() };
        for (text, place) in texts {
            globs.written.push(text.to_owned());
            if !text.contains(SPECIAL) {
                continue;
            }
            match GlobBuilder::new(text).literal_separator(true).build() {
                Ok(glob) => globs.matchers.push(glob.compile_matcher()),
                Err(error) => {
                    let message = format!("`{text}` in `{key}` is no glob: {}", error.kind());
                    mistakes.push(place.error(file, "bad-glob", message));
                }
            }
        }
        globs
    }

    /// Whether any matches `text`. A glob also matches the text that it is.
    pub(in crate::policy) fn is_match(&self, text: &str) -> bool {
        self.written.iter().any(|written| written == text)
            || self.matchers.iter().any(|matcher| matcher.is_match(text))
    }

    /// As they were written.
    pub(in crate::policy) fn written(&self) -> &[String] {
        &self.written
    }
}
