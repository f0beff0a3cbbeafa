//! What runs asked of models and what was said, as the command and the route show it, and said again from a file.

use serde_json::Value;

use super::daemon_space::Daemon;
use super::harness::{Ran, Space};
use super::peer::{Act, Peer, Speaks, done, plan};

const GOAL: &str = "Add a line to the log of visits";

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
        { "tool": "write_text", "args": { "path": "visits.log", "text": "\u{1b}[2Jé\n", "mode": "append" }, "why": "w" },
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
