//! Lines of JSON as drafts, each with its number.

use crate::contracts::MemoryDraft;

/// Most bad lines that are told at once.
const TOLD_MAX: usize = 20;

/// A line that is no draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

impl std::fmt::Display for BadLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

/// What stands in a file: good lines with their numbers, and bad ones.
#[derive(Debug, Default)]
pub struct Lines {
    /// Drafts, with the numbers of their lines.
    pub good: Vec<(usize, MemoryDraft)>,
    /// Lines that are none.
    pub bad: Vec<BadLine>,
}

impl Lines {
    /// Reads a file. Empty lines are passed over. `check` says what else a draft must be.
    #[must_use]
    pub fn read(content: &[u8], check: impl Fn(&MemoryDraft) -> Result<(), String>) -> Self {
        let mut lines = Self::default();
        let content = content.strip_prefix("\u{feff}".as_bytes()).unwrap_or(content);
        for (place, line) in content.split(|byte| *byte == b'\n').enumerate() {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let line_number = place + 1;
            match draft(line).and_then(|draft| check(&draft).map(|()| draft)) {
                Ok(draft) => lines.good.push((line_number, draft)),
                Err(why) => lines.bad.push(BadLine { line: line_number, why }),
            }
        }
        lines
    }

    /// The bad lines for people, the first of them.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        let more = self.bad.len().saturating_sub(TOLD_MAX);
        let mut told: Vec<String> =
            self.bad.iter().take(TOLD_MAX).map(ToString::to_string).collect();
        if more > 0 {
            told.push(format!("and {more} more"));
        }
        told
    }
}

fn draft(line: &[u8]) -> Result<MemoryDraft, String> {
    let text = std::str::from_utf8(line)
        .map_err(|error| format!("it is not UTF-8, from byte {}", error.valid_up_to() + 1))?;
    serde_json::from_str(text).map_err(|error| {
        let said = error.to_string();
        // The line within the line says nothing.
        said.replace(" at line 1 column ", ", at column ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_lines_and_bad_ones_keep_their_numbers() {
        let mut content = br#"{"external_id":"a","area":"main","text":"one"}

{"area":"cellar","text":"two"}
{"area":"main","text":"three","colour":"red"}
{"area":"main"}
{"area":"main","text":"six","event_time":"last year"}
"#
        .to_vec();
        content.extend(
            b"{\"area\":\"main\",\"text\":\"\xff\"}\nno json\n{\"area\":\"main\",\"text\":\"\"}",
        );
        let lines = Lines::read(&content, |draft| match draft.text.is_empty() {
            true => Err("empty".to_owned()),
            false => Ok(()),
        });
        assert_eq!(lines.good.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1]);
        insta::assert_snapshot!(lines.told().join("\n"));
    }

    #[test]
    fn a_long_list_of_bad_lines_is_cut() {
        let lines = Lines::read("x\n".repeat(50).as_bytes(), |_| Ok(()));
        assert_eq!(lines.bad.len(), 50);
        assert_eq!(lines.told().len(), TOLD_MAX + 1);
        assert_eq!(lines.told().last().unwrap(), "and 30 more");
    }
}
