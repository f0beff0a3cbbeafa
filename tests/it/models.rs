//! Language models through the program: what is configured, what is there, what they can.

use serde_json::Value;

use super::harness::{Ran, Space};

/// Runs the program with these settings in its environment.
fn run(space: &Space, settings: &[(&str, &str)], args: &[&str]) -> Ran {
    let mut command = space.command(args);
    command.envs(settings.iter().copied());
    Ran::of(command.output().expect("the program starts"))
}

/// A script whose three plans are right.
const PLANNER: &str = "- say: { steps: [{ tool: read_text, args: { path: notes/today.txt } }] }
- say: { steps: [{ tool: write_text, args: { path: greeting.txt, text: hello } }] }
- say: { steps: [{ tool: move_path, args: { from: old.txt, to: new.txt } }, { tool: list_dir, args: { path: docs } }] }
";

#[test]
fn what_a_model_can_is_found_out_and_kept() {
    let space = Space::new();
    space.write("planner.yaml", PLANNER);
    space.write("babbler.yaml", "- { say: 'Sure, here you are!', again: true }\n");
    let settings = [
        ("BAILIWICK_MODELS__CHAT", "[scripted/planner.yaml, scripted/babbler.yaml]"),
        ("BAILIWICK_MODELS__OLLAMA__URL", "http://127.0.0.1:9"),
    ];
    run(&space, &settings, &["models", "probe", "scripted/planner.yaml"])
        .expect(0)
        .says(&["3 of 3 right", "can plan"]);
    run(&space, &settings, &["models", "probe", "scripted/babbler.yaml"])
        .expect(0)
        .says(&["0 of 3 right", "cannot plan"]);
    let listed = run(&space, &settings, &["models", "ls", "--json"]).expect(0).json();
    let [first, second] = &listed["language_models"].as_array().unwrap()[..] else {
        panic!("{listed}")
    };
    assert_eq!((&first["place"], &first["probe"]["can_plan"]), (&1.into(), &true.into()));
    assert_eq!(second["probe"]["can_plan"], Value::Bool(false));
    // The one that cannot plan is not given goals.
    run(&space, &settings, &["doctor"]).says(&["`scripted/planner.yaml` is asked"]);
    // Nobody listens there.
    run(&space, &settings, &["models", "probe", "ollama/x"]).expect(5).says(&["ollama/x"]);
    run(&space, &settings, &["models", "pull", "ollama/x"]).expect(5).says(&["models.ollama.url"]);
    run(&space, &settings, &["models", "pull", "openai/x"]).expect(2).says(&["only Ollama's"]);
}

#[test]
fn a_model_without_its_key_is_told_by_the_name_of_the_secret_alone() {
    let space = Space::new();
    let mut settings = vec![
        ("BAILIWICK_MODELS__CHAT", "[openai/some-model]"),
        ("BAILIWICK_MODELS__OPENAI__URL", "https://models.invalid/v1"),
        ("BAILIWICK_MODELS__OPENAI__KEY", "MODELS"),
    ];
    let missing = ["BAILIWICK_SECRET_MODELS"];
    run(&space, &settings, &["models", "probe", "openai/some-model"]).expect(2).says(&missing);
    run(&space, &settings, &["doctor"]).expect(1).says(&missing);
    settings.push(("BAILIWICK_SECRET_MODELS", "sesame-1234567"));
    let listed = run(&space, &settings, &["models", "ls", "--json"]).expect(0).json();
    assert_eq!(listed["language_models"][0]["available"], Value::Bool(false));
    assert!(!listed.to_string().contains("sesame"), "{listed}");
}
