//! Functions that speak, and that look at facts.

use super::table::{Name, Section};

pub(super) const SPEAKING: Section = Section {
    title: "Verdicts",
    functions: &[
        Name("deny(reason: String) -> ()", "the call must not happen", r#"deny("no")"#),
        Name("ask(reason: String) -> ()", "a person must say yes", r#"ask("sure?")"#),
        Name("note(reason: String) -> ()", "a remark for `policy explain`", r#"note("seen")"#),
        Name(
            "allow(reason: String) -> ()",
            "it may happen; only where a trusted file of rules says `scripts_may_allow: true` for the tool",
            r#"allow("fine")"#,
        ),
    ],
};

pub(super) const FACTS: Section = Section {
    title: "Facts of a call",
    functions: &[
        Name(
            "arg(req: request, name: String) -> ?",
            "an argument; one that is absent is an error",
            r#"req.arg("command")[0] == "curl""#,
        ),
        Name(
            "has_arg(req: request, name: String) -> bool",
            "whether it is given",
            r#"!req.has_arg("url")"#,
        ),
        Name(
            "arg_label(req: request, name: String, label: String) -> bool",
            "whether its value came from there",
            r#"req.arg_label("command", "untrusted")"#,
        ),
        Name(
            "arg_only(req: request, name: String, labels: Array) -> bool",
            "whether every part of its value came from there",
            r#"!req.arg_only("command", ["user", "trusted"])"#,
        ),
        Name(
            "sinks_only(req: request, labels: Array) -> bool",
            "whether every part of every sink came from there",
            r#"!req.sinks_only(["user", "trusted"])"#,
        ),
        Name(
            "args_labelled(req: request, label: String) -> Array",
            "the arguments whose values came from there",
            r#""command" in req.args_labelled("untrusted")"#,
        ),
        Name(
            "label_sources(req: request, name: String) -> String",
            "where its value came from, in words",
            r#"req.label_sources("command") == "untrusted:web""#,
        ),
        Name(
            "has_flag(leaf: program, name: String) -> bool",
            "whether the program has it, in either spelling",
            r#"req.command.leaves[0].has_flag("silent")"#,
        ),
        Name(
            "count(ctx: context, tool: String) -> int",
            "how often this run has called the tool",
            r#"ctx.count("read_text") == 2"#,
        ),
        Name(
            "last(ctx: context, tool: String) -> int",
            "when this run called it last, as `now` counts; 0 for never",
            r#"ctx.now - ctx.last("read_text") == 1000"#,
        ),
        Name(
            "config(ctx: context, key: String) -> ?",
            "a configured value that policy may read; an unknown key is an error",
            r#"ctx.config("limits.steps") == 50"#,
        ),
    ],
};

pub(super) const LOOKING: Section = Section {
    title: "Looking closer",
    functions: &[
        Name(
            "under(file: path, dir: String) -> bool",
            "whether it leads inside the directory, from the workspace",
            r#"under(req.paths[0], "build")"#,
        ),
        Name(
            "glob(file: path, pattern: String) -> bool",
            "where it leads",
            r#"glob(req.paths[0], "b*d")"#,
        ),
        Name(
            "glob(text: String, pattern: String) -> bool",
            "`*` stops at `/`, `**` does not",
            r#"glob("a/b", "a/*") && !glob("a/b", "*")"#,
        ),
        Name(
            "host_in(at: host, patterns: Array) -> bool",
            "by whole labels: `*.example.org` is everything below",
            r#"host_in(req.hosts[0], ["*.example.org"])"#,
        ),
        Name(
            "host_in(name: String, patterns: Array) -> bool",
            "",
            r#"!host_in("example.org.evil.example", ["example.org"])"#,
        ),
        Name(
            "matches(text: String, regex: String) -> bool",
            "anywhere in the text, unless `^` and `$` say else",
            r#"matches("v1.2", "^v[0-9]+")"#,
        ),
        Name(
            "semver(version: String, wanted: String) -> bool",
            "as Cargo reads requirements; a leading `v` is let pass",
            r#"semver("v1.10.0", ">=1.9, <2") && !semver("2.0.0", "^1")"#,
        ),
    ],
};
