//! Text of strangers, for a line that a person reads: bounded, and nothing in it moves a cursor.

/// `text` with at most `chars_max` characters, control characters and what turns the direction of
/// writing replaced, whitespace as single blanks.
pub(super) fn printable(text: &str, chars_max: usize) -> String {
    let mut shown = String::new();
    let mut count = 0;
    let mut blank = false;
    for c in text.chars() {
        if c.is_whitespace() {
            blank = !shown.is_empty();
            continue;
        }
        if count >= chars_max {
            shown.push('…');
            return shown;
        }
        if blank {
            shown.push(' ');
            count += 1;
            blank = false;
        }
        shown.push(if is_hidden(c) { '\u{fffd}' } else { c });
        count += 1;
    }
    shown
}

/// Characters that change what a reader sees without being seen.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn shows_one_short_line_in_which_nothing_hides() {
        for (text, expected) in [
            ("plain", "plain"),
            ("two\n  lines\tand more ", "two lines and more"),
            ("\x1b[2Jgone", "\u{fffd}[2Jgone"),
            ("a\u{202e}b\u{200b}c\u{e0041}d", "a\u{fffd}b\u{fffd}c\u{fffd}d"),
            ("", ""),
        ] {
            assert_eq!(printable(text, 100), expected, "{text:?}");
        }
        assert_eq!(printable("abcdef", 3), "abc…");
        assert!(printable(&"ä ".repeat(10_000), 50).chars().count() <= 52);
    }
}
