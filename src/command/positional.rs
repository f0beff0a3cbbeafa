//! Arguments that are no flags.

/// Global options of `git` that take the next word as their value.
pub(super) const GIT_VALUES: [&str; 7] =
    ["-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--super-prefix"];

/// The words of `args` that are no flags, in order; after `--` all are. Values of `git`'s global
/// options are left out, so that the first word is what `git` is to do.
pub(super) fn positionals(program: &str, args: &[String]) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = args.iter();
    while let Some(word) = rest.next() {
        if word == "--" {
            words.extend(rest.cloned());
            return words;
        }
        if program == "git" && words.is_empty() && GIT_VALUES.contains(&word.as_str()) {
            rest.next();
        } else if !word.starts_with('-') || word == "-" {
            words.push(word.clone());
        }
    }
    words
}
