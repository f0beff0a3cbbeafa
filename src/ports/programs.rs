//! Which commands a sandbox profile lets run: `argv` of a profile against the argument vector that is
//! about to be started.

/// Whether `argv` may run where `allowed` lists programs and beginnings of argument vectors. An empty
/// list lets everything run.
///
/// Words are compared as they stand: `git` is the program that the cell's own path finds, not
/// `./git` nor `/tmp/git`.
#[must_use]
pub fn may_run(allowed: &[String], argv: &[String]) -> bool {
    allowed.is_empty() || allowed.iter().any(|beginning| begins_with(argv, beginning))
}

/// Whether `argv` begins with the words of `beginning`; nothing begins with no words.
#[must_use]
pub fn begins_with(argv: &[String], beginning: &str) -> bool {
    let mut words = beginning.split_whitespace().peekable();
    let mut own = argv.iter();
    words.peek().is_some() && words.all(|word| own.next().is_some_and(|own| own == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_runs_when_it_begins_like_an_entry() {
        let cases = [
            ("", "anything at all", true),
            ("git", "git log", true),
            ("git", "git", true),
            ("git", "./git log", false),
            ("git", "/usr/bin/git", false),
            ("git", "gitk", false),
            ("cargo test|make", "cargo test --lib", true),
            ("cargo test|make", "cargo", false),
            ("cargo test|make", "cargo run", false),
            ("cargo test|make", "make all", true),
            (" |\t", "git", false),
        ];
        for (allowed, argv, expected) in cases {
            let list = |text: &str, by: &str| -> Vec<String> {
                text.split(by).filter(|part| !part.is_empty()).map(str::to_owned).collect()
            };
            assert_eq!(
                may_run(&list(allowed, "|"), &list(argv, " ")),
                expected,
                "{allowed}: {argv}"
            );
        }
    }
}
