//! A command line as an argument vector, if it is one: plain words and quotes, nothing that only a
//! shell could carry out.
//!
//! Deliberately less than a shell: whoever judged the line and whoever runs it must not read it in
//! two ways. What is not plain is refused, not guessed.

/// Characters that mean something to some shell when they are not quoted.
const SHELL: &[char] = &[
    '|', '&', ';', '<', '>', '(', ')', '$', '`', '\\', '*', '?', '[', ']', '{', '}', '#', '~', '!',
    '^', '\n', '\r',
];

/// Why a line is not just words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum WordsError {
    #[error("the command line is empty")]
    Empty,
    #[error("`{}` is for a shell", .0.escape_debug())]
    Shell(char),
    #[error("the quote {0} is not closed")]
    Open(char),
    #[error("`{0}` sets a variable, which is for a shell: use `env`")]
    Assignment(String),
    #[error("a NUL character cannot be passed to a command")]
    Nul,
}

/// The words of `line`.
pub(super) fn split(line: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    let mut rest = line.chars().peekable();
    loop {
        while rest.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
        if rest.peek().is_none() {
            break;
        }
        let quoted = matches!(rest.peek(), Some('"' | '\''));
        let word = word(&mut rest)?;
        if words.is_empty() && !quoted && is_assignment(&word) {
            return Err(WordsError::Assignment(word));
        }
        words.push(word);
    }
    if words.is_empty() { Err(WordsError::Empty) } else { Ok(words) }
}

/// One word up to a blank; quoted parts and plain ones may follow each other directly.
fn word(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, WordsError> {
    let mut word = String::new();
    while let Some(c) = rest.next_if(|c| !matches!(c, ' ' | '\t')) {
        match c {
            '\'' | '"' => quoted(c, rest, &mut word)?,
            '\0' => return Err(WordsError::Nul),
            c if SHELL.contains(&c) => return Err(WordsError::Shell(c)),
            c => word.push(c),
        }
    }
    Ok(word)
}

fn quoted(
    quote: char,
    rest: &mut impl Iterator<Item = char>,
    word: &mut String,
) -> Result<(), WordsError> {
    for c in rest {
        match c {
            c if c == quote => return Ok(()),
            '\0' => return Err(WordsError::Nul),
            '$' | '`' | '\\' | '!' if quote == '"' => return Err(WordsError::Shell(c)),
            c => word.push(c),
        }
    }
    Err(WordsError::Open(quote))
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_+".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_words_and_quotes_are_split() {
        for (line, expect) in [
            ("ls -l", vec!["ls", "-l"]),
            ("  cargo\ttest  --lib ", vec!["cargo", "test", "--lib"]),
            ("grep 'a | b $HOME' \"x y\"", vec!["grep", "a | b $HOME", "x y"]),
            ("echo ''", vec!["echo", ""]),
            ("a'b'\"c\"d", vec!["abcd"]),
            ("make CC=gcc", vec!["make", "CC=gcc"]),
            ("größe 'ä\nö'", vec!["größe", "ä\nö"]),
            ("'A=b' x", vec!["A=b", "x"]),
        ] {
            assert_eq!(split(line).unwrap(), expect, "{line}");
        }
    }

    #[test]
    fn anything_for_a_shell_is_refused() {
        for line in [
            "a | b",
            "a && b",
            "a; b",
            "a > f",
            "a < f",
            "(a)",
            "echo $HOME",
            "echo `id`",
            "echo \"$HOME\"",
            "echo \"`id`\"",
            "echo \"a\\\"b\"",
            "rm *",
            "ls a?",
            "ls [ab]",
            "a &",
            "echo {a,b}",
            "echo a\\ b",
            "a\nb",
            "ls ~",
            "! a",
            "echo # x",
            "A=b c",
            "A+=b c",
            "echo 'open",
            "echo \"open",
            "",
            "   ",
            "a\0b",
            "'a\0b'",
        ] {
            assert!(split(line).is_err(), "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn quoting_each_word_brings_it_back(words in prop::collection::vec("[^'\0]{0,12}", 1..6)) {
            let line: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
            prop_assert_eq!(split(&line.join(" ")).unwrap(), words);
        }

        #[test]
        fn never_panics(line in "\\PC{0,80}") {
            let _ = split(&line);
        }
    }
}
