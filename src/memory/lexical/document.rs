//! What of a record is indexed and embedded.

use std::borrow::Cow;

use crate::contracts::Timestamp;
use crate::memory::Entry;

/// The text that is embedded: who it is about, then what it says.
pub fn spoken<'a>(entry: &Entry, text: &'a str) -> Cow<'a, str> {
    let Some(subject) = entry.metadata.subject.as_deref().filter(|it| !it.is_empty()) else {
        return Cow::Borrowed(text);
    };
    let begins = text.get(..subject.len()).is_some_and(|it| it.eq_ignore_ascii_case(subject));
    if begins { Cow::Borrowed(text) } else { Cow::Owned(format!("{subject}: {text}")) }
}

/// The text that is indexed by words: what is embedded, and the day on which it happened.
pub fn worded(entry: &Entry, text: &str) -> String {
    let mut words = spoken(entry, text).into_owned();
    if let Some(day) = entry.metadata.event_time.and_then(day) {
        words.push(' ');
        words.push_str(&day);
    }
    words
}

/// A number that changes when anything changes that was indexed or embedded.
#[must_use]
pub fn stamp(entry: &Entry) -> u32 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(entry.metadata.subject.as_deref().unwrap_or("").as_bytes());
    hasher.update(&[0]);
    hasher.update(&entry.metadata.event_time.map_or(-1, Timestamp::ms).to_le_bytes());
    hasher.update(entry.area.name().as_bytes());
    if let Some(content) = &entry.content_hash {
        hasher.update(content.as_bytes());
    }
    let bytes = hasher.finalize();
    bytes.as_bytes().first_chunk().map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

/// Whether a text is a question: what follows it may answer it, and it answers nothing.
#[must_use]
pub fn asks(text: &str) -> bool {
    let text = text.trim_end_matches(|c: char| c.is_whitespace() || "\"')]”".contains(c));
    text.ends_with(['?', '？', '؟'])
}

/// `Friday 1 May 2026`, in UTC.
fn day(time: Timestamp) -> Option<String> {
    let day = jiff::Timestamp::from_millisecond(time.ms()).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
    Some(day.strftime("%A %-d %B %Y").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_known_by_its_end() {
        for (text, expect) in [
            ("Why?", true),
            ("\"Why?\" ", true),
            ("Why? Because.", false),
            ("", false),
            ("what", false),
        ] {
            assert_eq!(asks(text), expect, "{text}");
        }
    }

    #[test]
    fn days_are_written_as_people_write_them() {
        let time = "2026-05-01T07:00:00Z".parse().unwrap();
        assert_eq!(day(time).as_deref(), Some("Friday 1 May 2026"));
    }
}
