//! Flags in one spelling, for the programs about which rules speak.

/// Programs with the long names of their flags; a long name without a letter has `-`.
const KNOWN: [(&str, &[(char, &str)]); 12] = [
    (
        "rm",
        &[
            ('r', "recursive"),
            ('R', "recursive"),
            ('f', "force"),
            ('i', "interactive"),
            ('d', "dir"),
            ('v', "verbose"),
            ('-', "no-preserve-root"),
            ('-', "one-file-system"),
        ],
    ),
    (
        "cp",
        &[
            ('r', "recursive"),
            ('R', "recursive"),
            ('a', "archive"),
            ('f', "force"),
            ('n', "no-clobber"),
        ],
    ),
    ("mv", &[('f', "force"), ('n', "no-clobber"), ('t', "target-directory")]),
    ("chmod", &[('R', "recursive"), ('f', "silent"), ('v', "verbose")]),
    ("chown", &[('R', "recursive"), ('f', "silent"), ('v', "verbose")]),
    ("chgrp", &[('R', "recursive"), ('f', "silent"), ('v', "verbose")]),
    ("shred", &[('u', "remove"), ('f', "force"), ('z', "zero")]),
    (
        "grep",
        &[
            ('r', "recursive"),
            ('R', "dereference-recursive"),
            ('i', "ignore-case"),
            ('n', "line-number"),
        ],
    ),
    ("ls", &[('a', "all"), ('R', "recursive"), ('l', "long")]),
    (
        "git",
        &[
            ('f', "force"),
            ('d', "delete"),
            ('D', "delete"),
            ('x', "remove-ignored"),
            ('-', "hard"),
            ('-', "mirror"),
            ('-', "prune"),
            ('-', "force-with-lease"),
            ('-', "delete"),
            ('-', "all"),
            ('-', "exec-path"),
        ],
    ),
    (
        "curl",
        &[
            ('o', "output"),
            ('O', "remote-name"),
            ('T', "upload-file"),
            ('d', "data"),
            ('X', "request"),
        ],
    ),
    ("wget", &[('O', "output-document"), ('i', "input-file")]),
];

/// The flags among `args`, sorted, without dashes and values. Letters of programs that are not
/// known stand for themselves; so does the whole word after one dash, as `find -delete` has it.
pub(super) fn normalised_flags(program: &str, args: &[String]) -> Vec<String> {
    let table = KNOWN.iter().find(|(name, _)| *name == program).map_or(&[][..], |(_, table)| table);
    let mut flags = Vec::new();
    for word in args.iter().take_while(|word| *word != "--") {
        if let Some(long) = word.strip_prefix("--") {
            flags.push(long_flag(table, long));
        } else if let Some(letters) = word.strip_prefix('-') {
            short_flags(table, letters, &mut flags);
        }
    }
    if program == "git" && forces_a_branch(args) {
        flags.push("force".to_owned());
    }
    flags.sort_unstable();
    flags.dedup();
    flags
}

/// GNU programs take any beginning of a long flag that fits one only; of several, all are meant.
fn long_flag(table: &[(char, &str)], word: &str) -> String {
    let name = word.split('=').next().unwrap_or_default();
    if table.iter().any(|(_, long)| *long == name) {
        return name.to_owned();
    }
    let mut fitting = table.iter().filter(|(_, long)| !name.is_empty() && long.starts_with(name));
    fitting.next().map_or(name, |(_, long)| long).to_owned()
}

fn short_flags(table: &[(char, &str)], letters: &str, flags: &mut Vec<String>) {
    if table.is_empty() && letters.chars().count() > 1 {
        flags.push(letters.split('=').next().unwrap_or_default().to_owned());
    }
    for letter in letters.chars().take_while(char::is_ascii_alphanumeric) {
        let long = table.iter().find(|(short, _)| *short == letter).map(|(_, long)| *long);
        flags.push(long.map_or_else(|| letter.to_string(), str::to_owned));
    }
}

/// `git push origin +main` is a forced push.
fn forces_a_branch(args: &[String]) -> bool {
    args.iter().any(|word| word == "push") && args.iter().any(|word| word.starts_with('+'))
}
