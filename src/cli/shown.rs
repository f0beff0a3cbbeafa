//! Text of others on a terminal: what came from a playbook, a tool, a rule or an error is shown and
//! never obeyed.

/// `text` with every character that a terminal would obey, but for the line break, replaced: escape
/// sequences cannot rewrite what was shown, and nothing can turn the direction of reading.
pub(super) fn printable(text: &str) -> String {
    let shown = |c| if c != '\n' && is_obeyed(c) { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(shown).collect()
}

/// `text` on one line of at most `max_chars` characters; what is cut off is marked with `…`.
pub(super) fn one_line(text: &str, max_chars: usize) -> String {
    let flat: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let clean = printable(&flat);
    match clean.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}…", clean.get(..end).unwrap_or(&clean)),
        None => clean,
    }
}

/// A JSON document that means the same and holds nothing a terminal would obey: such characters
/// stand only inside of its strings, where they can be escaped.
pub(super) fn escaped_json(document: &str) -> String {
    let mut escaped = String::with_capacity(document.len());
    for c in document.chars() {
        if c != '\n' && is_obeyed(c) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Control characters of ASCII and of Latin-1, and the marks of Unicode that break lines or change
/// the direction of reading. All of them are below U+10000.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVIL: &str = "a\u{1b}[2K\r\u{9b}31m\u{202e}b\u{2066}\u{7f}\u{7}é\nc";

    #[test]
    fn nothing_a_terminal_would_obey_is_left() {
        let shown = printable(EVIL);
        assert_eq!(shown, "a\u{fffd}[2K\u{fffd}\u{fffd}31m\u{fffd}b\u{fffd}\u{fffd}\u{fffd}é\nc");
        assert_eq!(printable("ä 👩‍🔧\n"), "ä 👩‍🔧\n");
    }

    #[test]
    fn one_line_is_one_and_no_longer_than_asked() {
        assert_eq!(one_line("a\r\n\tb\u{2028}c\u{1b}", 80), "a   b c\u{fffd}");
        assert_eq!(one_line("äöü", 3), "äöü");
        assert_eq!(one_line("äöüx", 3), "äöü…");
    }

    #[test]
    fn escaped_json_means_the_same() {
        let document = serde_json::to_string_pretty(&serde_json::json!({ EVIL: [EVIL] })).unwrap();
        let escaped = escaped_json(&document);
        assert_eq!(printable(&escaped), escaped);
        let (before, after): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(&document).unwrap(), serde_json::from_str(&escaped).unwrap());
        assert_eq!(before, after);
    }
}
