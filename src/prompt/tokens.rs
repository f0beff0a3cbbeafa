//! How many tokens a text may have, without a model's own tokenizer at hand.

/// Bytes of a token, of the scripts that need fewest. Models make tokens of four letters of English and of
/// one or two of many other scripts; counting bytes comes near to both.
const BYTES: usize = 3;

/// No fewer than a model is likely to count.
#[must_use]
pub fn tokens(text: &str) -> usize {
    text.len().div_ceil(BYTES)
}

/// The longest beginning of `text` with at most `max` tokens, cut between characters.
pub(super) fn beginning(text: &str, max: usize) -> &str {
    let mut end = max.saturating_mul(BYTES).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_has_no_more_tokens_than_it_may_and_whole_characters() {
        for text in ["", "abc", "a longer text of several words", "äöü€😀 mixed 漢字"] {
            for max in 0..20 {
                let cut = beginning(text, max);
                assert!(tokens(cut) <= max && text.starts_with(cut), "{text} {max}");
                assert!(cut.len() + 4 > (max * BYTES).min(text.len()), "{text} {max}: {cut}");
            }
        }
    }
}
