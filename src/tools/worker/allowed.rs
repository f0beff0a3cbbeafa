//! Which programs may run in the worker.

/// The list where the configuration (`sandbox.profiles.worker.argv`) has none: what builds, tests and
/// looks. No shells: a line for one says everything and shows nothing.
pub(super) const DEFAULT: [&str; 32] = [
    "cargo",
    "rustc",
    "rustfmt",
    "npm",
    "npx",
    "node",
    "pip",
    "pip3",
    "python3 -m",
    "pytest",
    "ruff",
    "mypy",
    "go build",
    "go test",
    "go vet",
    "go list",
    "make",
    "cmake",
    "ctest",
    "ninja",
    "meson",
    "gcc",
    "cc",
    "file",
    "strings",
    "sha256sum",
    "b3sum",
    "wc",
    "ls",
    "find",
    "grep",
    "cat",
];

/// Whether `argv` is, or begins as, one of `allowlist`, each of which is words with blanks between.
/// The program is compared as it is written: a path is not a name.
pub(super) fn allowed(argv: &[String], allowlist: &[String]) -> bool {
    let begins = |entry: &String| {
        let mut words = entry.split_whitespace().peekable();
        let some = words.peek().is_some();
        let mut given = argv.iter();
        some && words.all(|word| given.next().is_some_and(|it| it == word))
    };
    allowlist.iter().any(begins)
}

/// The configured list, or the default one.
pub(super) fn allowlist(configured: &[String]) -> Vec<String> {
    match configured {
        [] => DEFAULT.map(str::to_owned).to_vec(),
        configured => configured.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_begins_as_the_list_says() {
        let list = allowlist(&[]);
        for (line, expected) in [
            ("cargo check --offline", true),
            ("python3 -m pytest", true),
            ("python3 -c print()", false),
            ("python3", false),
            ("go test ./...", true),
            ("go run x.go", false),
            ("bash -c ls", false),
            ("./cargo", false),
            ("/tmp/cargo", false),
            ("cargo-evil", false),
            ("", false),
        ] {
            let argv: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(allowed(&argv, &list), expected, "{line}");
        }
        let own = allowlist(&["just ci".to_owned(), String::new()]);
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(allowed(&words("just ci -v"), &own));
        assert!(!allowed(&words("cargo build"), &own));
    }
}
