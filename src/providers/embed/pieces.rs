//! Cutting a text that is longer than a model reads at once.

/// The pieces of a text: no more than `pieces_max`, about equally long, each with at most `bytes_max` bytes as far
/// as there are places to cut at. What is short enough is one piece. What is too long for all of them loses its
/// end.
pub(super) fn pieces(text: &str, bytes_max: usize, pieces_max: usize) -> Vec<&str> {
    let bytes_max = bytes_max.max(1);
    let count = text.len().div_ceil(bytes_max);
    if count <= 1 {
        return vec![text];
    }
    let length = if count > pieces_max { bytes_max } else { text.len().div_ceil(count) };
    let mut pieces = Vec::with_capacity(count.min(pieces_max));
    let mut rest = text;
    while pieces.len() < pieces_max && !rest.trim().is_empty() {
        let fits = rest.len() <= bytes_max && !pieces.is_empty();
        let (piece, after) = rest.split_at(if fits { rest.len() } else { cut(rest, length) });
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Where to cut a text so that its beginning has about `length` bytes: behind a sentence or a line if one ends
/// in its last quarter, else behind a word of its last half, else behind a character.
fn cut(text: &str, length: usize) -> usize {
    if text.len() <= length {
        return text.len();
    }
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= length);
    let end = end.last().unwrap_or_else(|| text.chars().next().map_or(text.len(), char::len_utf8));
    let head = text.get(..end).unwrap_or(text);
    let behind = |part: usize, ends: fn(char) -> bool| {
        let from = head.len() - head.len() / part;
        let mut last = None;
        let mut after = false;
        for (at, c) in head.char_indices() {
            if after && c.is_whitespace() && at >= from {
                last = Some(at);
            }
            after = ends(c);
        }
        last
    };
    let sentence = behind(4, |c| matches!(c, '.' | '!' | '?' | '\n' | '。'));
    sentence.or_else(|| behind(2, |c| !c.is_whitespace())).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_cut_behind_sentences_and_words() {
        for (text, bytes, expect) in [
            ("short", 10, vec!["short"]),
            ("", 10, vec![""]),
            ("one two three four five", 12, vec!["one two", " three four", " five"]),
            ("It is so. He went home to Leeds.", 20, vec!["It is so. He", " went home to Leeds."]),
            ("A is here. B is there.", 14, vec!["A is here.", " B is there."]),
            ("ööööö", 3, vec!["ö", "ö", "ö", "ö"]),
        ] {
            assert_eq!(pieces(text, bytes, 4), expect, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_of_what_fits(text in "\\PC{0,300}", bytes in 1_usize..60) {
            let all = pieces(&text, bytes, usize::MAX);
            let joined = all.concat();
            prop_assert_eq!(joined.trim_end(), text.trim_end());
            prop_assert!(pieces(&text, bytes, 3).len() <= 3);
        }
    }
}
