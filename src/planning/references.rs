//! What a plan may take from the answers of steps: `${{ steps.s1.data.path }}`, and nothing else.
//!
//! A plan is a model's text and may repeat what strangers wrote, so that it gets no expressions: only names
//! and positions, which are followed and never computed.

use std::collections::BTreeSet;

use serde_json::Value;

const OPEN: &str = "${{";
const CLOSE: &str = "}}";

/// A text with references, taken apart.
enum Piece<'a> {
    Plain(&'a str),
    /// The step's name, and the rest of the way.
    Step(&'a str, &'a str),
}

/// The value with each step's name replaced by what `rename` gives for it.
///
/// # Errors
/// What is no reference, or names no step.
pub(super) fn rename(
    value: &Value,
    rename_one: &dyn Fn(&str) -> Option<String>,
    mistakes: &mut Vec<String>,
) -> Value {
    match value {
        Value::String(text) => Value::String(in_text(text, rename_one, mistakes)),
        Value::Array(items) => {
            items.iter().map(|item| rename(item, rename_one, mistakes)).collect()
        }
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), rename(value, rename_one, mistakes)))
            .collect::<crate::contracts::Map>()
            .into(),
        other => other.clone(),
    }
}

/// Whether a value is known before anything ran: it takes nothing from a step.
#[must_use]
pub fn is_known(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.contains(OPEN),
        Value::Array(items) => items.iter().all(is_known),
        Value::Object(map) => map.values().all(is_known),
        _ => true,
    }
}

/// The steps that a value takes from.
pub(super) fn steps_in(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            for piece in pieces(text).unwrap_or_default() {
                if let Piece::Step(name, _) = piece {
                    found.insert(name.to_owned());
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| steps_in(item, found)),
        Value::Object(map) => map.values().for_each(|value| steps_in(value, found)),
        _ => {}
    }
}

fn in_text(
    text: &str,
    rename_one: &dyn Fn(&str) -> Option<String>,
    mistakes: &mut Vec<String>,
) -> String {
    let pieces = match pieces(text) {
        Ok(pieces) => pieces,
        Err(mistake) => {
            mistakes.push(mistake);
            return String::new();
        }
    };
    let mut renamed = String::new();
    for piece in pieces {
        match piece {
            Piece::Plain(plain) => renamed.push_str(plain),
            Piece::Step(name, way) => match rename_one(name) {
                Some(id) => renamed.push_str(&format!("{OPEN} steps.{id}{way} {CLOSE}")),
                None => mistakes.push(format!("there is no earlier step `{name}` to take from")),
            },
        }
    }
    renamed
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some((before, behind)) = rest.split_once(OPEN) {
        let wrong = || {
            let shown: String = behind.chars().take(60).collect();
            format!(
                "`{OPEN}{shown}` is no reference: only `{OPEN} steps.ID.data{CLOSE}` with names and positions behind it"
            )
        };
        let (inside, after) = behind.split_once(CLOSE).ok_or_else(wrong)?;
        let path = inside.trim().strip_prefix("steps.").ok_or_else(wrong)?;
        let name = path.split(['.', '[']).next().unwrap_or_default();
        let way = path.get(name.len()..).unwrap_or_default();
        if !is_label(name) || !is_way(way) {
            return Err(wrong());
        }
        pieces.extend([Piece::Plain(before), Piece::Step(name, way)]);
        rest = after;
    }
    pieces.push(Piece::Plain(rest));
    Ok(pieces)
}

/// Whether a step of a plan can be called `name`. In the run it is called otherwise.
pub(super) fn is_label(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    !name.is_empty() && name.len() <= 64 && name.bytes().all(fits)
}

fn is_property(name: &str) -> bool {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    first && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether `way` goes through names and positions only, and begins with what a step has.
fn is_way(way: &str) -> bool {
    let begins = ["data", "ok", "error"].iter().any(|first| {
        let rest = way.strip_prefix('.').and_then(|way| way.strip_prefix(first));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    });
    begins && way.len() <= 200 && follows(way)
}

fn follows(mut way: &str) -> bool {
    while !way.is_empty() {
        let after = if let Some(named) = way.strip_prefix('.') {
            let end = named.find(['.', '[']).unwrap_or(named.len());
            let (name, after) = named.split_at(end);
            is_property(name).then_some(after)
        } else {
            way.strip_prefix('[')
                .and_then(|inside| inside.split_once(']'))
                .filter(|(digits, _)| {
                    !digits.is_empty()
                        && digits.len() <= 6
                        && digits.bytes().all(|b| b.is_ascii_digit())
                })
                .map(|(_, after)| after)
        };
        match after {
            Some(after) => way = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn renamed(value: &Value) -> Result<Value, Vec<String>> {
        let known = |name: &str| name.strip_prefix('s').map(|number| format!("p1_{number}"));
        let mut mistakes = Vec::new();
        let value = rename(value, &known, &mut mistakes);
        if mistakes.is_empty() { Ok(value) } else { Err(mistakes) }
    }

    #[test]
    fn references_follow_names_and_positions() {
        for (text, expected) in [
            ("plain {{ text }} $x", "plain {{ text }} $x"),
            ("${{ steps.s1.data }}", "${{ steps.p1_1.data }}"),
            ("${{steps.s2.data.files[0].path}}", "${{ steps.p1_2.data.files[0].path }}"),
            (
                "a ${{ steps.s1.ok }} b ${{ steps.s2.error.message }}",
                "a ${{ steps.p1_1.ok }} b ${{ steps.p1_2.error.message }}",
            ),
        ] {
            assert_eq!(renamed(&json!({ "x": [text] })), Ok(json!({ "x": [expected] })), "{text}");
            assert_eq!(is_known(&json!(text)), !text.contains("${{"), "{text}");
        }
        let mut found = BTreeSet::new();
        steps_in(&json!(["${{ steps.a.data }}", { "x": "${{ steps.b.ok }}" }]), &mut found);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn anything_else_that_looks_like_an_expression_is_refused() {
        for text in [
            "${{ 1 + 1 }}",
            "${{ read(`.env`) }}",
            "${{ secrets.TOKEN }}",
            "${{ inputs.x }}",
            "${{ steps.s1 }}",
            "${{ steps.s1.data + 1 }}",
            "${{ steps.s1.data[read(`x`)] }}",
            "${{ steps.s1.data[] }}",
            "${{ steps.s1.data.[0] }}",
            "${{ steps.s1.artifacts }}",
            "${{ steps.s1.database }}",
            "${{ steps.s1.data.a; steps.s1.data }}",
            "${{ steps.s1.data",
            "${{ steps.other.data }}",
            "${{ ${{ steps.s1.data }} }}",
        ] {
            assert!(renamed(&json!(text)).is_err(), "{text}");
        }
    }
}
