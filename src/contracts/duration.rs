//! Durations as people write them: `250ms`, `90s`, `5m`, `1h30m`, `2d`.

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a duration: write numbers with units, such as `500ms`, `90s`, `5m`, `2h30m`, `2d`"
)]
pub struct DurationError(String);

const UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Milliseconds in `text`. Every part has a whole number and a unit; the sum fits in a `u64`.
///
/// # Errors
/// When the text is empty, has no unit, an unknown unit, or is too large.
pub fn parse_duration_ms(text: &str) -> Result<u64, DurationError> {
    let fail = || DurationError(text.to_owned());
    let mut rest = text.trim();
    let mut total: u64 = 0;
    if rest.is_empty() {
        return Err(fail());
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, next) = after.split_at(letters);
        let scale = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(fail)?.1;
        let count: u64 = number.parse().map_err(|_| fail())?;
        let part = count.checked_mul(scale).ok_or_else(fail)?;
        total = total.checked_add(part).ok_or_else(fail)?;
        rest = next;
    }
    Ok(total)
}

/// The shortest text that [`parse_duration_ms`] reads back as `ms`.
#[must_use]
pub fn format_duration_ms(ms: u64) -> String {
    let mut rest = ms;
    let mut text = String::new();
    for (unit, scale) in UNITS.iter().rev() {
        let count = rest / scale;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
            rest %= scale;
        }
    }
    if text.is_empty() { "0ms".to_owned() } else { text }
}
