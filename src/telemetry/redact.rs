//! Striking known secrets out of a text, in every form in which they are likely to come back.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use regex::{Regex, RegexBuilder};

use super::shapes;

/// Shorter values are not looked for: striking them out would tear other text apart. Secrets
/// that short are refused when they are declared.
pub(super) const SECRET_CHARS_MIN: usize = 6;

/// Strikes secrets out of texts. Works on whole texts: a caller that has a text in pieces must put
/// them together first.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Each form of each secret and the placeholder that stands in its place.
    forms: BTreeMap<String, String>,
    any: Option<Regex>,
}

impl Redactor {
    /// A redactor that knows these secrets by name and value, and what tokens look like.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut forms = BTreeMap::new();
        for (name, value) in secrets {
            if value.chars().count() >= SECRET_CHARS_MIN {
                for form in forms_of(value) {
                    forms.entry(form).or_insert_with(|| format!("${{secret:{name}}}"));
                }
            }
        }
        // Longest first, so that a secret that begins like another is struck out whole.
        let mut texts: Vec<&String> = forms.keys().collect();
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        let pattern: Vec<String> = texts.iter().map(|text| regex::escape(text)).collect();
        let size = pattern.iter().map(String::len).sum::<usize>().saturating_mul(64).max(1 << 20);
        let built = RegexBuilder::new(&pattern.join("|")).size_limit(size).build();
        let any = match built {
            _ if forms.is_empty() => None,
            Ok(any) => Some(any),
            Err(_) => {
                // Not the error itself: it may quote the expression, which holds the secrets.
                tracing::warn!(secrets = forms.len(), "too many secrets to find quickly");
                None
            }
        };
        Self { forms, any }
    }

    /// `text` with every secret struck out.
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.known(text) {
            Cow::Borrowed(text) => shapes::strike(text),
            Cow::Owned(struck) => Cow::Owned(shapes::strike(&struck).into_owned()),
        }
    }

    /// Whether `text` holds a secret that was declared.
    #[must_use]
    pub fn finds(&self, text: &str) -> bool {
        matches!(self.known(text), Cow::Owned(_))
    }

    /// The names of the secrets that stand in `text`.
    pub(super) fn names(&self, text: &str) -> BTreeSet<String> {
        let held = self.forms.iter().filter(|(form, _)| text.contains(form.as_str()));
        held.map(|(_, placeholder)| name_in(placeholder).to_owned()).collect()
    }

    /// Whether no secrets are known.
    pub(super) fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// `text` with every secret that was declared struck out, and nothing else.
    pub(super) fn known<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Some(any) = &self.any else { return self.known_slowly(text) };
        any.replace_all(text, |found: &regex::Captures<'_>| {
            let form = found.get(0).map_or("", |found| found.as_str());
            self.forms.get(form).cloned().unwrap_or_default()
        })
    }

    /// The same without an expression, should there be too many secrets for one: a redactor must
    /// never pass a text on because it could not be built.
    fn known_slowly<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let (mut result, mut rest) = (String::new(), text);
        while let Some((index, form, placeholder)) = self.first_in(rest) {
            result.push_str(rest.get(..index).unwrap_or_default());
            result.push_str(placeholder);
            rest = rest.get(index + form.len()..).unwrap_or_default();
        }
        if rest.len() == text.len() { Cow::Borrowed(text) } else { Cow::Owned(result + rest) }
    }

    /// The leftmost form in `text`, the longest where several begin there.
    fn first_in(&self, text: &str) -> Option<(usize, &str, &str)> {
        let found = self.forms.iter().filter_map(|(form, placeholder)| {
            text.find(form.as_str()).map(|index| (index, form.as_str(), placeholder.as_str()))
        });
        found.min_by_key(|(index, form, _)| (*index, std::cmp::Reverse(form.len())))
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("forms", &self.forms.len()).finish_non_exhaustive()
    }
}

/// The name in a placeholder.
fn name_in(placeholder: &str) -> &str {
    let name = placeholder.strip_prefix("${secret:").and_then(|rest| rest.strip_suffix('}'));
    name.unwrap_or(placeholder)
}

/// The value itself, as JSON text holds it, in percent, hexadecimal and base64 notation.
fn forms_of(value: &str) -> Vec<String> {
    let mut forms = vec![value.to_owned()];
    if let Ok(json) = serde_json::to_string(value) {
        forms.push(json.trim_matches('"').to_owned());
    }
    forms.push(percent(value));
    forms.push(value.bytes().map(|byte| format!("{byte:02x}")).collect());
    forms.push(value.bytes().map(|byte| format!("{byte:02X}")).collect());
    for alphabet in [STANDARD, URL_SAFE] {
        forms.extend((0..3).map(|offset| base64_core(value.as_bytes(), offset, alphabet)));
    }
    // A value in several lines may come back line by line.
    let lines = value.lines().map(str::trim).filter(|_| value.contains('\n'));
    forms.extend(lines.map(str::to_owned));
    forms.retain(|form| form.chars().count() >= SECRET_CHARS_MIN);
    forms
}

fn percent(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The base64 digits that `bytes` alone decide when they stand `offset` bytes into a longer text,
/// as a password does in `user:password`.
fn base64_core(bytes: &[u8], offset: usize, alphabet: &[u8; 64]) -> String {
    let bit = |index: usize| -> Option<usize> {
        let byte = bytes.get((index / 8).checked_sub(offset)?)?;
        Some(usize::from(byte >> (7 - index % 8) & 1))
    };
    let digit = |position: usize| -> Option<char> {
        let value =
            (0..6).try_fold(0, |value, step| Some(value << 1 | bit(position * 6 + step)?))?;
        alphabet.get(value).map(|digit| char::from(*digit))
    };
    let digits = ((bytes.len() + offset) * 8).div_ceil(6);
    (0..digits).filter_map(digit).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn strikes_a_secret_out_in_every_form() {
        let value = "p\"ss w/rd?~1";
        let redactor = Redactor::new([("DB", value)]);
        for (text, expected) in [
            (format!("x{value}y{value}"), "x${secret:DB}y${secret:DB}"),
            (serde_json::to_string(value).unwrap(), "\"${secret:DB}\""),
            ("u=p%22ss%20w%2Frd%3F~1&".to_owned(), "u=${secret:DB}&"),
            ("70227373 207022737320772f72643f7e31".to_owned(), "70227373 20${secret:DB}"),
        ] {
            assert_eq!(redactor.redact(&text), expected);
            assert!(redactor.finds(&text));
        }
        assert!(!redactor.finds("p\"ss w/r"));
    }

    #[test]
    fn finds_a_secret_inside_longer_base64_at_any_offset() {
        let redactor = Redactor::new([("DB", "hunter2-hunter2")]);
        for before in ["", "u", "me", "bob"] {
            let text = encode(format!("{before}:hunter2-hunter2!").as_bytes());
            assert!(redactor.finds(&text), "{before}: {text}");
        }
        assert!(!redactor.finds(&encode(b"nothing to see here at all")));
    }

    fn encode(bytes: &[u8]) -> String {
        let padded: Vec<u8> = bytes.iter().copied().chain([0, 0]).collect();
        base64_core(&padded, 0, STANDARD)
    }

    #[test]
    fn the_longer_of_two_that_begin_alike_is_struck_out_whole() {
        let redactor = Redactor::new([("A", "secret"), ("B", "secret-and-more")]);
        assert_eq!(redactor.redact("secret-and-more secret"), "${secret:B} ${secret:A}");
    }

    #[test]
    fn lines_of_a_key_are_struck_out_one_by_one() {
        let redactor = Redactor::new([("KEY", "first-line\nsecond-line\nx")]);
        assert_eq!(redactor.redact("> second-line"), "> ${secret:KEY}");
        assert_eq!(redactor.redact("x"), "x");
    }

    #[test]
    fn too_short_values_and_no_values_leave_text_alone() {
        assert_eq!(Redactor::new([("A", "a"), ("B", "")]).redact("banana"), "banana");
        assert!(matches!(Redactor::default().redact("banana"), Cow::Borrowed(_)));
    }

    #[test]
    fn both_ways_of_looking_agree() {
        let secrets = [("A", "secret"), ("B", "secret-and-more"), ("C", "a.*b+c")];
        let quick = Redactor::new(secrets);
        let slow = Redactor { any: None, ..quick.clone() };
        for text in ["secret-and-more secrets a.*b+c", "nothing", ""] {
            assert_eq!(quick.known(text), slow.known(text));
        }
    }

    #[test]
    fn says_nothing_about_secrets_in_debug_output() {
        let text = format!("{:?}", Redactor::new([("A", "hunter2-hunter2")]));
        assert!(!text.contains("hunter2"), "{text}");
    }

    proptest! {
        #[test]
        fn no_secret_survives(secret in "[!-~]{6,40}", before in "\\PC{0,30}", after in "\\PC{0,30}") {
            let redactor = Redactor::new([("S", secret.as_str())]);
            let text = format!("{before}{secret}{after}");
            let struck = redactor.redact(&text).replace("${secret:S}", "");
            // What stands around may by chance make it up again; then it was not taken from it.
            prop_assume!(!format!("{before}{after}").contains(&secret));
            prop_assert!(!redactor.redact(&text).contains(&secret) || !struck.contains(&secret));
        }
    }
}
