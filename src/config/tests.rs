//! The layers together, the reference file, and what a hostile workspace may do.

use proptest::prelude::*;

use super::*;
use crate::contracts::{ApprovalMode, Budget, Network, Profile};

fn file(text: &str, trusted: bool) -> Option<SourceFile> {
    Some(SourceFile { name: DEFAULT_FILE.into(), text: text.into(), trusted })
}

fn variable(name: &str, value: &str) -> Variable {
    Variable { name: name.into(), value: value.into(), line: 1 }
}

fn of_file(text: &str) -> Sources {
    Sources { file: file(text, true), ..Sources::default() }
}

fn mistakes(sources: &Sources) -> Vec<String> {
    resolve(sources).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn built_in_layer_is_complete_and_the_same_as_the_defaults_in_the_code() {
    let resolved = resolve(&Sources::default()).unwrap();
    assert!(resolved.warnings.is_empty());
    assert!(resolved.provenance.values().all(|origin| *origin == Origin::BuiltIn));
    assert_eq!(resolved.config.budget.default, Budget::default());
    let profiles: Vec<&str> = resolved.config.sandbox.profiles.keys().map(String::as_str).collect();
    assert_eq!(profiles, ["browser", "git", "parse", "run_code", "shell_exec", "worker"]);
    assert_eq!(resolved.config.sandbox.require, ["landlock", "seccomp"]);
    assert_eq!(resolved.config.sandbox.on_missing, OnMissing::Refuse);
    assert_eq!(resolved.config.secrets.dir, None);
}

#[test]
fn the_reference_file_has_every_key_with_a_comment_above_it() {
    let resolved = resolve(&Sources::default()).unwrap();
    for key in KEYS.iter().filter(|key| !key.path.contains('*')) {
        let known = resolved.values.contains_key(key.path) || key.path.starts_with("tools.");
        assert!(known, "`{}` is not in {DEFAULT_FILE}", key.path);
    }
    let lines: Vec<&str> = DEFAULT_TEXT.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let code = !line.trim_start().starts_with('#') && !line.trim().is_empty();
        if code {
            let above = lines[index - 1].trim_start();
            assert!(above.starts_with('#'), "line {} has no comment above it", index + 1);
        }
    }
}

#[test]
fn later_layers_win_and_every_value_says_where_it_came_from() {
    let sources = Sources {
        file: file("limits:\n  steps: 1\n  nesting: 5\npolicy: { approval_ttl: 1s }\n", true),
        dotenv: vec![variable("BAILIWICK_LIMITS__STEPS", "2")],
        environment: vec![variable("BAILIWICK_LIMITS__STEPS", "3"), variable("PATH", "/bin")],
        sets: vec!["limits.steps=4".into()],
        overrides: Some(SourceFile {
            name: "config/execution_layer_config.json".into(),
            text: "{\"approval_mode\": \"require_approval\", \"tool_enabled\": {\"x\": false}}"
                .into(),
            trusted: true,
        }),
    };
    let Resolved { config, provenance, .. } = resolve(&sources).unwrap();
    assert_eq!(config.limits.steps, 4);
    assert_eq!(config.limits.nesting, 5);
    assert_eq!(config.policy.approval_mode, ApprovalMode::RequireApproval);
    assert_eq!(config.tools.enabled.get("x"), Some(&false));
    for (key, place) in [
        ("limits.steps", "flag"),
        ("limits.nesting", "config/bailiwick.yaml:3"),
        ("policy.approval_ttl", "config/bailiwick.yaml:4"),
        ("policy.approval_mode", "config/execution_layer_config.json"),
        ("limits.file", "built-in"),
    ] {
        assert_eq!(provenance[key].to_string(), place);
    }
    let fewer = Sources { sets: Vec::new(), ..sources };
    let environment = resolve(&fewer).unwrap();
    assert_eq!(environment.config.limits.steps, 3);
    let named = "environment (BAILIWICK_LIMITS__STEPS)";
    assert_eq!(environment.provenance["limits.steps"].to_string(), named);
    let dotenv = resolve(&Sources { environment: Vec::new(), ..fewer }).unwrap();
    assert_eq!(dotenv.config.limits.steps, 2);
    assert_eq!(dotenv.provenance["limits.steps"].to_string(), ".env (BAILIWICK_LIMITS__STEPS)");
}

#[test]
fn ollamas_own_variable_counts_where_nothing_was_said_to_this_program() {
    let url = |sources: &Sources| {
        let Resolved { config, provenance, .. } = resolve(sources).unwrap();
        (config.models.ollama_url, provenance["models.ollama.url"].to_string())
    };
    let environment = vec![variable("OLLAMA_HOST", "gpu:1")];
    let alone = Sources { environment, ..Sources::default() };
    assert_eq!(url(&alone), ("http://gpu:1".into(), "environment (OLLAMA_HOST)".into()));
    let text = "models: { ollama: { url: 'http://here:2' } }";
    let with_file = Sources { file: file(text, true), ..alone.clone() };
    assert_eq!(url(&with_file), ("http://here:2".into(), "config/bailiwick.yaml:1".into()));
    // The file of `init` has every default in it.
    let with_default = Sources { file: file(DEFAULT_TEXT, true), ..alone };
    assert_eq!(url(&with_default).0, "http://gpu:1");
    // Garbage breaks nothing, and is told where it would have counted.
    let told = |sources: &Sources| resolve(sources).unwrap().warnings.len();
    let garbage = vec![variable("OLLAMA_HOST", "a\nb")];
    assert_eq!(told(&Sources { environment: garbage.clone(), ..Sources::default() }), 1);
    let set = [garbage, vec![variable("BAILIWICK_MODELS__OLLAMA__URL", "http://here:2")]].concat();
    assert_eq!(told(&Sources { environment: set, ..Sources::default() }), 0);
    // What a clone brings does not lead elsewhere.
    let dotenv = vec![variable("OLLAMA_HOST", "elsewhere:1")];
    let cloned = Sources { dotenv, ..Sources::default() };
    assert_eq!(url(&cloned).1, "built-in");
}

#[test]
fn every_mistake_of_every_layer_is_named_with_its_place() {
    let sources = Sources {
        file: file("polcy: {}\nlimits:\n  steps: many\n  nestin: 5\n  file: 1B\n", true),
        environment: vec![variable("BAILIWICK_POLICY__PROFIL", "ci")],
        sets: vec!["limits.steps".into(), "limits=1".into(), "policy.profile=strickt".into()],
        ..Sources::default()
    };
    let mistakes = mistakes(&sources);
    let expected = [
        ("config/bailiwick.yaml:1:1: ", "did you mean `policy`?"),
        ("config/bailiwick.yaml:3:10: ", "`limits.steps` must be a whole number, not a text"),
        ("config/bailiwick.yaml:4:3: ", "did you mean `nesting`?"),
        ("config/bailiwick.yaml:5:9: ", "it must be from 1KiB to 16MiB"),
        ("BAILIWICK_POLICY__PROFIL:1:1: ", "did you mean `profile`?"),
        ("--set:1:1: ", "write `key=value`"),
        ("--set:1:1: ", "`limits` is a section"),
        ("--set:1:1: ", "did you mean `strict`?"),
    ];
    assert_eq!(mistakes.len(), expected.len(), "{mistakes:#?}");
    for (mistake, (place, words)) in mistakes.iter().zip(expected) {
        assert!(mistake.starts_with(place) && mistake.contains(words), "{mistake}");
    }
}

#[test]
fn a_key_that_was_renamed_is_an_error_that_says_the_new_name() {
    let sources = Sources {
        file: file(
            "sandbox: { profiles: { git: { network: none, limits: { wall: 1m } } } }\n",
            true,
        ),
        sets: vec!["sandbox.profiles.git.limits.wall=1m".into()],
        ..Sources::default()
    };
    let mistakes = mistakes(&sources);
    let expected = [
        "`sandbox.profiles.git.net`",
        "`timeout` (was `limits.wall`)",
        "`sandbox.profiles.git.timeout`",
    ];
    assert_eq!(mistakes.len(), expected.len(), "{mistakes:#?}");
    for (mistake, words) in mistakes.iter().zip(expected) {
        assert!(mistake.contains(words), "{mistake}");
    }
}

#[test]
fn refuses_hostile_documents() {
    let deep = format!("a: {}", "[".repeat(100));
    let cases = [
        ("", true),
        ("schema: 1\npolicy:\n", true),
        ("schema: 2\n", false),
        ("- list\n", false),
        ("policy: []\n", false),
        ("policy: { profile: }\n", false),
        ("limits: { steps: 1, steps: 2 }\n", false),
        ("---\nschema: 1\n---\nschema: 1\n", false),
        ("tools: { enabled: { 'a.b': true } }\n", false),
        ("tools: { enabled: { '': true } }\n", false),
        ("sandbox: { profiles: { \"x\\0\": { net: none } } }\n", false),
        ("sandbox: { require: [landlok] }\n", false),
        ("sandbox: { profiles: { git: { read: ['../x'] } } }\n", false),
        (deep.as_str(), false),
        ("\t\n- : {", false),
    ];
    for (text, ok) in cases {
        assert_eq!(resolve(&of_file(text)).is_ok(), ok, "{text:?}");
    }
}

#[test]
fn secrets_and_foreign_variables_are_left_alone() {
    let names = ["BAILIWICK_SECRET_DB__PASSWORD", "BAILIWICK_LOG", "BAILIWICK_NODE_TOKEN", "HOME"];
    let environment = names.iter().map(|name| variable(name, ":[{")).collect();
    assert!(resolve(&Sources { environment, ..Sources::default() }).is_ok());
}

#[test]
fn names_in_the_environment_reach_tools_and_profiles() {
    let sources = Sources {
        environment: vec![
            variable("BAILIWICK_TOOLS__ENABLED__SHELL_EXEC", "false"),
            variable("BAILIWICK_SANDBOX__PROFILES__SHELL_EXEC__OPEN_FILES", "64"),
            variable("BAILIWICK_SANDBOX__REQUIRE", "[landlock]"),
        ],
        ..Sources::default()
    };
    let config = resolve(&sources).unwrap().config;
    assert_eq!(config.tools.enabled.get("shell_exec"), Some(&false));
    assert_eq!(config.sandbox.profiles["shell_exec"].limits.open_files, 64);
    assert_eq!(config.sandbox.require, ["landlock"]);
}

#[test]
fn a_new_profile_begins_as_the_built_in_shell_exec() {
    let text = "sandbox: { profiles: { shell_exec: { net: proxy }, mine: { pids: 7 } } }";
    let profiles = resolve(&of_file(text)).unwrap().config.sandbox.profiles;
    assert_eq!(profiles["mine"].limits.pids, 7);
    assert_eq!(profiles["mine"].limits.wall_ms, profiles["shell_exec"].limits.wall_ms);
    assert_eq!(profiles["mine"].net, Network::None);
    assert_eq!(profiles["shell_exec"].net, Network::Proxy);
}

#[test]
fn a_run_without_a_budget_never_gets_more_than_one_may_state() {
    let resolved = resolve(&of_file("budget: { max: { steps: 7, cost_usd: 0.5 } }\n")).unwrap();
    assert_eq!(resolved.config.budget.default.steps, 7);
    assert!(resolved.config.budget.default.cost_usd <= 0.5);
    assert_eq!(
        resolved.provenance["budget.default.steps"],
        resolved.provenance["budget.max.steps"]
    );
}

#[test]
fn the_override_has_names_of_its_own_and_refuses_others() {
    let overrides = |text: &str| Sources {
        overrides: Some(SourceFile { name: "o.json".into(), text: text.into(), trusted: true }),
        ..Sources::default()
    };
    let text = "{\"max_steps_per_run\": 300, \"max_retries_per_tool\": 2,\n \"dry_run_default\": true, \"prefer_sandbox\": false, \"require_approval_for_risky\": false}";
    let config = resolve(&overrides(text)).unwrap().config;
    assert_eq!((config.budget.max.steps, config.budget.default.steps), (300, 300));
    assert_eq!(config.run.max_retries_per_tool, 2);
    assert!(config.run.dry_run_default && !config.run.prefer_sandbox);
    assert!(!config.policy.require_approval_for_risky);
    let refused = mistakes(&overrides("{\"max_step_per_run\": 3, \"policy\": {}}"));
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(refused[0].contains("o.json:1:2") && refused[0].contains("`max_steps_per_run`"));
    assert!(resolve(&overrides("[]")).is_err());
    assert!(resolve(&overrides("{\"tool_enabled\": true}")).is_err());
}

#[test]
fn an_untrusted_file_can_only_tighten_and_what_does_not_count_is_said() {
    let text = "policy: { profile: strict, require_approval_for_risky: false }
tools: { enabled: { shell_exec: false, http_request: true } }
limits: { steps: 5, file: 1KiB, foreach_items: 20000 }
secrets: { dir: /tmp/mine }
sandbox: { require: [seccomp], on_missing: degrade, profiles: { git: { net: proxy, argv: [git, sh], write: [/], timeout: 5s }, worker: { argv: [make] }, mine: { net: loopback } } }
";
    let sources = Sources { file: file(text, false), ..Sources::default() };
    let built_in = resolve(&Sources::default()).unwrap().config;
    let Resolved { config, warnings, .. } = resolve(&sources).unwrap();
    assert_eq!(config.policy.profile, Profile::Strict);
    assert!(config.policy.require_approval_for_risky);
    assert_eq!(config.tools.enabled.get("shell_exec"), Some(&false));
    assert_eq!(config.tools.enabled.get("http_request"), None);
    assert_eq!(config.limits.steps, 5);
    assert_eq!(config.limits.file_bytes, built_in.limits.file_bytes);
    assert_eq!(config.limits.foreach_items, built_in.limits.foreach_items);
    assert_eq!(config.secrets.dir, None);
    assert_eq!(config.sandbox.require, built_in.sandbox.require);
    assert_eq!(config.sandbox.profiles["git"].net, Network::None);
    assert_eq!(config.sandbox.on_missing, OnMissing::Refuse);
    assert_eq!(config.sandbox.profiles["git"].argv, ["git"]);
    assert_eq!(config.sandbox.profiles["worker"].argv, ["make"]);
    assert!(config.sandbox.profiles["git"].write.is_empty());
    assert_eq!(config.sandbox.profiles["git"].limits.wall_ms, 5_000);
    assert_eq!(config.sandbox.profiles["mine"].net, Network::None);
    let ignored: Vec<(u32, bool)> =
        warnings.iter().map(|w| (w.line, w.message.contains("does not count"))).collect();
    assert_eq!(ignored, [1, 2, 3, 3, 4, 5, 5, 5, 5, 5, 5].map(|line| (line, true)));
    let trusted = resolve(&Sources { file: file(text, true), ..Sources::default() }).unwrap();
    assert!(trusted.warnings.is_empty());
    assert_eq!(trusted.config.sandbox.require, ["seccomp"]);
    assert_eq!(trusted.config.sandbox.on_missing, OnMissing::Degrade);
}

#[test]
fn an_untrusted_override_cannot_undo_what_the_environment_tightened() {
    let sources = Sources {
        environment: vec![variable("BAILIWICK_TOOLS__ENABLED__SHELL_EXEC", "false")],
        overrides: Some(SourceFile {
            name: "o.json".into(),
            text: "{\"tool_enabled\": {\"shell_exec\": true}}".into(),
            trusted: false,
        }),
        ..Sources::default()
    };
    let resolved = resolve(&sources).unwrap();
    assert_eq!(resolved.config.tools.enabled.get("shell_exec"), Some(&false));
    assert_eq!(resolved.warnings.len(), 1);
}

#[test]
fn hosts_of_the_proxy_come_from_a_trusted_file_or_from_the_user() {
    let text = "sandbox: { proxy: { hosts: [PyPI.org, 'http://x.org:80'], allow_addresses: { pypi.org: [10.0.0.7] } } }";
    let proxy = resolve(&of_file(text)).unwrap().config.sandbox.proxy;
    assert_eq!(proxy.hosts, ["pypi.org", "http://x.org"]);
    assert_eq!(
        proxy.allow_addresses["pypi.org"],
        ["10.0.0.7".parse::<std::net::IpAddr>().unwrap()]
    );

    let untrusted = resolve(&Sources { file: file(text, false), ..Sources::default() }).unwrap();
    assert_eq!(untrusted.warnings.len(), 2, "{:?}", untrusted.warnings);
    let proxy = untrusted.config.sandbox.proxy;
    assert!(proxy.hosts.is_empty() && proxy.allow_addresses.is_empty());

    let sets = ["hosts=[a.example]", "allow_addresses={a.example: ['::1', 127.0.0.1]}"];
    let sets = sets.map(|set| format!("sandbox.proxy.{set}")).to_vec();
    let set = resolve(&Sources { sets, ..Sources::default() }).unwrap().config.sandbox.proxy;
    assert_eq!((set.hosts.len(), set.allow_addresses["a.example"].len()), (1, 2));
    let wrong =
        of_file("sandbox: { proxy: { hosts: ['*.com'], allow_addresses: { a.example: [here] } } }");
    assert_eq!(mistakes(&wrong).len(), 2, "{:?}", mistakes(&wrong));
}

/// A line of YAML for a key, with any value that its kind takes.
fn any_setting(key: &'static Key) -> BoxedStrategy<String> {
    let value = match key.kind {
        Kind::Bool => any::<bool>().prop_map(|on| on.to_string()).boxed(),
        Kind::Count(min, max) | Kind::Bytes(min, max) => {
            (min..=max).prop_map(|number| number.to_string()).boxed()
        }
        Kind::Duration(min, max) => (min..=max).prop_map(|ms| format!("{ms}ms")).boxed(),
        Kind::Amount(min, max) => (min..=max).prop_map(|number| number.to_string()).boxed(),
        Kind::Word(words) => proptest::sample::select(words).prop_map(str::to_owned).boxed(),
        Kind::Words(words) => proptest::sample::subsequence(words.to_vec(), 0..=words.len())
            .prop_map(|words| format!("[{}]", words.join(", ")))
            .boxed(),
        Kind::Path => proptest::sample::select(vec!["''", "/x"]).prop_map(str::to_owned).boxed(),
        Kind::Line => proptest::sample::select(vec!["''", "a"]).prop_map(str::to_owned).boxed(),
        Kind::Secret => {
            proptest::sample::select(vec!["''", "'${secret:A}'"]).prop_map(str::to_owned).boxed()
        }
        Kind::Lines => proptest::sample::select(vec!["[]", "[a]"]).prop_map(str::to_owned).boxed(),
        Kind::Rate => {
            proptest::sample::select(vec!["none", "30/min", "1/s"]).prop_map(str::to_owned).boxed()
        }
        Kind::Hosts => {
            proptest::sample::select(vec!["[]", "[a.example]"]).prop_map(str::to_owned).boxed()
        }
        Kind::Addresses => proptest::sample::select(vec!["{}", "{a.example: [127.0.0.1]}"])
            .prop_map(str::to_owned)
            .boxed(),
        Kind::Models => proptest::sample::select(vec!["[]", "[ollama/a:1, openai/b.c]"])
            .prop_map(str::to_owned)
            .boxed(),
        Kind::SecretName => {
            proptest::sample::select(vec!["''", "KEY"]).prop_map(str::to_owned).boxed()
        }
        Kind::Prices => proptest::sample::select(vec!["{}", "{openai/a: {input: 1, output: 2.5}}"])
            .prop_map(str::to_owned)
            .boxed(),
        Kind::Paths => proptest::sample::select(vec!["[]", "[/]"]).prop_map(str::to_owned).boxed(),
    };
    let path = key.path.replace('*', "git");
    value.prop_map(move |value| format!("{path}={value}")).boxed()
}

/// Any key with any value that it takes, as `key=value`.
fn any_line() -> impl Strategy<Value = (&'static Key, String)> {
    let keys = (0..KEYS.len()).prop_map(|index| &KEYS[index]);
    keys.prop_flat_map(|key| any_setting(key).prop_map(move |line| (key, line)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_untrusted_value_ever_widens((key, line) in any_line()) {
        let (path, value) = line.split_once('=').unwrap();
        let text = path.rsplit('.').fold(value.to_owned(), |inner, part| format!("{{ {part}: {inner} }}"));
        let untrusted = resolve(&Sources { file: file(&text, false), ..Sources::default() }).unwrap();
        let trusted = resolve(&of_file(&text)).unwrap();
        let built_in = resolve(&Sources::default()).unwrap();
        let old = built_in.values.get(path);
        // The trusted file is taken as it stands, the untrusted one only where it is stricter.
        let stricter = key.tighter.holds(key.kind, old, &trusted.values[path]);
        prop_assert_eq!(untrusted.warnings.is_empty(), stricter);
        let now = untrusted.values.get(path);
        prop_assert_eq!(now, if stricter { trusted.values.get(path) } else { old });
    }

    #[test]
    fn what_is_written_reads_back_the_same((key, line) in any_line()) {
        let path = line.split_once('=').unwrap().0.to_owned();
        let first = resolve(&Sources { sets: vec![line], ..Sources::default() }).unwrap();
        let again = format!("{path}={}", first.values[&path].written(key.kind));
        let second = resolve(&Sources { sets: vec![again], ..Sources::default() }).unwrap();
        prop_assert_eq!(&first.values[&path], &second.values[&path]);
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        let _ = resolve(&Sources { file: file(&text, false), ..Sources::default() });
    }
}

#[test]
fn the_reference_file_meets_its_own_schema_and_the_schema_refuses_what_the_reader_refuses() {
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    let json = |text: &str| {
        crate::yaml::parse("f", text, crate::yaml::Limits::default()).unwrap().to_json()
    };
    assert!(validator.is_valid(&json(DEFAULT_TEXT)));
    for text in ["{ polcy: {} }", "{ limits: { steps: 0 } }", "{ policy: { profile: x } }"] {
        assert!(!validator.is_valid(&json(text)), "{text}");
        assert!(resolve(&of_file(text)).is_err(), "{text}");
    }
}

#[test]
fn the_committed_schema_and_table_are_what_the_registry_says() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = serde_json::to_string_pretty(&json_schema()).unwrap() + "\n";
    let page = std::fs::read_to_string(root.join("docs/configuration.md")).unwrap();
    let (before, rest) = page.split_once("<!-- keys -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- /keys -->\n").unwrap();
    let table = reference_table();
    let page_now = format!("{before}<!-- keys -->\n{table}<!-- /keys -->\n{after}");
    for (path, now) in
        [("config/schema/bailiwick.json", schema), ("docs/configuration.md", page_now)]
    {
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(root.join(path), &now).unwrap();
        }
        let committed = std::fs::read_to_string(root.join(path)).unwrap();
        assert!(committed == now, "{path} is stale: run `just bless` and look at the difference");
    }
}
