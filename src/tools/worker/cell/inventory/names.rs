//! Names that mislead.

/// Endings of what runs when it is opened.
const RUNS: [&str; 9] = ["exe", "scr", "com", "bat", "cmd", "ps1", "vbs", "jar", "desktop"];

/// Endings of what people open without a thought.
const HARMLESS: [&str; 9] = ["pdf", "doc", "docx", "xls", "txt", "jpg", "jpeg", "png", "html"];

/// What is odd about the last name of a path, if anything.
pub(super) fn suspicious(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.chars().any(is_invisible) {
        return Some("has characters that are not seen, or turn the writing around");
    }
    if name.starts_with('-') {
        return Some("begins with `-`: programs take it for an option");
    }
    if name.ends_with([' ', '.']) && !name.trim_matches('.').is_empty() {
        return Some("ends with a blank or a dot");
    }
    let mut endings = name.rsplit('.').map(str::to_ascii_lowercase);
    let last = endings.next().unwrap_or_default();
    let before = endings.next().unwrap_or_default();
    (RUNS.contains(&last.as_str()) && HARMLESS.contains(&before.as_str()))
        .then_some("is a program that looks like a document")
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
}
