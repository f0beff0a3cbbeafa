//! Types and their properties.

use super::table::{Class, Name};

/// Every type whose properties a script may read.
pub(in crate::policy::script) const CLASSES: [Class; 10] = [
    Class { name: "request", variable: Some("req"), at: "`req`", properties: REQUEST },
    Class { name: "context", variable: Some("ctx"), at: "`ctx`", properties: CONTEXT },
    Class { name: "run", variable: None, at: "`ctx.run`", properties: RUN },
    Class { name: "command", variable: None, at: "`req.command`", properties: COMMAND },
    Class {
        name: "program",
        variable: None,
        at: "one of `req.command.leaves`",
        properties: PROGRAM,
    },
    Class { name: "path", variable: None, at: "one of `paths`, `redirects`", properties: PATH },
    Class { name: "host", variable: None, at: "one of `hosts`", properties: HOST },
    Class { name: "String", variable: None, at: "a text", properties: TEXT },
    Class { name: "Array", variable: None, at: "a list", properties: LIST },
    Class { name: "int", variable: None, at: "a number", properties: NUMBER },
];

/// The type called `name`.
pub(in crate::policy::script) fn class(name: &str) -> Option<&'static Class> {
    const ALL: &[Class] = &CLASSES;
    ALL.iter().find(|class| class.name == name)
}

/// The type of a rule's parameter.
pub(in crate::policy::script) fn class_of(variable: &str) -> Option<&'static Class> {
    const ALL: &[Class] = &CLASSES;
    ALL.iter().find(|class| class.variable == Some(variable))
}

const REQUEST: &[Name] = &[
    Name("id: String", "the call's id", r#"req.id == """#),
    Name("tool: String", "the tool's own name", r#"req.tool == "shell_exec""#),
    Name("risk: String", "`low`, `medium` or `high`", r#"req.risk in ["medium", "high"]"#),
    Name("category: String", "what it does to the world; empty for most", r#"req.category == """#),
    Name(
        "effect: String",
        "`read`, `idempotent`, `non_idempotent` or `irreversible`",
        r#"req.effect == "non_idempotent""#,
    ),
    Name(
        "origin: String",
        "who wants it: `playbook`, `planner`, `api`, `node` or `mcp`",
        r#"req.origin == "playbook""#,
    ),
    Name("sends_network: bool", "whether the tool sends over a network", "req.sends_network"),
    Name("reads_secret: bool", "whether it names a secret file to read", "!req.reads_secret"),
    Name("unattended: bool", "whether nobody is there to answer", "!req.unattended"),
    Name(
        "asked_for: bool",
        "whether the goal uses one of the tool's `asked_by` words",
        "!req.asked_for",
    ),
    Name("paths: Array", "each file it names: `path`", r#"req.paths.some(|p| p.access == "read")"#),
    Name(
        "sinks: Array",
        "arguments through which something can leave or be aimed",
        r#""command" in req.sinks"#,
    ),
    Name("hosts: Array", "each host it names: `host`", r#"req.hosts[0].class == "public""#),
    Name(
        "command: command",
        "the command; empty for a call that has none",
        "req.command.leaves.len == 1",
    ),
];

const CONTEXT: &[Name] = &[
    Name("run: run", "the run so far", "ctx.run.steps_used == 3"),
    Name("profile: String", "`workspace`, `strict` or `ci`", r#"ctx.profile == "workspace""#),
    Name("mode: String", "`auto` or `require_approval`", r#"ctx.mode == "auto""#),
    Name("now: int", "milliseconds since 1970, fixed for the decision", "ctx.now == 5000"),
];

const RUN: &[Name] = &[
    Name("id: String", "the run's id", r#"ctx.run.id == "run-1""#),
    Name("playbook: String", "the playbook's name", r#"ctx.run.playbook == "release""#),
    Name("goal: String", "what a person asked for, in their words", r#"ctx.run.goal == """#),
    Name("step: String", "the step's path", r#"ctx.run.step == "each[3]""#),
    Name("steps_used: int", "calls so far", "ctx.run.steps_used == 3"),
    Name("steps_left: int", "calls left in the budget", "ctx.run.steps_left < 50"),
    Name("cost_usd: float", "cost so far", "ctx.run.cost_usd < 1.0"),
    Name("read_secret: bool", "whether a secret was read", "!ctx.run.read_secret"),
    Name("untrusted: bool", "whether text of strangers came in", "ctx.run.untrusted"),
];

const COMMAND: &[Name] = &[
    Name(
        "leaves: Array",
        "each program that runs: `program`",
        r#"req.command.leaves.all(|leaf| leaf.program == "curl")"#,
    ),
    Name("opaque: bool", "whether what it does cannot be seen", "!req.command.opaque"),
    Name("text: String", "as people read it", r#"req.command.text.starts_with("curl")"#),
];

const PROGRAM: &[Name] = &[
    Name("program: String", "its name", r#"req.command.leaves[0].program == "curl""#),
    Name("argv: Array", "its arguments", "req.command.leaves[0].argv.len == 4"),
    Name(
        "flags: Array",
        "its flags, in one spelling",
        r#""silent" in req.command.leaves[0].flags"#,
    ),
    Name(
        "via: Array",
        "how it was reached: `sudo`, `xargs`, …",
        "req.command.leaves[0].via.is_empty",
    ),
    Name(
        "cwd: String",
        "where it runs, when it says so",
        r#"type_of(req.command.leaves[0].cwd) == "string""#,
    ),
    Name(
        "paths: Array",
        "each file its words name: `path`",
        r#"req.command.leaves[0].paths.some(|p| under(p, "build"))"#,
    ),
    Name(
        "redirects: Array",
        "those it is redirected to or from",
        "req.command.leaves[0].redirects.is_empty",
    ),
    Name(
        "hosts: Array",
        "each host its words name: `host`",
        r#"req.command.leaves[0].hosts[0].name == "docs.example.org""#,
    ),
    Name(
        "does: Array",
        "`destroy`, `send`, `fetch`, `run_fetched`, `credential`, `leak`",
        r#""fetch" in req.command.leaves[0].does"#,
    ),
    Name(
        "pipe_to: String",
        "the program behind the pipe",
        r#"req.command.leaves[0].pipe_to == """#,
    ),
    Name(
        "pipe_from: String",
        "the program before the pipe",
        r#"req.command.leaves[0].pipe_from == """#,
    ),
    Name("opaque: bool", "whether what it does cannot be seen", "!req.command.leaves[0].opaque"),
];

const PATH: &[Name] = &[
    Name("text: String", "as it was written", r#"req.paths[0].text == "build""#),
    Name(
        "zone: String",
        "where it leads: `workspace temp home secret system self outside`",
        r#"req.paths[0].zone == "workspace""#,
    ),
    Name(
        "access: String",
        "`read`, `write`, `delete` or `exec`",
        r#"req.paths[0].access == "read""#,
    ),
    Name("arg: String", "the argument that names it", r#"req.paths[0].arg == "workdir""#),
];

const HOST: &[Name] = &[
    Name(
        "name: String",
        "lower case, without a last dot",
        r#"req.hosts[0].name == "docs.example.org""#,
    ),
    Name(
        "class: String",
        "`public private loopback link_local metadata`",
        r#"req.hosts[0].class == "public""#,
    ),
    Name("port: int", "the port", "req.hosts[0].port == 443"),
    Name("scheme: String", "the scheme of the address", r#"req.hosts[0].scheme == "https""#),
];

const TEXT: &[Name] = &[
    Name("len: int", "how many characters", r#""dü".len == 2"#),
    Name("is_empty: bool", "whether there are none", r#""".is_empty"#),
    Name("bytes: int", "how many bytes", r#""dü".bytes == 3"#),
    Name(
        "chars: ?",
        "its characters, for `for`",
        r#"{ let n = 0; for c in "ab".chars { n += 1; } n == 2 }"#,
    ),
];

const LIST: &[Name] = &[
    Name("len: int", "how many items", "[1, 2].len == 2"),
    Name("is_empty: bool", "whether there are none", "[].is_empty"),
];

const NUMBER: &[Name] = &[
    Name("is_zero: bool", "whether it is 0", "0.is_zero"),
    Name("is_even: bool", "whether it is even", "2.is_even"),
    Name("is_odd: bool", "whether it is odd", "1.is_odd"),
];
