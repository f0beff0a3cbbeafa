//! Where a client goes on: `Last-Event-ID`, which a browser sends when it comes back, or `?after=`.

/// A cursor that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not the id of an event: expected a number without a sign")]
pub struct CursorError {
    /// `Last-Event-ID` or `after`.
    pub name: &'static str,
}

/// The event after which to go on; 0 for the beginning. The header wins: a browser that comes back
/// sends it beside the address it was given first. An empty header is none.
///
/// # Errors
/// When what counts is not a number of at most 19 digits.
pub fn cursor(header: Option<&[u8]>, after: Option<&str>) -> Result<u64, CursorError> {
    match (header.map(<[u8]>::trim_ascii), after) {
        (Some(text), _) if !text.is_empty() => number(text, "Last-Event-ID"),
        (_, Some(text)) => number(text.as_bytes(), "after"),
        _ => Ok(0),
    }
}

/// Cursors are held inside what the journal can number.
const DIGITS_MAX: usize = 19;

fn number(text: &[u8], name: &'static str) -> Result<u64, CursorError> {
    let wrong = || CursorError { name };
    if text.is_empty() || text.len() > DIGITS_MAX || !text.iter().all(u8::is_ascii_digit) {
        return Err(wrong());
    }
    let text = std::str::from_utf8(text).map_err(|_utf8| wrong())?;
    let number: u64 = text.parse().map_err(|_number| wrong())?;
    if i64::try_from(number).is_ok() { Ok(number) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_behind_the_header_then_the_query_then_from_the_beginning() {
        for (header, after, expected) in [
            (None, None, Some(0)),
            (None, Some("7"), Some(7)),
            (Some("3"), Some("7"), Some(3)),
            (Some(" 3 "), None, Some(3)),
            (Some(""), Some("7"), Some(7)),
            (Some("9223372036854775807"), None, Some(i64::MAX as u64)),
            (Some("9223372036854775808"), None, None),
            (Some("99999999999999999999"), None, None),
            (Some("+3"), None, None),
            (Some("-1"), None, None),
            (Some("3.0"), None, None),
            (Some("3 4"), None, None),
            (Some("x"), Some("7"), None),
            (None, Some(""), None),
            (None, Some("٣"), None),
        ] {
            let found = cursor(header.map(str::as_bytes), after);
            assert_eq!(found.ok(), expected, "{header:?} {after:?}");
        }
    }
}
