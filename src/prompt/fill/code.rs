//! Text from elsewhere as Markdown code, so that it stays text: a file's name or a command's output
//! must not become a heading, end its own quotation, or drive the terminal that shows the report.

use minijinja::Value;

/// Most characters of a code span.
const SPAN_CHARS_MAX: usize = 200;

/// The filter `code`: a value as a code span in one line, cut when it is long.
pub(super) fn code(value: &Value) -> String {
    let mut text = String::new();
    for (count, character) in value.to_string().chars().enumerate() {
        if count == SPAN_CHARS_MAX {
            text.push('…');
            break;
        }
        text.push(visible(character));
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    // Markdown takes a space off both ends, where there is one at both.
    let at_both_ends = |c: char| text.starts_with(c) && text.ends_with(c);
    let spaced = at_both_ends(' ') && !text.trim().is_empty();
    if text.is_empty() || spaced || text.starts_with('`') || text.ends_with('`') {
        format!("{fence} {text} {fence}")
    } else {
        format!("{fence}{text}{fence}")
    }
}

/// The filter `code_block`: a text as a block of code.
pub(super) fn code_block(value: &Value) -> String {
    let whole = value.to_string();
    let lines = whole.strip_suffix('\n').unwrap_or(&whole).replace("\r\n", "\n");
    let keep = |c: char| if matches!(c, '\n' | '\t') { c } else { visible(c) };
    let text: String = lines.chars().map(keep).collect();
    let fence = "`".repeat((longest_run(&text) + 1).max(3));
    format!("{fence}\n{text}\n{fence}")
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A picture of a character that would do something instead of being seen.
fn visible(character: char) -> char {
    match character {
        '\u{0}'..='\u{1f}' => {
            char::from_u32(0x2400 + u32::from(character)).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        '\u{7f}' => '\u{2421}',
        // More control characters and line ends, and those that turn the direction of writing.
        '\u{80}'..='\u{9f}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_stays_one_span_in_one_line() {
        for (text, expected) in [
            ("src/a.rs", "`src/a.rs`"),
            ("", "`  `"),
            (" ", "` `"),
            (" a ", "`  a  `"),
            ("a\n# injected", "`a␊# injected`"),
            ("\u{1b}[2Jx\r\u{7f}\u{9b}", "`␛[2Jx␍␡\u{fffd}`"),
            ("a`b", "``a`b``"),
            ("`a``b`", "``` `a``b` ```"),
            ("\u{202e}cod.exe", "`\u{fffd}cod.exe`"),
            ("ä|b <b> *c*", "`ä|b <b> *c*`"),
        ] {
            assert_eq!(code(&Value::from(text)), expected, "{text:?}");
        }
        assert_eq!(code(&Value::from(12)), "`12`");
        assert_eq!(code(&Value::from(vec!["a"])), "`['a']`");
    }

    #[test]
    fn a_long_span_is_cut_before_its_fence_is_chosen() {
        let text = format!("{}````", "ä".repeat(SPAN_CHARS_MAX));
        assert_eq!(code(&Value::from(text)), format!("`{}…`", "ä".repeat(SPAN_CHARS_MAX)));
        let full = "x".repeat(SPAN_CHARS_MAX);
        assert_eq!(code(&Value::from(full.as_str())), format!("`{full}`"));
    }

    #[test]
    fn a_block_cannot_end_itself() {
        for (text, expected) in [
            ("one\r\n\ttwo\n", "```\none\n\ttwo\n```"),
            ("a\n```\n# injected", "````\na\n```\n# injected\n````"),
            ("\u{1b}[31m\u{0}\rover", "```\n␛[31m␀␍over\n```"),
        ] {
            assert_eq!(code_block(&Value::from(text)), expected, "{text:?}");
        }
    }
}
