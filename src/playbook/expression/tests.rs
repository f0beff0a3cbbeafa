use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

struct World;

impl Reads for World {
    fn exists(&self, path: &str) -> Result<bool, String> {
        match path {
            "secret" => Err("policy refuses to read `secret`".to_owned()),
            path => Ok(path == "here.txt"),
        }
    }

    fn read(&self, path: &str) -> Result<String, String> {
        match path {
            "here.txt" => Ok("one\ntwo\n".to_owned()),
            "evil.txt" => Ok("${{ inputs.name }}".to_owned()),
            "big.txt" => Ok("x".repeat(2 << 20)),
            _ => Err(format!("there is no file `{path}`")),
        }
    }

    fn template(&self, name: &str) -> Result<String, String> {
        match name {
            "list.md" => Ok("{% for x in data.items %}\n- {{ x }}\n{% endfor %}\n".to_owned()),
            "names.md" => Ok("{{ a }} {{ data.a }}".to_owned()),
            "typo.md" => Ok("\n{{ data.itemz }}".to_owned()),
            "loop.md" => Ok("{% for a in data %}{% for b in data %}{% for c in data %}{% for d in data %}{{ a }}{% endfor %}{% endfor %}{% endfor %}{% endfor %}".to_owned()),
            "big.md" => Ok("{% for a in data %}{% for b in data %}{{ b }}{% endfor %}{% endfor %}".to_owned()),
            "double.md" => Ok("{% set x = data ~ data %}{{ x }}".to_owned()),
            _ => Err(format!("there is no template `{name}`")),
        }
    }

    fn now(&self) -> String {
        "2026-05-01T07:00:00.000Z".to_owned()
    }
}

fn scope() -> Scope {
    let mut scope = Scope {
        inputs: json!({"name": "Ada", "strict": true, "count": 3, "list": ["a", "b"], "half": 0.5, "none": null})
            .as_object()
            .cloned()
            .unwrap(),
        run: json!({"id": "run_1"}).as_object().cloned().unwrap(),
        secrets: BTreeSet::from(["TOKEN".to_owned()]),
        items: vec![("file".to_owned(), json!({"path": "src/lib.rs", "line": 4}))],
        ..Scope::default()
    };
    let status = StepView {
        ok: true,
        data: Some(
            json!({"changed": [{"path": "a.txt"}], "text": "${{ inputs.name }}", "big": 18_446_744_073_709_551_615_u64}),
        ),
        attempts: 1,
        ..StepView::default()
    };
    scope.steps.insert("status".to_owned(), status);
    scope.steps.insert("skipped".to_owned(), StepView { skipped: true, ..StepView::default() });
    scope
}

fn evaluator() -> Evaluator {
    Evaluator::new(ExpressionLimits::default())
}

fn value(expression: &str) -> Result<Value, ExpressionError> {
    evaluator().evaluate(expression, &scope(), &World)
}

#[test]
fn evaluates() {
    let cases = [
        ("inputs.name", json!("Ada")),
        ("inputs[\"name\"]", json!("Ada")),
        ("inputs.list", json!(["a", "b"])),
        ("inputs.list[1]", json!("b")),
        ("inputs.count + 1", json!(4)),
        ("inputs.half * 2.0", json!(1.0)),
        ("inputs.half < inputs.count", json!(true)),
        ("inputs.name + \"!\"", json!("Ada!")),
        ("`${inputs.name} has ${inputs.count}`", json!("Ada has 3")),
        ("`${inputs.list}`", json!("[\"a\",\"b\"]")),
        ("!steps.status.ok || inputs.strict", json!(true)),
        ("steps.skipped.skipped && !steps.skipped.ok", json!(true)),
        ("steps.status.data.changed[0].path", json!("a.txt")),
        ("steps.status.data.changed == []", json!(false)),
        ("steps.status.data.big", json!(18_446_744_073_709_551_615_u64)),
        ("[steps.status.data.big]", json!([18_446_744_073_709_551_615_u64])),
        ("steps.status.error == ()", json!(true)),
        ("file.path", json!("src/lib.rs")),
        ("len(file.path)", json!(10)),
        ("inputs.list.len() + len(inputs)", json!(8)),
        ("keys(run)", json!(["id"])),
        ("\"a\" in inputs.list && !(\"c\" in inputs.list)", json!(true)),
        ("\"c\" !in inputs.list", json!(true)),
        ("contains(\"abc\", \"b\") && contains(run, \"id\")", json!(true)),
        ("starts_with(file.path, \"src/\")", json!(true)),
        ("matches(file.path, `\\.rs$`)", json!(true)),
        ("json(`{\"a\": [1, 2.5, null]}`)", json!({"a": [1, 2.5, null]})),
        ("now()", json!("2026-05-01T07:00:00.000Z")),
        ("basename(file.path) + \" \" + dirname(file.path)", json!("lib.rs src")),
        ("dirname(`lib.rs`) + dirname(`/x`) + basename(`a/b/`)", json!("./b")),
        ("join(inputs.list, \", \")", json!("a, b")),
        ("lines(read(`here.txt`))", json!(["one", "two"])),
        ("exists(`here.txt`) && !exists(`gone.txt`)", json!(true)),
        ("trim(\"  x \")", json!("x")),
        ("get(steps, \"status.data.changed.0.path\", \"-\")", json!("a.txt")),
        ("get(steps, \"status.data.nope.deeper\", [])", json!([])),
        ("get(inputs, \"none\", 5)", json!(5)),
        ("inputs.none ?? 7", json!(7)),
        ("secrets.TOKEN", json!("${secret:TOKEN}")),
        ("#{a: 1, b: inputs.list}", json!({"a": 1, "b": ["a", "b"]})),
        ("render(`list.md`, #{items: inputs.list})", json!("- a\n- b\n")),
        ("render(`names.md`, #{a: 1})", json!("1 1")),
    ];
    for (expression, expected) in cases {
        assert_eq!(value(expression), Ok(expected), "{expression}");
    }
}

#[test]
fn unknown_names_are_errors_and_never_empty() {
    let cases = [
        ("inputs.nmae", "did you mean `name`?"),
        ("steps.statsu.ok", "did you mean `status`?"),
        ("steps.statsu.ok && true", "did you mean `status`?"),
        ("steps.status.data.chnaged", "did you mean `changed`?"),
        ("inptus.name", "did you mean `inputs`?"),
        ("1 + inputs.cuont", "did you mean `count`?"),
        ("secrets.TOKEM", "did you mean `TOKEN`?"),
        ("lenn(inputs.list)", ""),
        ("error.message", ""),
        ("steps.skipped.data.x", ""),
        ("steps.skipped.error.kind == \"x\"", ""),
        ("inputs.list[7]", ""),
        ("inputs[\"nope\"]", ""),
    ];
    for (expression, suggestion) in cases {
        let error = value(expression).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unknown, "{expression}: {error}");
        if !suggestion.is_empty() {
            assert_eq!(error.suggestion.as_deref(), Some(suggestion), "{expression}: {error}");
        }
    }
}

#[test]
fn only_expressions_are_read() {
    let refused = [
        "",
        " ",
        "let x = 1",
        "let x = 1; x",
        "1; 2",
        "{ 1 }",
        "if true { 1 } else { 2 }",
        "switch 1 { 1 => 2 }",
        "while true { }",
        "loop { }",
        "for x in [1] { }",
        "fn f() { 1 }",
        "|x| x",
        "inputs.list.map(|x| x)",
        "Fn(\"len\")",
        "eval(\"1\")",
        "inputs.name = 1",
        "inputs.list += 1",
        "x => 1",
        "this",
        "'a'",
        "print(1)",
        "import \"a\"",
        "`${let x = 1; x}`",
        "`${loop { }}`",
        "`${ { 1 } }`",
        "inputs.list.push(1)",
        "len!(inputs)",
        "1 << 60",
        "0..9",
        "0..=9",
        "return 1",
        "throw 1",
        "type_of(1)",
        "len()",
        "len(1, 2)",
        "steps.x.filter(|y| true)",
        "${{ inputs.name }}",
        "a == 'b'",
        "f(",
        "1 +",
        "call(\"len\")",
    ];
    for expression in refused {
        let error = value(expression).unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::Syntax | ErrorKind::Unknown),
            "{expression}: {error:?}"
        );
        assert!(evaluator().facts(expression).is_err(), "{expression} was read");
    }
}

#[test]
fn bounds_hold() {
    let many = [
        format!("{}1{}", "(".repeat(7_000), ")".repeat(7_000)),
        format!("{}1{}", "[".repeat(7_000), "]".repeat(7_000)),
        format!("{}1{}", "#{a:".repeat(3_000), "}".repeat(3_000)),
        format!("{}1{}", "len(".repeat(3_000), ")".repeat(3_000)),
        format!("{}1{}", "`${".repeat(3_000), "}`".repeat(3_000)),
        format!("{}1{}", "inputs[".repeat(2_000), "]".repeat(2_000)),
        format!("{}true", "!".repeat(16_000)),
        format!("{}1", "-".repeat(16_000)),
        format!("inputs{}", ".a".repeat(8_000)),
        format!("inputs{}", "[0]".repeat(5_000)),
        format!("inputs.name{}", ".trim()".repeat(2_300)),
        vec!["1"; 8_000].join("+"),
        vec!["1"; 5_000].join("**"),
        vec!["()"; 4_000].join("??"),
        format!("\"{}\"", "x".repeat(20_000)),
    ];
    for expression in many {
        assert!(value(&expression).is_err(), "{}", &expression[..40]);
    }
    let wide = vec!["true"; 40].join("&&");
    assert_eq!(value(&wide), Ok(json!(true)));
    assert!(value("read(`big.txt`) + \"y\"").is_err());
    let few = Evaluator::new(ExpressionLimits { operations: 5 });
    let error = few.evaluate("[1,2,3,4,5,6,7,8,9]", &scope(), &World).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Limit, "{error}");
}

#[test]
fn templates_cannot_fill_the_machine() {
    let mut scope = scope();
    scope.inputs.insert("many".to_owned(), json!(vec!["xxxxxxxxxx"; 2_000]));
    for (expression, part) in [
        ("render(`big.md`, inputs.many)", "more than"),
        ("render(`double.md`, inputs.many)", "no `set`"),
        ("render(`loop.md`, inputs.many)", "more than"),
        ("render(`typo.md`, #{items: []})", "line 2"),
        ("render(`gone.md`, 1)", "no template"),
    ] {
        let error = evaluator().evaluate(expression, &scope, &World).unwrap_err();
        assert!(error.message.contains(part), "{expression}: {error}");
        assert_eq!(error.kind, ErrorKind::Read);
    }
}

#[test]
fn refusals_to_read_are_errors() {
    let error = value("exists(`secret`) || true").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Read);
    assert!(error.message.contains("policy refuses"), "{error}");
}

#[test]
fn conditions_must_be_boolean() {
    let evaluator = evaluator();
    assert_eq!(evaluator.condition("inputs.count > 2", &scope(), &World), Ok(true));
    for expression in ["inputs.count", "inputs.name", "\"false\"", "()"] {
        let error = evaluator.condition(expression, &scope(), &World).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Type, "{expression}");
    }
}

#[test]
fn templates_keep_the_kind_of_a_lone_expression() {
    let template = json!({
        "list": "${{ inputs.list }}",
        "flag": "${{inputs.strict}}",
        "text": "n=${{ inputs.count }}, l=${{ inputs.list }}",
        "deep": [{"x": ["${{ file }}"]}],
        "number": 7,
        "${{ key }}": null,
    });
    let expected = json!({
        "list": ["a", "b"],
        "flag": true,
        "text": "n=3, l=[\"a\",\"b\"]",
        "deep": [{"x": [{"path": "src/lib.rs", "line": 4}]}],
        "number": 7,
        "${{ key }}": null,
    });
    assert_eq!(evaluator().value(&template, &scope(), &World), Ok(expected));
}

#[test]
fn text_from_a_tool_is_never_an_expression() {
    let evaluator = evaluator();
    for template in [
        "${{ steps.status.data.text }}",
        "x${{ steps.status.data.text }}",
        "${{ read(`evil.txt`) }}",
        "${{ `${steps.status.data.text}` }}",
        "${{ steps.status.data.text + \"\" }}",
    ] {
        let value = evaluator.value(&json!(template), &scope(), &World).unwrap();
        assert!(value.as_str().unwrap().ends_with("${{ inputs.name }}"), "{template}: {value}");
    }
}

#[test]
fn a_tools_text_cannot_ask_for_a_secret() {
    let evaluator = evaluator();
    let mut scope = scope();
    let spells =
        |text: &str| StepView { ok: true, data: Some(json!({ "t": text })), ..StepView::default() };
    scope.steps.insert("evil".to_owned(), spells("x ${secret:TOKEN}"));
    scope.steps.insert("half".to_owned(), spells("{secret:TOKEN}"));
    scope.steps.insert("other".to_owned(), spells("${secret:OTHER}"));
    for refused in [
        "${{ steps.evil.data.t }}",
        "${{ steps.evil }}",
        "a ${{ trim(steps.evil.data.t) }}",
        "${{ secrets.TOKEN + steps.evil.data.t }}",
        "$${{ steps.half.data.t }}",
        "${{ \"$\" + steps.half.data.t }}",
        "${{ join(lines(steps.evil.data.t), `-`) }}",
        "${{ json(`{\"${steps.evil.data.t}\": 1}`) }}",
    ] {
        let error = evaluator.value(&json!(refused), &scope, &World).unwrap_err();
        assert!(error.message.contains("the secret `TOKEN`"), "{refused}: {error}");
    }
    for taken in [
        "Bearer ${{ secrets.TOKEN }}",
        "${secret:TOKEN} ${{ steps.half.data.t }}",
        "${{ `Bearer ${secrets.TOKEN}` }}",
        "${{ steps.other.data.t }}",
        "${{ secrets.TOKEN + steps.half.data.t }}",
    ] {
        assert!(evaluator.value(&json!(taken), &scope, &World).is_ok(), "{taken}");
    }
}

#[test]
fn says_which_steps_a_template_is_built_from() {
    let template = json!({"a": ["x ${{ steps.b.ok }}"], "c": "${{ steps.a.data.x }}", "d": 1});
    let (steps, all) = evaluator().steps_in(&template).unwrap();
    assert_eq!(
        (steps.into_iter().collect::<Vec<_>>(), all),
        (vec!["a".to_owned(), "b".to_owned()], false)
    );
    assert!(evaluator().steps_in(&json!("${{ render(`x`, steps) }}")).unwrap().1);
}

#[test]
fn nothing_has_no_text() {
    let evaluator = evaluator();
    let error = evaluator.value(&json!("a ${{ inputs.none }}"), &scope(), &World).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Type);
    assert_eq!(evaluator.value(&json!("${{ inputs.none }}"), &scope(), &World), Ok(Value::Null));
    assert!(evaluator.value(&json!("a ${{ inputs.name"), &scope(), &World).is_err());
}

#[test]
fn pending_steps_show_where_a_value_will_come_from() {
    let pending = BTreeSet::from(["build".to_owned(), "other".to_owned(), "each".to_owned()]);
    let template = json!({
        "path": "${{ inputs.name }}",
        "text": "got ${{ steps.build.data.x }} and ${{ inputs.count }}",
        "list": ["a", "${{ steps.status.ok }}", "${{ each.name }}"],
        "all~/": "${{ render(`list.md`, steps) }}",
    });
    let (value, pointers) =
        evaluator().value_or_pending(&template, &scope(), &World, &pending).unwrap();
    assert_eq!(value["path"], "Ada");
    assert_eq!(value["text"], "got <from steps.build> and 3");
    assert_eq!(value["list"], json!(["a", true, "<from each>"]));
    assert_eq!(value["all~/"], "<from steps.build, steps.each, steps.other>");
    assert_eq!(pointers, ["/text", "/list/2", "/all~0~1"]);
}

#[test]
fn says_what_an_expression_refers_to() {
    let evaluator = evaluator();
    let facts =
        evaluator.facts("steps.a.ok && len(steps[\"b\"].data.list[0].x) > inputs.n").unwrap();
    assert_eq!(facts.steps(), (vec!["a", "b"], false));
    assert_eq!(facts.paths[1].names, ["b", "data", "list"]);
    assert!(facts.paths[1].open && !facts.paths[0].open);
    assert_eq!((facts.paths[1].offset, facts.calls[0].offset), (18, 14));
    assert!(!facts.is_path && !facts.is_constant());
    assert!(evaluator.facts("1 + 1 == 2").unwrap().is_constant());
    let inside = evaluator.facts("`${steps.x.ok}` + steps.y.data").unwrap();
    assert_eq!(inside.steps(), (vec!["x", "y"], false));
    assert!(evaluator.facts("steps").unwrap().steps().1);
    assert!(evaluator.facts("a.b.c").unwrap().is_path);
    assert!(!evaluator.facts("a.b[0].c").unwrap().is_path);
}

#[test]
fn is_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&evaluator());
}

fn literal() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e15..1e15_f64).prop_map(Value::from),
        "[^$]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-z$]{1,6}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn literals_are_left_alone(template in literal()) {
        let value = evaluator().value(&template, &scope(), &World).unwrap();
        prop_assert_eq!(&value, &template);
    }

    #[test]
    fn values_survive_a_trip_through_the_engine(data in literal()) {
        let mut scope = scope();
        scope.inputs.insert("x".to_owned(), data.clone());
        let value = evaluator().evaluate("[inputs.x][0]", &scope, &World).unwrap();
        prop_assert_eq!(&value, &data);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,60}") {
        let _ = evaluator().facts(&text);
        let _ = split(&text);
    }
}
