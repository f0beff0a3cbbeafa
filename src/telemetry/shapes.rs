//! What secrets look like when nobody declared them.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Each kind of token with its shape. The shapes are narrow: ordinary text must stay readable.
const SHAPES: &[(&str, &str)] = &[
    (
        "private-key",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\z)",
    ),
    ("aws-key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("github-token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})\b"),
    ("gitlab-token", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("slack-token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("google-key", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("npm-token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("api-key", r"\bsk-[A-Za-z0-9_-]{20,}"),
    ("stripe-key", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    ("jwt", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
];

/// Shapes with a part before and a part after that stay.
const AROUND: &[(&str, &str)] = &[
    ("authorization", r"(?i)(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{16,}()"),
    ("password", r"(\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@?#]*:)[^\s/@?#]+(@)"),
];

/// Stands for a whole text when the shapes cannot be looked for.
const UNREADABLE: &str = "[redacted: the shapes of secrets do not compile]";

/// What to put in the place of each shape.
type Shapes = Vec<(String, Regex)>;

static ALL: LazyLock<Result<Shapes, regex::Error>> = LazyLock::new(|| compile(SHAPES, AROUND));

fn compile(whole: &[(&str, &str)], around: &[(&str, &str)]) -> Result<Shapes, regex::Error> {
    let whole = whole.iter().map(|(name, shape)| (format!("[redacted:{name}]"), *shape));
    let around =
        around.iter().map(|(name, shape)| (format!("${{1}}[redacted:{name}]${{2}}"), *shape));
    whole.chain(around).map(|(with, shape)| Ok((with, Regex::new(shape)?))).collect()
}

/// `text` without what looks like a secret.
pub(super) fn strike(text: &str) -> Cow<'_, str> {
    strike_with(ALL.as_ref(), text)
}

/// One shape that does not compile leaves nothing of any text: that cannot go unnoticed, and a
/// redactor that lets a kind of secret through can.
fn strike_with<'t>(shapes: Result<&Shapes, &regex::Error>, text: &'t str) -> Cow<'t, str> {
    let Ok(shapes) = shapes else { return Cow::Borrowed(UNREADABLE) };
    let mut result = Cow::Borrowed(text);
    for (with, shape) in shapes {
        if let Cow::Owned(struck) = shape.replace_all(&result, with.as_str()) {
            result = Cow::Owned(struck);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_compiles() {
        assert_eq!(ALL.as_ref().unwrap().len(), SHAPES.len() + AROUND.len());
    }

    #[test]
    fn a_shape_that_does_not_compile_leaves_nothing_of_a_text() {
        for (whole, around) in [(&[("a", "(")][..], &[][..]), (&[("a", "a")], &[("b", "[")])] {
            let broken = compile(whole, around);
            assert!(broken.is_err());
            assert_eq!(strike_with(broken.as_ref(), "anything"), UNREADABLE);
        }
    }

    #[test]
    fn strikes_out_what_looks_like_a_secret() {
        // Put together here, so that no scanner takes this file for a leak.
        let letters = "Ab1".repeat(12);
        let cases = [
            (format!("key AKIA{} end", "A1B2".repeat(4)), "key [redacted:aws-key] end"),
            (format!("ghp_{letters}"), "[redacted:github-token]"),
            (format!("xoxb-{letters}"), "[redacted:slack-token]"),
            (format!("k=sk-{letters}"), "k=[redacted:api-key]"),
            (format!("sk_live_{letters}"), "[redacted:stripe-key]"),
            (format!("eyJ{letters}.eyJ{letters}.sig-_x."), "[redacted:jwt]."),
            (
                format!("Authorization: Bearer {letters}"),
                "Authorization: Bearer [redacted:authorization]",
            ),
            ("https://me:pw@host/x".to_owned(), "https://me:[redacted:password]@host/x"),
            ("postgres://:pw@db".to_owned(), "postgres://:[redacted:password]@db"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMII\nx\n-----END RSA PRIVATE KEY-----\nrest"
                    .to_owned(),
                "[redacted:private-key]\nrest",
            ),
            ("-----BEGIN PRIVATE KEY-----\nMII cut".to_owned(), "[redacted:private-key]"),
        ];
        for (text, expected) in cases {
            assert_eq!(strike(&text), expected);
        }
    }

    #[test]
    fn leaves_ordinary_text_alone() {
        for text in [
            "the bearer of this letter",
            "https://example.org:8080/a@b",
            "ssh://git@host/x",
            "task-sk-1 and sk-short",
            "eyJ is how a token begins",
            "basic training",
            "call_0190aaaaaaaa7000800000000000000a",
        ] {
            assert!(matches!(strike(text), Cow::Borrowed(_)), "{text} became {}", strike(text));
        }
    }
}
