//! Mistakes in files, shown to people with the line and a caret, or to programs as JSON or SARIF.

use std::collections::BTreeSet;

use annotate_snippets::{
    AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str,
};
use serde_json::{Value, json};

use super::shown::{escaped_json, printable};
use crate::contracts::{Diagnostic, Severity};
use crate::policy::mistake_kind;

/// How to show them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: the line with a caret under the mistake.
    #[default]
    Text,
    /// `{"items": […]}`.
    Json,
    /// SARIF 2.1.0, which code hosts and editors read.
    Sarif,
}

/// Longest line that is shown under a mistake, in bytes.
const LINE_BYTES_MAX: usize = 4_096;

/// The diagnostics in `format`, with a line break at the end unless there is nothing to say.
/// `sources` gives the text of a file; a mistake in a file without a text is shown without its
/// line. Whatever a file says, it cannot speak to the terminal.
#[must_use]
pub fn render(
    diagnostics: &[Diagnostic],
    sources: &dyn Fn(&str) -> Option<String>,
    format: Format,
    color: bool,
) -> String {
    match format {
        Format::Text => text(diagnostics, sources, color),
        Format::Json => escaped_json(&format!("{:#}\n", json!({ "items": diagnostics }))),
        Format::Sarif => escaped_json(&format!("{:#}\n", sarif(diagnostics))),
    }
}

fn text(
    diagnostics: &[Diagnostic],
    sources: &dyn Fn(&str) -> Option<String>,
    color: bool,
) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut shown = String::new();
    let mut last: Option<(&str, Option<String>)> = None;
    for diagnostic in diagnostics {
        let source = match last.take() {
            Some((file, source)) if file == diagnostic.file => source,
            _ => sources(&diagnostic.file).map(|source| printable(&source)),
        };
        shown.push_str(&one(&renderer, &harmless(diagnostic), source.as_deref()));
        shown.push_str("\n\n");
        last = Some((&diagnostic.file, source));
    }
    shown
}

/// The diagnostic without anything a terminal would obey. Each such character is replaced by one, so
/// that columns stay.
fn harmless(diagnostic: &Diagnostic) -> Diagnostic {
    Diagnostic {
        code: printable(&diagnostic.code),
        message: printable(&diagnostic.message),
        file: printable(&diagnostic.file),
        suggestion: diagnostic.suggestion.as_deref().map(printable),
        ..*diagnostic
    }
}

fn one(renderer: &Renderer, diagnostic: &Diagnostic, source: Option<&str>) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let file = normalize_untrusted_str(&diagnostic.file);
    let title = level.primary_title(diagnostic.message.clone()).id(diagnostic.code.clone());
    let (line, column) = (wide(diagnostic.line), wide(diagnostic.column));
    let mut group = Group::with_title(title);
    group = match source.and_then(|source| at(source, line, column)) {
        Some((text, span)) => group.element(
            Snippet::source(text)
                .line_start(line)
                .path(file)
                .annotation(AnnotationKind::Primary.span(span)),
        ),
        None => group.element(Origin::path(file).line(line).char_column(column)),
    };
    if let Some(suggestion) = &diagnostic.suggestion {
        group = group.element(Level::HELP.message(normalize_untrusted_str(suggestion)));
    }
    renderer.render(&[group])
}

/// The line and the bytes of the word that begins at the column.
fn at(source: &str, line: usize, column: usize) -> Option<(&str, std::ops::Range<usize>)> {
    let text = source.lines().nth(line.checked_sub(1)?)?;
    if text.len() > LINE_BYTES_MAX {
        return None;
    }
    let ends = text.char_indices().map(|(index, _)| index).chain([text.len()]);
    let start = ends.clone().nth(column.checked_sub(1)?)?;
    let rest = text.get(start..)?;
    let stop = |c: char| c.is_whitespace() || ",:{}[]()\"'`".contains(c);
    let word = rest.find(stop).unwrap_or(rest.len());
    let one = rest.chars().next().map_or(0, char::len_utf8);
    Some((text, start..start + word.max(one)))
}

fn wide(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn sarif(diagnostics: &[Diagnostic]) -> Value {
    let codes: BTreeSet<&str> = diagnostics.iter().map(|d| d.code.as_str()).collect();
    let rules: Vec<Value> = codes.iter().map(|code| sarif_rule(code)).collect();
    let results: Vec<Value> = diagnostics.iter().map(result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "bailiwick",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// What a kind of mistake is, where that is known.
fn sarif_rule(code: &str) -> Value {
    let Some(kind) = mistake_kind(code) else { return json!({ "id": code }) };
    let help = format!("{}. For example {}. What to do: {}.", kind.what, kind.example, kind.fix);
    json!({
        "id": code,
        "shortDescription": { "text": kind.what },
        "help": { "text": help },
        "defaultConfiguration": { "level": level(kind.severity) },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn result(diagnostic: &Diagnostic) -> Value {
    let message = match &diagnostic.suggestion {
        Some(suggestion) => format!("{}; {suggestion}", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    json!({
        "ruleId": diagnostic.code,
        "level": level(diagnostic.severity),
        "message": { "text": message },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&diagnostic.file) },
            "region": { "startLine": diagnostic.line.max(1), "startColumn": diagnostic.column.max(1) },
        } }],
    })
}

/// A path as a relative or absolute URI reference.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

/// How many errors and warnings there are, in words: `2 errors, 1 warning`; empty for none.
#[must_use]
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let say = |count: usize, what: &str| match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        count => Some(format!("{count} {what}s")),
    };
    let parts = [say(count(Severity::Error), "error"), say(count(Severity::Warning), "warning")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostics() -> Vec<Diagnostic> {
        vec![
            Diagnostic::error("unknown-key", "a step has no key `tol`", "a b.yaml", 2, 5)
                .suggest("did you mean `tool`?"),
            Diagnostic::error("odd", "ä is odd", "gone.yaml", 9, 1).as_warning(),
        ]
    }

    fn sources(file: &str) -> Option<String> {
        (file == "a b.yaml").then(|| "steps:\n  - tol: x\n".to_owned())
    }

    #[test]
    fn shows_people_the_line_with_a_caret() {
        insta::assert_snapshot!(render(&diagnostics(), &sources, Format::Text, false), @r"
        error[unknown-key]: a step has no key `tol`
         --> a b.yaml:2:5
          |
        2 |   - tol: x
          |     ^^^
          |
          = help: did you mean `tool`?

        warning[odd]: ä is odd
        --> gone.yaml:9:1
        ");
        assert!(render(&diagnostics(), &sources, Format::Text, true).contains('\u{1b}'));
        assert_eq!(render(&[], &sources, Format::Text, false), "");
    }

    #[test]
    fn a_file_cannot_speak_to_the_terminal() {
        let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}\u{9b}";
        let diagnostic = Diagnostic::error("x", evil, evil, 1, 2).suggest(evil);
        for format in [Format::Text, Format::Json, Format::Sarif] {
            let source = |_: &str| Some(format!("a{evil}"));
            let shown = render(std::slice::from_ref(&diagnostic), &source, format, false);
            for bad in ['\u{1b}', '\u{7}', '\u{202e}', '\u{9b}'] {
                assert!(!shown.contains(bad), "{shown:?}");
            }
        }
    }

    #[test]
    fn places_outside_of_the_text_are_shown_without_it() {
        for (line, column) in [(0, 0), (1, 99), (99, 1), (u32::MAX, u32::MAX)] {
            let diagnostic = Diagnostic::error("x", "m", "f", line, column);
            let shown = render(&[diagnostic], &|_| Some("ä".to_owned()), Format::Text, false);
            assert!(shown.contains("m"), "{shown}");
        }
        let end = Diagnostic::error("x", "m", "f", 1, 2);
        assert!(render(&[end], &|_| Some("ä".to_owned()), Format::Text, false).contains("f:1:2"));
    }

    #[test]
    fn programs_get_json_and_sarif() {
        let json: Value =
            serde_json::from_str(&render(&diagnostics(), &sources, Format::Json, false)).unwrap();
        assert_eq!(json["items"][0]["column"], 5);
        assert_eq!(json["items"][0]["suggestion"], "did you mean `tool`?");
        assert_eq!(json["items"][1]["severity"], "warning");
        let sarif: Value =
            serde_json::from_str(&render(&diagnostics(), &sources, Format::Sarif, false)).unwrap();
        assert_eq!(sarif["version"], "2.1.0");
        let result = &sarif["runs"][0]["results"][0];
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b.yaml");
        assert_eq!(place["region"], json!({"startLine": 2, "startColumn": 5}));
        assert_eq!(summary(&diagnostics()), "1 error, 1 warning");
    }
}
