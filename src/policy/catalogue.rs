//! Every mistake that looking at policy files can find: what it is called, how bad it is, how it
//! looks and what to do. The table in `docs/policies.md` and the rules in SARIF come from here.

use crate::contracts::Severity;

/// One kind of mistake.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Its stable name.
    pub code: &'static str,
    /// How bad it is; a few are milder where nobody can mend them.
    pub severity: Severity,
    /// What is wrong, in a sentence without a full stop.
    pub what: &'static str,
    /// How it looks.
    pub example: &'static str,
    /// What to do.
    pub fix: &'static str,
}

const fn error(
    code: &'static str,
    what: &'static str,
    example: &'static str,
    fix: &'static str,
) -> Kind {
    Kind { code, severity: Severity::Error, what, example, fix }
}

const fn warning(
    code: &'static str,
    what: &'static str,
    example: &'static str,
    fix: &'static str,
) -> Kind {
    Kind { code, severity: Severity::Warning, what, example, fix }
}

/// All of them, by name.
pub const KINDS: &[Kind] = &[
    warning(
        "allow-not-permitted",
        "a script calls `allow`, and no file of rules lets it",
        "`allow(\"fine\")` without `scripts_may_allow`",
        "write `tools: { NAME: { scripts_may_allow: true } }`, or do not allow",
    ),
    error(
        "bad-example",
        "an example of a rule that allows is a call that nothing can be said about",
        "`args: { path: 3 }`",
        "write a call that a tool would take",
    ),
    error(
        "bad-duration",
        "a text is no duration",
        "`per: 5x`",
        "write a number with `ms`, `s`, `m`, `h` or `d`",
    ),
    error(
        "bad-glob",
        "a text is no glob",
        "`tool: [\"[a\"]`",
        "close what is open, or quote what is meant as it is",
    ),
    error(
        "bad-host",
        "a text is no host pattern",
        "`host: [\"https://x.example\"]`",
        "write a host, or `*.` and a host",
    ),
    error(
        "bad-id",
        "a text is no id",
        "`id: My Rule`",
        "use lower-case letters, digits, `.`, `-` and `_`",
    ),
    error(
        "bad-regex",
        "a text is no regular expression",
        "`matches: \"(\"`",
        "close what is open, or put a `\\` before it",
    ),
    error("bad-schema", "the file is of another version", "`schema: 2`", "write `schema: 1`"),
    error(
        "bad-signature",
        "signed rules are not what was signed",
        "a rule file was changed after `bailiwick policy sign`",
        "look at what changed, then sign again, or put the file back as it was",
    ),
    error(
        "bad-value",
        "a value is not one of those that there are",
        "`effect: denied`",
        "use one of the values that the message names",
    ),
    error(
        "captured-variable",
        "a function in place uses a variable around it",
        "`req.paths.some(|p| p.zone == wanted)`",
        "write a `for` loop",
    ),
    error("complex-key", "a key of a mapping is no text", "`? [a, b]`", "write a text"),
    warning(
        "contradictory",
        "two rules of a layer say different things about the same calls",
        "`allow` and `ask` with the same `on` and `when`",
        "keep one of them, or narrow one",
    ),
    error(
        "duplicate-id",
        "two rules of a layer have the same id",
        "`id: my.rule` twice",
        "give one of them another id",
    ),
    error(
        "duplicate-key",
        "a mapping has the same key twice",
        "`effect:` twice in a rule",
        "keep one of them",
    ),
    error(
        "empty-list",
        "a list that says what may be is empty, so nothing may be",
        "`zone: []`",
        "name something, or leave the key out",
    ),
    error(
        "empty-predicate",
        "a condition says nothing",
        "`path: {}`",
        "say what must hold, or leave it out",
    ),
    error(
        "empty-reason",
        "a rule has no reason",
        "`reason: \"\"`",
        "write what the person who is refused should read",
    ),
    error(
        "empty-window",
        "a time begins when it ends",
        "`between: [\"08:00\", \"08:00\"]`",
        "write two different times",
    ),
    error(
        "endless-loop",
        "a loop has no end",
        "`loop { x += 1; }`",
        "write `for`, or a `break`, `return` or `throw`",
    ),
    error(
        "endless-recursion",
        "a function always calls itself again",
        "`fn a(n) { a(n + 1) }`",
        "call it under a condition that comes to an end",
    ),
    error(
        "example-failed",
        "a rule is not about its `match`, or is about its `not_match`",
        "`match:` with a path that `when` leaves out",
        "correct the rule or the example",
    ),
    warning(
        "example-not-tried",
        "an example cannot be tried",
        "a tool that is not there",
        "declare the tool under `tools`, or write constant words",
    ),
    warning(
        "idle-allow",
        "a layer above denies everything that an `allow` is about",
        "the system denies `write_text`, the workspace allows it",
        "remove the rule: a lower layer never loosens a higher one",
    ),
    error(
        "missing-example",
        "a rule has no example under `match`; without one under `not_match` it is a warning",
        "a rule without `match`",
        "write a call that it is about, and one that it is not about",
    ),
    error(
        "missing-key",
        "something that must be there is not",
        "a rule without `id`",
        "write the key that the message names",
    ),
    error(
        "never-holds",
        "a condition can never hold",
        "`arg: { n: { gt: 5, lt: 3 } }`",
        "correct the bounds, or the profiles of the file",
    ),
    error("not-utf8", "the file is no UTF-8 text", "a file in Latin-1", "save it as UTF-8"),
    error(
        "script-statement",
        "a script has a statement outside of its functions",
        "`let x = 1;` at the top",
        "put it into a function",
    ),
    error(
        "script-syntax",
        "a script cannot be read",
        "`if }`",
        "correct it where the message points",
    ),
    error(
        "second-document",
        "the file has more than one document",
        "`---` in the middle",
        "write several files",
    ),
    warning(
        "shadowed",
        "another rule of the layer denies everything that a rule is about",
        "`deny` without `when`, and an `allow` for the same tool",
        "remove one of them, or narrow the other",
    ),
    error(
        "shadowed-function",
        "a function has the name of one of the language, and would silence it",
        "`private fn deny(x) { }`",
        "give it another name",
    ),
    warning(
        "silent-rule",
        "a rule of a script can never speak",
        "`fn rule(req, ctx) { }`",
        "call `deny`, `ask`, `note` or `allow`, or write `private fn`",
    ),
    error(
        "test-failed",
        "a test does not hold; one that was shipped and not changed is a warning",
        "`expect: { verdict: allow }` for what is denied",
        "correct the rules or the test: `bailiwick policy test` says what matched",
    ),
    warning(
        "test-not-tried",
        "the tool of a test is not there",
        "`request: { tool: other_server.send }`",
        "switch the server on, or declare the tool under `tools`",
    ),
    error(
        "tests-too-slow",
        "the tests took longer than a reload may",
        "thousands of cases",
        "have fewer cases",
    ),
    error(
        "text-order",
        "`<` or `>` compares a word letter by letter: `high` comes before `low`",
        "`req.risk >= \"medium\"`",
        "name the words: `req.risk in [\"medium\", \"high\"]`",
    ),
    error("too-large", "the file is larger than is read", "a file of 2 MiB", "write several files"),
    error(
        "too-deep",
        "values stand inside each other too deeply",
        "forty lists inside each other",
        "write it flatter",
    ),
    error(
        "too-many-values",
        "the file has too many values, those that aliases repeat included",
        "aliases of aliases of aliases",
        "write fewer, or several files",
    ),
    error(
        "too-many-tests",
        "a file has too many tests",
        "more than 5,000 cases",
        "write several files",
    ),
    error(
        "too-wide",
        "a rule that does not deny is about every call",
        "`allow` without `on` and `when`",
        "say which calls it is about",
    ),
    error(
        "trusted-key",
        "a line of the trusted keys is no key with a name behind it",
        "`ed25519:…` without a name",
        "write the key, a space, and whose it is",
    ),
    error(
        "unknown-alias",
        "an alias stands for nothing",
        "`*nobody`",
        "write the anchor `&nobody` before it",
    ),
    error(
        "unknown-argument",
        "a tool has no such argument; in examples and `sinks` it is a warning",
        "`arg: { txt: … }` for `write_text`",
        "use a name that `bailiwick tools show NAME` has",
    ),
    error(
        "unknown-file",
        "a test is about a file of rules that is not there",
        "`of: [10-flies]`",
        "write the file's name without directory and ending",
    ),
    error(
        "unknown-function",
        "a script calls a function that is not there",
        "`denny(\"no\")`",
        "use one of the functions in docs/policies.md",
    ),
    error(
        "unknown-key",
        "a mapping has a key that nothing reads",
        "`efect: deny`",
        "use the key that the message suggests",
    ),
    error(
        "unknown-property",
        "a script asks for a property that is not there",
        "`req.tol`",
        "use the one that the message suggests",
    ),
    error(
        "unknown-rule",
        "a test names a rule that is not there",
        "`rules: [fs.raed]`",
        "use the id that the message suggests",
    ),
    error(
        "unknown-tool",
        "an example or a test names a tool that is not there; in `on` it is a warning",
        "`tool: write_txt`",
        "use the name that the message suggests",
    ),
    warning(
        "unreachable",
        "a rule can never match a call of any tool there is",
        "`path:` for a tool without paths",
        "correct `on` or `when`, or remove the rule",
    ),
    error(
        "wrong-arity",
        "a function gets too few or too many values",
        "`deny(\"no\", 1)`",
        "give it as many as it takes",
    ),
    error(
        "wrong-type",
        "a value is of another kind than is wanted",
        "`rules: 3`",
        "write the kind that the message names",
    ),
    error(
        "yaml-syntax",
        "the file is no YAML",
        "a tab before a key",
        "correct it where the message points",
    ),
    error("zero-rules", "there is no rule", "`rules: []`", "write a rule, or remove the file"),
    error(
        "zero-tests",
        "a file of tests has no test",
        "`cases: []`",
        "write a case, or remove the file",
    ),
];

/// The kind of mistake that is called `code`.
#[must_use]
pub fn kind(code: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.code == code)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;
    use std::path::{Path, PathBuf};

    use super::*;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/policies.md");
    const BEGIN: &str = "<!-- findings: generated -->\n";
    const END: &str = "<!-- end of findings -->";

    fn table() -> String {
        let mut text =
            String::from("| code | | what | for example | what to do |\n|---|---|---|---|---|\n");
        for Kind { code, severity, what, example, fix } in KINDS {
            let severity = match severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let _ = writeln!(text, "| `{code}` | {severity} | {what} | {example} | {fix} |");
        }
        text
    }

    #[test]
    fn the_page_has_every_kind() {
        let page = std::fs::read_to_string(PAGE).unwrap();
        let (before, rest) = page.split_once(BEGIN).expect("the table begins");
        let (_, after) = rest.split_once(END).expect("the table ends");
        let wanted = format!("{before}{BEGIN}{}{END}{after}", table());
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(PAGE, wanted).unwrap();
        } else {
            assert!(page == wanted, "run the tests with BLESS=1");
        }
    }

    fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().unwrap() != "tests" {
                sources(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_code_of_the_source_is_a_kind_and_every_kind_is_in_the_source() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = Vec::new();
        sources(&root.join("policy"), &mut files);
        sources(&root.join("yaml"), &mut files);
        let said = regex::Regex::new(
            r#"(?:Diagnostic::error\(\s*|\.error\(\s*[^"(),]+,\s*|\bat\([^"();]*(?:\(\))?[^"();]*,\s*)"([a-z0-9-]+)""#,
        )
        .unwrap();
        let (mut text, mut codes) = (String::new(), BTreeSet::new());
        for file in files.iter().filter(|file| !file.ends_with("catalogue.rs")) {
            let source = std::fs::read_to_string(file).unwrap();
            let source = source.split("#[cfg(test)]").next().unwrap_or_default();
            if !file.ends_with("tests.rs") {
                codes.extend(said.captures_iter(source).map(|hit| hit[1].to_owned()));
                text.push_str(source);
            }
        }
        let known: BTreeSet<String> = KINDS.iter().map(|kind| kind.code.to_owned()).collect();
        assert!(codes.len() > 30, "{codes:?}");
        let others: Vec<&String> = codes
            .difference(&known)
            .filter(|code| !crate::policy::suite::OWN_RULES.contains(&code.as_str()))
            .collect();
        assert!(others.is_empty(), "no kind: {others:?}");
        let idle: Vec<&String> =
            known.iter().filter(|code| !text.contains(&format!("\"{code}\""))).collect();
        assert!(idle.is_empty(), "never said: {idle:?}");
    }
}
