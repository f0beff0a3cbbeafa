//! A file of knowledge, taken apart into drafts: one for each section, or for each group of paragraphs of a long one.

use crate::contracts::{Area, Diagnostic, MemoryDraft, Timestamp};
use crate::yaml::{self, Fields};

/// Longest piece of a section, in bytes, where paragraphs leave a choice.
const PIECE_BYTES: usize = 2_048;
/// What stands between the headings above a section.
const BELOW: &str = " › ";

/// What the front matter says of every record of a file.
#[derive(Debug, Clone, Default, PartialEq)]
struct Front {
    tags: Vec<String>,
    subject: Option<String>,
    event_time: Option<Timestamp>,
    valid_from: Option<Timestamp>,
    valid_to: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    importance: Option<f32>,
    pinned: bool,
}

/// The drafts of a file.
///
/// # Errors
/// What is wrong with its front matter, in a line for each mistake.
pub(super) fn drafts(name: &str, area: Area, content: &str) -> Result<Vec<MemoryDraft>, String> {
    let (front, body) = split(name, content)?;
    let draft = |text: String| MemoryDraft {
        tags: front.tags.clone(),
        subject: front.subject.clone(),
        event_time: front.event_time,
        valid_from: front.valid_from,
        valid_to: front.valid_to,
        expires_at: front.expires_at,
        importance: front.importance,
        pinned: front.pinned,
        ..MemoryDraft::new(area, text)
    };
    Ok(sections(body).into_iter().map(draft).collect())
}

/// Front matter stands between a first line `---` and the next one.
fn split<'a>(name: &str, content: &'a str) -> Result<(Front, &'a str), String> {
    let content = content.strip_prefix('\u{feff}').unwrap_or(content);
    let Some(rest) = content.strip_prefix("---\n").or_else(|| content.strip_prefix("---\r\n"))
    else {
        return Ok((Front::default(), content));
    };
    let mut from = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == "---" {
            let front = rest.get(..from).unwrap_or_default();
            let body = rest.get(from + line.len()..).unwrap_or_default();
            return Ok((read_front(name, front)?, body));
        }
        from += line.len();
    }
    Err(format!("`{name}` begins with `---` and has no second one: the front matter has no end"))
}

fn read_front(name: &str, text: &str) -> Result<Front, String> {
    let told = |mistakes: Vec<Diagnostic>| {
        let lines = mistakes.iter().map(|it| format!("`{name}`: {}", it.message));
        lines.collect::<Vec<_>>().join("; ")
    };
    let node = yaml::parse(name, text, yaml::Limits::default()).map_err(told)?;
    if node.value == yaml::Value::Null {
        return Ok(Front::default());
    }
    let mut mistakes = Vec::new();
    let Some(mut fields) = Fields::of(name, "the front matter", &node, &mut mistakes) else {
        return Err(told(mistakes));
    };
    let tags = fields.texts("tags", &mut mistakes).unwrap_or_default();
    let subject = fields.text("subject", &mut mistakes).map(str::to_owned);
    let mut times = ["event_time", "valid_from", "valid_to", "expires_at"]
        .map(|key| time(name, &mut fields, key, &mut mistakes))
        .into_iter();
    let importance = fields.number("importance", &mut mistakes);
    let pinned = fields.boolean("pinned", &mut mistakes).unwrap_or(false);
    fields.finish(&mut mistakes);
    if !mistakes.is_empty() {
        return Err(told(mistakes));
    }
    let mut next = || times.next().flatten();
    Ok(Front {
        tags: tags.into_iter().map(|(tag, _)| tag.to_owned()).collect(),
        subject,
        event_time: next(),
        valid_from: next(),
        valid_to: next(),
        expires_at: next(),
        importance: importance.map(|importance| importance as f32),
        pinned,
    })
}

/// A time, or a day, which begins at midnight.
fn time(
    name: &str,
    fields: &mut Fields<'_>,
    key: &'static str,
    mistakes: &mut Vec<Diagnostic>,
) -> Option<Timestamp> {
    let node = fields.node(key)?;
    let text = node.as_text().unwrap_or_default();
    let whole = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    match whole.parse() {
        Ok(time) => Some(time),
        Err(_) => {
            let message =
                format!("`{key}` is no time such as `2026-05-01` or `2026-05-01T07:00:00Z`");
            mistakes.push(node.error(name, "bad-value", message));
            None
        }
    }
}

/// Sections with the headings above them in their first line, long ones in pieces.
fn sections(body: &str) -> Vec<String> {
    let mut headings: Vec<(usize, String)> = Vec::new();
    let (mut found, mut text, mut fenced) = (Vec::new(), String::new(), false);
    for line in body.lines() {
        fenced ^= line.trim_start().starts_with("```");
        match heading(line).filter(|_| !fenced) {
            Some((level, title)) => {
                keep(&headings, &text, &mut found);
                text.clear();
                headings.retain(|(above, _)| *above < level);
                headings.push((level, title.to_owned()));
            }
            None => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    keep(&headings, &text, &mut found);
    found
}

fn heading(line: &str) -> Option<(usize, &str)> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    let title = line.get(level..)?.strip_prefix(' ')?.trim().trim_end_matches('#').trim_end();
    ((1..=6).contains(&level) && !title.is_empty()).then_some((level, title))
}

fn keep(headings: &[(usize, String)], text: &str, found: &mut Vec<String>) {
    if text.trim().is_empty() {
        return;
    }
    let above: Vec<&str> = headings.iter().map(|(_, title)| title.as_str()).collect();
    let above = above.join(BELOW);
    for piece in pieces(text) {
        found.push(if above.is_empty() { piece } else { format!("{above}\n{piece}") });
    }
}

/// A section in pieces of whole paragraphs. A paragraph is never torn apart; one that is too long for a memory is refused
/// with the file.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let paragraphs = text.trim().split("\n\n").map(str::trim).filter(|it| !it.is_empty());
    for paragraph in paragraphs {
        match pieces.last_mut() {
            Some(last) if last.len() + paragraph.len() <= PIECE_BYTES => {
                last.push_str("\n\n");
                last.push_str(paragraph);
            }
            _ => pieces.push(paragraph.to_owned()),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_carry_their_headings_and_the_front_matter() {
        let text = "---\ntags: [pumps, leeds]\nsubject: pump 7\nevent_time: 2026-04-01\npinned: true\nimportance: 0.5\n---\nIntro.\n\n# Pumps\n\n## Oil\n\nUse 10W.\n\n```\n# no heading\n```\n\n## Speed\n35 bar.\n# Empty\n";
        let drafts = drafts("memory/main/a.md", Area::Main, text).unwrap();
        let texts: Vec<&str> = drafts.iter().map(|draft| draft.text.as_str()).collect();
        assert_eq!(
            texts,
            ["Intro.", "Pumps › Oil\nUse 10W.\n\n```\n# no heading\n```", "Pumps › Speed\n35 bar."]
        );
        let last = &drafts[2];
        assert_eq!(last.tags, ["pumps", "leeds"]);
        assert_eq!(last.subject.as_deref(), Some("pump 7"));
        assert_eq!(last.event_time.unwrap().to_string(), "2026-04-01T00:00:00.000Z");
        assert_eq!((last.pinned, last.importance), (true, Some(0.5)));
    }

    #[test]
    fn a_long_section_is_cut_between_paragraphs() {
        let paragraph = "word ".repeat(200);
        let text = format!("# T\n{}", [paragraph.as_str(); 7].join("\n\n"));
        let drafts = drafts("a.md", Area::Fragments, &text).unwrap();
        assert_eq!(drafts.len(), 4, "two of a thousand bytes fit a piece");
        assert!(drafts.iter().all(|draft| draft.text.starts_with("T\nword ")));
    }

    #[test]
    fn mistakes_of_the_front_matter_are_named() {
        let cases = [
            ("---\ncolour: red\n---\nx", "colour"),
            ("---\ntags: 7\n---\nx", "tags"),
            ("---\nevent_time: soon\n---\nx", "event_time"),
            ("---\npinned: maybe\n---\nx", "pinned"),
            ("---\ntags: [a]\nx", "has no end"),
            ("---\n- a\n---\nx", "mapping"),
            ("---\n: [\n---\nx", "a.md"),
        ];
        for (text, part) in cases {
            let error = drafts("a.md", Area::Main, text).unwrap_err();
            assert!(error.contains(part), "`{part}` is not in `{error}`");
        }
        assert!(drafts("a.md", Area::Main, "---\n---\nx").is_ok());
        assert!(drafts("a.md", Area::Main, "").unwrap().is_empty());
    }
}
