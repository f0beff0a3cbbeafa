//! Whether a person's words ask for a tool: `asked_by` words found in the goal, as words, in any form.

/// Forms of verbs that no rule makes.
const IRREGULAR: [(&str, &[&str]); 20] = [
    ("buy", &["bought"]),
    ("find", &["found"]),
    ("forward", &["fwd"]),
    ("get", &["got", "gotten"]),
    ("give", &["gave", "given"]),
    ("go", &["went", "gone"]),
    ("make", &["made"]),
    ("pay", &["paid"]),
    ("put", &["put"]),
    ("read", &["read"]),
    ("rewrite", &["rewrote", "rewritten"]),
    ("run", &["ran"]),
    ("sell", &["sold"]),
    ("send", &["sent"]),
    ("spend", &["spent"]),
    ("take", &["took", "taken"]),
    ("tell", &["told"]),
    ("throw", &["threw", "thrown"]),
    ("withdraw", &["withdrew", "withdrawn"]),
    ("write", &["wrote", "written"]),
];

/// Whether `goal` uses one of `words`, in any case, as a whole word with a usual ending. Of several
/// words in one, such as `set up`, the first one bends and all follow each other.
pub(super) fn asked_for<'a>(goal: &str, words: impl Iterator<Item = &'a str>) -> bool {
    let mut words = words.peekable();
    // Most tools have no such words, and goals can be long.
    if words.peek().is_none() {
        return false;
    }
    let goal = split(goal);
    words.any(|word| {
        let word = split(word);
        !word.is_empty() && goal.windows(word.len()).any(|found| says(found, &word))
    })
}

fn split(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

fn says(found: &[String], wanted: &[String]) -> bool {
    match (found.split_first(), wanted.split_first()) {
        (Some((found, after)), Some((wanted, rest))) => is_form_of(found, wanted) && after == rest,
        _ => false,
    }
}

fn is_form_of(found: &str, word: &str) -> bool {
    if found == word {
        return true;
    }
    if let Some((_, forms)) = IRREGULAR.iter().find(|(known, _)| *known == word)
        && forms.contains(&found)
    {
        return true;
    }
    let ends = |stem: &str, endings: &[&str]| {
        found.strip_prefix(stem).is_some_and(|rest| endings.contains(&rest))
    };
    let short = word.get(..word.len().saturating_sub(1)).unwrap_or_default();
    ends(word, &["s", "es", "ed", "ing"])
        || (word.ends_with('e') && ends(short, &["ed", "ing"]))
        || (word.ends_with('y') && ends(short, &["ies", "ied"]))
        || word.chars().last().is_some_and(|last| {
            !"aeiouwxy".contains(last) && ends(&format!("{word}{last}"), &["ed", "ing"])
        })
}

#[cfg(test)]
mod tests {
    use super::asked_for;

    #[test]
    fn words_ask_as_words_in_their_usual_forms() {
        for (goal, word, expected) in [
            ("Please pay the bill", "pay", true),
            ("what was paid, and who is paying?", "pay", true),
            ("my payment is late", "pay", false),
            ("I SENT it", "send", true),
            ("the sender is Bob", "send", false),
            ("update: sharing it", "share", true),
            ("he planned it", "plan", true),
            ("copies of it", "copy", true),
            ("set up a call", "set up", true),
            ("setting up a call", "set up", true),
            ("up we set", "set up", false),
            ("displays", "play", false),
            ("", "pay", false),
            ("pay", "", false),
        ] {
            assert_eq!(asked_for(goal, [word].into_iter()), expected, "{goal}: {word}");
        }
        assert!(!asked_for("pay", std::iter::empty()));
    }
}
