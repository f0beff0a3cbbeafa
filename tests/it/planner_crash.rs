//! Planned runs killed with -9 at random moments: they are taken up and end, nothing that may not be repeated
//! is done twice, and no question is asked again whose answer is in the journal.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::{Moments, Ran, Space, kills};
use super::peer::{Act, Asked, Peer, Speaks, done, plan};

const GOAL: &str = "Note three visits in the log, one after the other";
/// Visits, each with a plan of its own.
const VISITS: usize = 3;
/// How long the model thinks.
const THINKING: Duration = Duration::from_millis(30);

/// One line for each plan that was carried out, then the end. What it says depends on what it is told alone.
fn answer(asked: &Asked) -> Act {
    std::thread::sleep(THINKING);
    let told = asked.told();
    let visits = (1..=VISITS).take_while(|n| told.contains(&format!("p{n}_1 write_text"))).count();
    if visits == VISITS {
        return Act::Say(done("three visits are noted"));
    }
    let line = format!("visit {}\n", visits + 1);
    Act::Say(plan(json!([
        { "tool": "write_text", "args": { "path": "visits.log", "text": line, "mode": "append" }, "why": "w" },
    ])))
}

struct Scene {
    space: Space,
    peer: Peer,
}

impl Scene {
    fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.spawn(args).wait_with_output().unwrap())
    }

    fn spawn(&self, args: &[&str]) -> std::process::Child {
        let mut command = self.space.command(args);
        // What the runs before remembered would have the rules ask.
        command.env("BAILIWICK_PLANNER__REMEMBER", "false");
        command.envs(self.peer.settings()).spawn().unwrap()
    }

    /// The runs that there are.
    fn runs(&self) -> Vec<Value> {
        let runs = self.run(&["runs", "ls", "--limit", "1000", "--json"]).expect(0).json();
        runs["items"].as_array().unwrap().clone()
    }
}

#[test]
fn killed_at_any_moment_a_planned_run_ends_and_no_answer_is_asked_for_again() {
    let peer = Peer::doing(Speaks::Ollama, |_, asked| answer(asked));
    let scene = Scene { space: Space::new(), peer };
    let goal = ["run", "--goal", GOAL, "--json"];
    let began = Instant::now();
    scene.run(&goal).expect(0);
    let life = u64::try_from(began.elapsed().as_millis()).unwrap();
    assert_eq!(scene.space.read("visits.log"), "visit 1\nvisit 2\nvisit 3\n");
    let mut moments = Moments(11);
    let mut killed = 0;
    for _ in 0..kills(5) {
        let _ = std::fs::remove_file(scene.space.path("visits.log"));
        let before = scene.runs().len();
        // The first of the kills meets the run; further ones meet whoever takes it up.
        let mut args = goal.as_slice();
        loop {
            let mut child = scene.spawn(args);
            std::thread::sleep(Duration::from_millis(moments.next(life)));
            let over = child.try_wait().unwrap().is_some();
            child.kill().unwrap();
            child.wait().unwrap();
            killed += u64::from(!over);
            args = &["runs", "resume", "--all"];
            if over || killed % 3 == 0 {
                break;
            }
        }
        scene.run(&["runs", "resume", "--all"]).expect(0);
        let runs = scene.runs();
        if runs.len() == before {
            continue; // killed before the run was accepted
        }
        assert_eq!(scene.space.read("visits.log"), "visit 1\nvisit 2\nvisit 3\n");
    }
    scene.run(&["verify"]).expect(0);
    assert!(killed > 0, "every run ended before it could be killed");
    for run in scene.runs() {
        assert_eq!(run["status"], "succeeded", "{run}");
        told_once(&scene, run["run_id"].as_str().unwrap());
    }
}

/// No question follows the answer to the same, and no call that returned was begun again.
fn told_once(scene: &Scene, run: &str) {
    let shown = scene.run(&["runs", "show", run, "--events", "--json"]).expect(0).json();
    let (mut answered, mut returned) = (BTreeMap::new(), BTreeSet::new());
    for event in shown["events"].as_array().unwrap() {
        let payload = &event["payload"];
        let question = (payload["round"].as_u64(), payload["attempt"].as_u64());
        let call = payload["call_id"].as_str().unwrap_or_default().to_owned();
        match event["kind"].as_str().unwrap() {
            "model.asked" => {
                assert!(!answered.contains_key(&question), "{run}: asked {question:?} again")
            }
            "model.answered" => {
                let again = answered.insert(question, ());
                assert_eq!(again, None, "{run}: two answers to {question:?}");
            }
            "call.started" => assert!(!returned.contains(&call), "{run}: {call} ran again"),
            "call.finished" => _ = returned.insert(call),
            _ => {}
        }
    }
    assert_eq!(answered.len(), VISITS + 1, "{run}");
}
