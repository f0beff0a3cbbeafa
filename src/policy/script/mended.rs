//! Built-in functions of texts with surprising results. The engine's own change a text in place and
//! give nothing, so that `if x.trim() == "a"` is never true and `text.replace(…)` of a fact does
//! nothing at all. These change it in place **and** give it.

use rhai::{Dynamic, Engine, EvalAltResult, FLOAT, INT, ImmutableString, Variant};

use super::engine::STRING_BYTES_MAX;
use super::meter::charge;

type Text = ImmutableString;
type Fallible<T> = Result<T, Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine) {
    cases(engine);
    parts(engine);
    numbers(engine);
    written::<Text, Text>(engine);
    written::<Text, char>(engine);
    written::<char, Text>(engine);
    written::<char, char>(engine);
    engine.register_fn("append", |text: &mut Text, more: Dynamic| {
        let more = more.to_string();
        bounded(text.len().saturating_add(more.len()))?;
        changed(text, |text| format!("{text}{more}"))
    });
    added::<Text>(engine);
    added::<char>(engine);
}

/// What takes a text or a character, each kind for itself: the engine looks for exact kinds first.
fn written<A: Variant + Clone + ToString, B: Variant + Clone + ToString>(engine: &mut Engine) {
    engine.register_fn("replace", |text: &mut Text, part: A, by: B| {
        let (part, by) = (part.to_string(), by.to_string());
        if part.is_empty() {
            return Err("`replace` needs a text to look for".into());
        }
        let found = text.matches(part.as_str()).count();
        bounded(text.len().saturating_add(found.saturating_mul(by.len())))?;
        changed(text, |text| text.replace(part.as_str(), &by))
    });
}

fn added<A: Variant + Clone + ToString>(engine: &mut Engine) {
    engine
        .register_fn("remove", |text: &mut Text, part: A| {
            changed(text, |text| text.replace(part.to_string().as_str(), ""))
        })
        .register_fn("pad", |text: &mut Text, len: INT, with: A| {
            let with = with.to_string();
            let missing = size(len).saturating_sub(text.chars().count());
            let more = missing.saturating_mul(with.len()) / with.chars().count().max(1);
            bounded(text.len().saturating_add(more))?;
            changed(text, |text| {
                let more: String = with.chars().cycle().take(missing).collect();
                format!("{text}{more}")
            })
        });
}

/// Numbers in texts; a text that is none is an error.
fn numbers(engine: &mut Engine) {
    engine
        .register_fn("parse_int", |text: &str| whole(text, 10))
        .register_fn("parse_int", |text: &str, radix: INT| match u32::try_from(radix) {
            Ok(radix @ 2..=36) => whole(text, radix),
            _ => Err(format!("`{radix}` is no radix: it is from 2 to 36").into()),
        })
        .register_fn("parse_float", |text: &str| -> Fallible<FLOAT> {
            text.trim().parse().map_err(|_| format!("`{text}` is no number").into())
        });
}

fn whole(text: &str, radix: u32) -> Fallible<INT> {
    INT::from_str_radix(text.trim(), radix)
        .map_err(|_| format!("`{text}` is no whole number").into())
}

fn cases(engine: &mut Engine) {
    engine
        .register_fn("trim", |text: &mut Text| changed(text, |text| text.trim().to_owned()))
        .register_fn("make_lower", |text: &mut Text| changed(text, str::to_lowercase))
        .register_fn("make_upper", |text: &mut Text| changed(text, str::to_uppercase))
        .register_fn("clear", |text: &mut Text| changed(text, |_| String::new()));
}

fn parts(engine: &mut Engine) {
    engine
        .register_fn("crop", |text: &mut Text, from: INT| {
            changed(text, |text| part(text, from, INT::MAX))
        })
        .register_fn("crop", |text: &mut Text, from: INT, len: INT| {
            changed(text, |text| part(text, from, len))
        })
        .register_fn("crop", |text: &mut Text, range: std::ops::Range<INT>| {
            let len = range.end.saturating_sub(range.start);
            changed(text, |text| part(text, range.start, len))
        })
        .register_fn("crop", |text: &mut Text, range: std::ops::RangeInclusive<INT>| {
            let len = range.end().saturating_sub(*range.start()).saturating_add(1);
            changed(text, |text| part(text, *range.start(), len))
        })
        .register_fn("truncate", |text: &mut Text, len: INT| {
            changed(text, |text| part(text, 0, len))
        })
        .register_fn("set", |text: &mut Text, at: INT, to: char| {
            let place = usize::try_from(at).ok().filter(|at| *at < text.chars().count());
            let place = place.ok_or_else(|| format!("the text has no character {at}"))?;
            changed(text, |text| {
                text.chars().enumerate().map(|(n, c)| if n == place { to } else { c }).collect()
            })
        });
}

fn changed(text: &mut Text, change: impl FnOnce(&str) -> String) -> Fallible<Text> {
    charge(text.len())?;
    *text = change(text).into();
    Ok(text.clone())
}

/// `len` characters from `from`, which counts from the end where it is negative.
fn part(text: &str, from: INT, len: INT) -> String {
    let skipped = if from < 0 {
        text.chars().count().saturating_sub(size(from.saturating_neg()))
    } else {
        size(from)
    };
    text.chars().skip(skipped).take(size(len)).collect()
}

/// A negative number of characters is none.
fn size(number: INT) -> usize {
    usize::try_from(number.max(0)).unwrap_or(usize::MAX)
}

/// Before it is made: the engine only measures what is there.
fn bounded(bytes: usize) -> Fallible<()> {
    if bytes <= STRING_BYTES_MAX {
        return Ok(());
    }
    let what = "length of string".to_owned();
    Err(EvalAltResult::ErrorDataTooLarge(what, rhai::Position::NONE).into())
}
