//! The facts of one command.

use serde::Serialize;

use super::flags::normalised_flags;
use super::positional::positionals;
use super::wrapper::why_opaque;

/// What is known about a command from its words alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Analysis {
    /// The command as people read it.
    pub text: String,
    /// Each program that runs; empty when it is opaque.
    pub leaves: Vec<Leaf>,
    /// Why what it does cannot be seen; absent when it can.
    pub opaque: Option<String>,
}

/// One program with its arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Leaf {
    /// The program's name without its directory.
    pub program: String,
    /// The arguments, as they were given; the program is not among them.
    pub argv: Vec<String>,
    /// Arguments that are no flags, in order.
    pub positional: Vec<String>,
    /// Flags by their long names without dashes: `-rf` is `force` and `recursive`.
    pub flags: Vec<String>,
    /// How it was reached, such as `sudo`, outermost first.
    pub via: Vec<String>,
    /// The program its output goes to.
    pub pipe_to: Option<String>,
    /// The program its input comes from.
    pub pipe_from: Option<String>,
}

/// The facts of an argument vector.
#[must_use]
pub fn of_argv(argv: &[String]) -> Analysis {
    let text = argv.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    let opaque =
        |reason: String| Analysis { text: text.clone(), leaves: Vec::new(), opaque: Some(reason) };
    let Some((first, rest)) = argv.split_first() else {
        return opaque("no program is named".to_owned());
    };
    if argv.iter().any(|word| word.contains('\0')) {
        return opaque("an argument has a NUL character".to_owned());
    }
    let program = program_name(first);
    if program.is_empty() {
        return opaque("no program is named".to_owned());
    }
    if let Some(reason) = why_opaque(&program, rest) {
        return opaque(reason);
    }
    let leaf = Leaf {
        flags: normalised_flags(&program, rest),
        positional: positionals(&program, rest),
        argv: rest.to_vec(),
        program,
        ..Leaf::default()
    };
    Analysis { text, leaves: vec![leaf], opaque: None }
}

/// The facts of a command line: none, for now.
#[must_use]
pub fn of_line(line: &str) -> Analysis {
    let reason = "it is a command line; give the program and its arguments as a list".to_owned();
    Analysis { text: line.to_owned(), leaves: Vec::new(), opaque: Some(reason) }
}

/// `/usr/bin/Rm.EXE` is `rm`: the way the most forgiving system finds it.
fn program_name(word: &str) -> String {
    let name = word.rsplit(['/', '\\']).next().unwrap_or_default().to_lowercase();
    name.strip_suffix(".exe").unwrap_or(&name).to_owned()
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(words: &[&str]) -> Analysis {
        of_argv(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_same_flags_have_one_spelling() {
        for words in [
            &["rm", "-rf", "x"][..],
            &["/bin/rm", "-fr", "x"],
            &["rm", "--recursive", "--force", "x"],
            &["rm", "-R", "-f", "x"],
            &["rm", "--recu", "--for", "x"],
            &["rm", "x", "-rf"],
        ] {
            let fact = argv(words);
            let leaf = fact.leaves.first().expect("one leaf");
            assert!(leaf.flags.contains(&"recursive".to_owned()), "{words:?}: {:?}", leaf.flags);
            assert!(leaf.flags.contains(&"force".to_owned()), "{words:?}: {:?}", leaf.flags);
            assert_eq!(
                (leaf.program.as_str(), leaf.positional.as_slice()),
                ("rm", &["x".to_owned()][..])
            );
        }
    }

    #[test]
    fn words_after_two_dashes_are_no_flags() {
        let fact = argv(&["rm", "--", "-rf"]);
        assert_eq!(fact.leaves[0].flags, Vec::<String>::new());
        assert_eq!(fact.leaves[0].positional, ["-rf"]);
    }

    #[test]
    fn git_is_seen_past_its_global_options() {
        let cases = [
            (&["git", "-C", "/x", "push", "-f"][..], "push", "force"),
            (&["git", "--git-dir", "/x", "push", "--force"], "push", "force"),
            (&["git", "--no-pager", "push", "origin", "+main"], "push", "force"),
            (&["git", "reset", "--hard", "HEAD~3"], "reset", "hard"),
            (&["git", "clean", "-xdf"], "clean", "force"),
        ];
        for (words, verb, flag) in cases {
            let fact = argv(words);
            let leaf = fact.leaves.first().unwrap_or_else(|| panic!("{words:?}: {fact:?}"));
            assert_eq!(leaf.positional.first().map(String::as_str), Some(verb), "{words:?}");
            assert!(leaf.flags.iter().any(|found| found == flag), "{words:?}: {:?}", leaf.flags);
        }
    }

    #[test]
    fn what_runs_another_program_is_opaque() {
        for words in [
            &["sh", "-c", "ls"][..],
            &["bash", "script.sh"],
            &["/usr/bin/env", "rm", "-rf", "/"],
            &["SUDO", "ls"],
            &["xargs", "rm"],
            &["python3", "-c", "print(1)"],
            &["python3.12", "-Bc", "print(1)"],
            &["python3", "-"],
            &["python3"],
            &["node", "--eval=1"],
            &["perl", "-ne", "x"],
            &["find", ".", "-exec", "rm", "{}", ";"],
            &["git", "-c", "core.pager=sh -c id", "log"],
            &["git", "-ccore.fsmonitor=x", "status"],
            &["timeout", "5", "rm", "x"],
            &["awk", "BEGIN{system(\"id\")}"],
            &[],
            &[""],
            &["bin/"],
            &["ls", "a\0b"],
        ] {
            let fact = argv(words);
            assert!(fact.opaque.is_some() && fact.leaves.is_empty(), "{words:?}: {fact:?}");
        }
        assert!(of_line("ls").opaque.is_some());
    }

    #[test]
    fn plain_programs_are_not_opaque() {
        for words in [
            &["ls", "-la"][..],
            &["cargo", "test"],
            &["python3", "-m", "pytest"],
            &["python3", "-B", "test.py", "-c"],
            &["find", ".", "-name", "*.rs"],
            &["echo", "rm -rf build"],
            &["git", "status"],
        ] {
            assert_eq!(argv(words).opaque, None, "{words:?}");
        }
    }
}
