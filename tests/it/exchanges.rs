//! What runs asked of models and what was said, as the command and the route show it, and said again from a file.

use serde_json::Value;

use super::daemon_space::Daemon;
use super::harness::{Ran, Space};
use super::peer::{Act, Peer, Speaks, done, plan};

const GOAL: &str = "Add a line to the log of visits";
/// What a terminal would obey, what turns the direction of reading, and what YAML takes for something else.
const ODD: &str = "\u{1b}[2J\u{2028}\u{202e}\u{200f}é\r\n--- yes: # \t\n";

fn run(space: &Space, settings: &[(&'static str, String)], args: &[&str]) -> Ran {
    let mut command = space.command(args);
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    Ran::of(command.output().unwrap())
}

/// The kinds of the run's events with what they are about.
fn story(space: &Space, run: &str) -> Vec<String> {
    let shown = space.run(&["runs", "show", run, "--events", "--json"]).expect(0).json();
    let events = shown["events"].as_array().unwrap().clone();
    events.iter().map(|it| format!("{} {}", it["kind"], it["payload"]["path"])).collect()
}

#[test]
fn a_recorded_run_is_run_again_without_its_model() {
    let steps = serde_json::json!([
        { "tool": "write_text", "args": { "path": "visits.log", "text": ODD, "mode": "append" }, "why": "w" },
    ]);
    let acts = vec![
        Act::Say("Sure! I shall \u{1b}[31mwrite\n  a line.".to_owned()),
        Act::Say(plan(steps)),
        Act::Say(done("visited")),
    ];
    let (space, peer) = (Space::new(), Peer::new(Speaks::Ollama, acts));
    let report = run(&space, &peer.settings(), &["run", "--json", "--goal", GOAL]).expect(0).json();
    let id = report["run_id"].as_str().unwrap();

    // What was asked is what the model was sent.
    let items = |ran: Ran| ran.expect(0).json()["items"].as_array().unwrap().clone();
    let told: Vec<Value> = items(space.run(&["runs", "exchanges", id, "--json"]));
    assert_eq!(told.len(), 3);
    for (told, asked) in told.iter().zip(peer.asked()) {
        assert_eq!(told["messages"][1]["text"], asked.told());
        assert_eq!(told["messages"][0]["role"], "system");
    }
    assert_eq!(told[1]["attempt"], 2);
    let shown = space.run(&["runs", "exchanges"]).expect(0);
    assert!(!shown.stdout.contains('\u{1b}'), "{}", shown.stdout);
    shown.says(&["plan 1: ollama/tiny", "plan 1, asked again", "--- system", GOAL, "a line."]);

    let daemon = Daemon::start(&space);
    assert_eq!(items(space.run(&["runs", "exchanges", id, "--json", "--url", &daemon.url])), told);
    assert_eq!(daemon.get(&format!("/runs/{id}/exchanges")).body["items"], Value::from(told));
    let nobody = id.replace(|c: char| c.is_ascii_digit(), "0");
    assert_eq!(daemon.get(&format!("/runs/{nobody}/exchanges")).status, 404);
    assert_eq!(daemon.stop(), 0);

    let script = space.run(&["runs", "exchanges", id, "--script"]).expect(0).stdout;
    let again = Space::new();
    again.write("logs/recorded.yaml", &script);
    let recorded = [("BAILIWICK_MODELS__CHAT", "[scripted/logs/recorded.yaml]".to_owned())];
    let repeated = run(&again, &recorded, &["run", "--json", "--goal", GOAL]).expect(0).json();
    assert_eq!(repeated["outputs"], report["outputs"]);
    assert_eq!(again.read("visits.log"), space.read("visits.log"));
    assert_eq!(story(&again, repeated["run_id"].as_str().unwrap()), story(&space, id));
}

#[test]
fn runs_without_a_model_have_no_exchanges() {
    let space = Space::new();
    space.run(&["runs", "exchanges"]).expect(2).says(&["nothing has run here yet"]);
    space.run(&["run", "--goal", "read README.md"]).expect(0);
    space.run(&["runs", "exchanges"]).expect(0).says(&["it asked no model"]);
    assert_eq!(space.run(&["runs", "exchanges", "--script"]).expect(0).stdout, "[]\n");
    space.run(&["runs", "exchanges", "run_ffff"]).expect(2).says(&["run_ffff"]);
    space.run(&["runs", "exchanges", "--script", "--json"]).expect(2);
}

#[test]
fn what_called_runs_asked_is_told_with_the_step_that_called_them() {
    let (space, peer) = (Space::new(), Peer::new(Speaks::OpenAi, vec![Act::Say(done("seen"))]));
    space.write(
        "playbooks/two.yaml",
        "schema: 1\nname: two\ndescription: Two goals.\npermissions: { tools: [read_text], read: [.] }\nsteps:\n\
         \x20 - { id: a, goal: Look at the first }\n  - { id: b, goal: Look at the second }\n",
    );
    let report = run(&space, &peer.settings(), &["run", "two", "--json"]).expect(0).json();
    let id = report["run_id"].as_str().unwrap();
    let told = space.run(&["runs", "exchanges", id, "--json"]).expect(0).json();
    let steps: Vec<&Value> =
        told["items"].as_array().unwrap().iter().map(|it| &it["step"]).collect();
    assert_eq!(steps, ["a", "b"]);
    let script = space.run(&["runs", "exchanges", id, "--script"]).expect(0).stdout;
    space.write("logs/recorded.yaml", &script);
    let recorded = [("BAILIWICK_MODELS__CHAT", "[scripted/logs/recorded.yaml]".to_owned())];
    run(&space, &recorded, &["run", "two"]).expect(0);
}

#[test]
fn secrets_in_goals_and_in_what_providers_say_are_not_kept() {
    const SECRET: &str = "sesame-1234567";
    let refused = Act::Status("401 Unauthorized", "");
    let (space, peer) = (Space::new(), Peer::new(Speaks::OpenAi, vec![refused]));
    let mut settings = peer.settings();
    settings.extend([
        ("BAILIWICK_SECRET_MODELS", SECRET.to_owned()),
        ("BAILIWICK_MODELS__OPENAI__KEY", "MODELS".to_owned()),
    ]);
    let goal = format!("Ponder over {SECRET} for a while");
    let ran = run(&space, &settings, &["run", "--json", "--goal", &goal]).expect(5);
    let id = ran.json()["run_id"].as_str().unwrap().to_owned();
    let shown = [
        vec!["runs", "show", &id, "--events", "--json"],
        vec!["runs", "ls", "--json"],
        vec!["runs", "exchanges", &id],
        vec!["runs", "exchanges", &id, "--script"],
        vec!["models", "ls"],
    ];
    for args in shown {
        let ran = run(&space, &settings, &args).expect(0);
        assert!(!ran.stdout.contains(SECRET) && !ran.stderr.contains(SECRET), "{args:?}");
    }
    let store = std::fs::read(space.path(".bailiwick/store.db")).unwrap();
    assert!(!store.windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes()));
}

#[test]
fn goals_without_words_are_refused() {
    let space = Space::new();
    for goal in ["", " \n"] {
        space.run(&["run", "--goal", goal]).expect(2).says(&["the goal is empty"]);
        space.run(&["run", "--dry-run", "--goal", goal]).expect(2).says(&["the goal is empty"]);
    }
}

#[test]
fn where_a_shell_has_its_ollama_does_not_part_processes() {
    let space = Space::new();
    space.run(&["init"]).expect(0);
    let daemon = Daemon::start(&space);
    let shell = [("OLLAMA_HOST", "127.0.0.1:9".to_owned())];
    run(&space, &shell, &["config", "show", "models"]).expect(0).says(&["http://127.0.0.1:9"]);
    run(&space, &shell, &["run", "--goal", "read README.md"]).expect(0);
    // Garbage breaks nothing.
    let garbage = [("OLLAMA_HOST", "a\u{1b}[31m".to_owned())];
    run(&space, &garbage, &["runs", "ls"]).expect(0);
    assert_eq!(daemon.stop(), 0);
}
