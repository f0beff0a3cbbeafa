//! The shapes that stand in a text, by one pattern that is tried from left to right.

use std::sync::LazyLock;

use regex::Regex;

/// What has a shape; the earlier wins where two begin at the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Url,
    Mail,
    Code,
    Date,
    Clock,
    Address,
    Version,
    Flag,
    Path,
    Amount,
    Identifier,
    Word,
}

const MONTH: &str = r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)";

const SHAPES: &[(Shape, &str, &str)] = &[
    (
        Shape::Url,
        "url",
        r#"[A-Za-z][A-Za-z0-9+.-]*://[^\s<>"'`)\]]*[^\s<>"'`)\].,;:!?]|www\.[^\s<>"']*[^\s<>"'.,;:!?]"#,
    ),
    (Shape::Mail, "mail", r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    (Shape::Code, "code", r"`[^`\n]+`"),
    (
        Shape::Date,
        "date",
        r"\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}/\d{2,4}|\d{1,2}\.\d{1,2}\.\d{4}|\d{1,2}(?:st|nd|rd|th)?(?: of)? MONTH\b(?:,? \d{4}\b)?|MONTH\.? \d{1,2}(?:st|nd|rd|th)?\b(?:,? \d{4}\b)?|MONTH,? \d{4}\b|Q[1-4](?: \d{4})?\b",
    ),
    (
        Shape::Clock,
        "clock",
        r"\d{1,2}:\d{2}(?::\d{2})?(?: ?[AaPp]\.?[Mm]\b)?|\d{1,2} ?[AaPp]\.?[Mm]\b",
    ),
    (Shape::Address, "address", r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?::\d+|/\d+)?"),
    (
        Shape::Version,
        "version",
        r"[vV]\d+(?:\.\d+)*(?:-[0-9A-Za-z.]+)?\b|\d+\.\d+\.\d+(?:[.+-][0-9A-Za-z]+)*\b",
    ),
    (
        Shape::Path,
        "path",
        r"(?:~|\.{1,2})?/[\w@+%.-]*[\w/](?:/?[\w@+%.-]*\w)*|[A-Za-z]:\\[^\s]+|\w[\w@+.-]*(?:/[\w@+.-]*\w)+|[\w-]*[A-Za-z_][\w-]*(?:\.[\w-]+)*\.[A-Za-z][A-Za-z0-9]{0,5}\b|\.[a-z]\w+\b",
    ),
    (Shape::Flag, "flag", r"--?[A-Za-z][\w-]*(?:=\S*\w)?"),
    (
        Shape::Amount,
        "amount",
        r"(?:[$€£¥] ?)?[-+±]?\d+(?:[,'’_ ]\d{3}\b)*(?:[.,]\d+)?(?:[eE][-+]?\d+\b)?(?:/\d+)?(?:st|nd|rd|th)?",
    ),
    (Shape::Identifier, "identifier", r"[#@][\w-]+|\w*[A-Za-z]\w*[0-9_]\w*(?:-\w+)*|[A-Z]{2,}-\d+"),
    (Shape::Word, "word", r"[\p{L}\p{M}]+(?:['’][\p{L}\p{M}]+)*"),
];

static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let parts: Vec<String> = SHAPES
        .iter()
        .map(|(_, name, pattern)| format!("(?P<{name}>{})", pattern.replace("MONTH", MONTH)))
        .collect();
    Regex::new(&parts.join("|")).ok()
});

/// A place in a text that has a shape.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub shape: Shape,
    pub text: &'a str,
    /// Where it begins and ends, in bytes.
    pub at: (usize, usize),
}

/// Everything in `text` that has a shape, in its order.
pub(super) fn found(text: &str) -> Vec<Found<'_>> {
    // Without its pattern a text is the same as itself and as nothing else; a test sees to it that there is one.
    let Some(pattern) = PATTERN.as_ref() else {
        return vec![Found { shape: Shape::Identifier, text, at: (0, text.len()) }];
    };
    let mut all = Vec::new();
    for captures in pattern.captures_iter(text) {
        let named = SHAPES.iter().find_map(|(shape, name, _)| Some((*shape, captures.name(name)?)));
        if let Some((shape, place)) = named {
            all.push(Found { shape, text: place.as_str(), at: (place.start(), place.end()) });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_compiles_and_the_earlier_shape_wins() {
        assert!(PATTERN.is_some());
        let text = "See https://a.example/x?y=1, `cargo test`, /etc/hosts, src/main.rs at 10:30 with --force on db1 v1.2.3 for 5 MB.";
        let shapes: Vec<_> =
            found(text).iter().map(|it| it.shape).filter(|it| *it != Shape::Word).collect();
        use Shape::*;
        assert_eq!(shapes, [Url, Code, Path, Path, Clock, Flag, Identifier, Version, Amount]);
    }
}
