//! Edits of rules that pass some checks and not others, and the thread that takes them over.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::elapsed::wall_clock;
use super::snapshot::{LayerDir, read, signature};
use super::tests::{Ground, NO_REPORTS};
use super::{LivePolicy, PolicyWatch, Reload, Signing};
use crate::contracts::{Diagnostic, Effect};
use crate::policy::Layer;

const TEST: &str = "schema: 1
cases:
  - name: reports are off limits
    request: { tool: write_text, args: { path: reports/a.md, text: x } }
    expect: { verdict: deny, rules: [my.no-reports] }
";

/// Collects what is told of edits.
fn listen(live: &LivePolicy) -> Arc<Mutex<Vec<Reload>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    live.on_reload(Arc::new(move |reload: &Reload| told.lock().unwrap().push(reload.clone())));
    heard
}

#[track_caller]
pub(super) fn within_a_second(what: &str, mut holds: impl FnMut() -> bool) {
    // A busy machine gets more than the second that is promised, or tests would fail by chance.
    let until = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < until, "{what} does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_edit_that_fails_the_tests_beside_it_is_not_taken_over() {
    let ground = Ground::new();
    ground.put("ws/policies/99-mine.yaml", NO_REPORTS);
    ground.put("ws/policies/99-mine_test.yaml", TEST);
    let live = ground.open(true);
    assert_eq!(live.errors(), []);
    let good = live.current().hash();
    // Sound by itself, with examples that hold: only the test says what it should do.
    let looser = NO_REPORTS.replace("[reports]", "[docs]").replace("reports/a", "docs/a");
    ground.put("ws/policies/99-mine.yaml", &looser);
    assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Deny);
    assert_eq!(live.current().hash(), good);
    let errors = live.errors();
    assert_eq!((errors[0].code.as_str(), errors.len()), ("test-failed", 1), "{errors:?}");
    assert_eq!(errors[0].file, "policies/99-mine_test.yaml");
    assert!(live.standing().stale.is_some());
    // Also for who starts with it: what was good is kept.
    drop(live);
    let again = ground.open(true);
    assert_eq!(again.errors()[0].code, "test-failed");
    assert_eq!(ground.write(&again, "reports/a.md").effect, Effect::Deny);
    fs::remove_file(ground.dir.path().join("ws/policies/99-mine_test.yaml")).unwrap();
    assert_eq!(ground.write(&again, "reports/a.md").effect, Effect::Allow);
    assert_eq!(again.standing().stale, None);
}

#[test]
fn tests_decide_nothing_and_are_no_part_of_the_set() {
    let ground = Ground::new();
    ground.put("ws/policies/99-mine.yaml", NO_REPORTS);
    let live = ground.open(true);
    let good = live.current().hash();
    ground.put("ws/policies/99-mine_test.yaml", TEST);
    assert_eq!(live.current().hash(), good);
    assert_eq!(live.errors(), []);
    ground.put("ws/policies/99-mine_test.yaml", "cases: 3");
    assert_eq!(live.current().hash(), good);
    assert_ne!(live.errors(), []);
}

#[test]
fn rules_stay_when_their_directory_goes_while_they_are_in_force() {
    let ground = Ground::new();
    ground.put("ws/policies/99-mine.yaml", NO_REPORTS);
    let live = ground.open(true);
    let base = ground.dir.path();
    fs::rename(base.join("ws/policies"), base.join("ws/away")).unwrap();
    assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Deny);
    assert_eq!(live.errors()[0].code, "gone");
    fs::rename(base.join("ws/away"), base.join("ws/policies")).unwrap();
    assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Deny);
    assert_eq!(live.errors(), []);
}

#[test]
fn a_gate_refuses_an_edit_and_nothing_of_it_is_taken() {
    let ground = Ground::new();
    let live = ground.open(true);
    let good = live.current().hash();
    live.set_gate(Arc::new(move |edit| {
        assert_eq!(edit.before.hash(), good);
        assert_ne!(edit.after.hash(), good);
        vec![Diagnostic::error("backtest", "three calls would change", "policies/", 1, 1)]
    }));
    ground.put("ws/policies/99-mine.yaml", NO_REPORTS);
    assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Allow);
    assert_eq!(live.errors()[0].code, "backtest");
    assert_eq!(live.current().hash(), good);
    live.set_gate(Arc::new(|_| Vec::new()));
    ground.put("ws/policies/99-mine.yaml", format!("{NO_REPORTS}# again\n"));
    assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Deny);
}

#[test]
fn every_edit_is_told_once_whether_it_is_taken_or_not() {
    let ground = Ground::new();
    let live = ground.open(true);
    let (first, heard) = (live.current().hash(), listen(&live));
    let changes = live.changes();
    ground.put("ws/policies/99-mine.yaml", NO_REPORTS);
    let second = live.current().hash();
    live.refresh();
    assert_eq!(*changes.borrow(), second);
    ground.put("ws/policies/99-mine.yaml", "rules: 3");
    live.refresh();
    live.refresh();
    // Touched, and as broken as before.
    ground.put("ws/policies/99-mine.yaml", "rules: 3");
    live.refresh();
    ground.put("ws/policies/99-mine.yaml", NO_REPORTS);
    live.refresh();
    let told: Vec<_> = heard
        .lock()
        .unwrap()
        .iter()
        .map(|it| (it.previous, it.hash, !it.errors.is_empty()))
        .collect();
    assert_eq!(told, [(first, second, false), (second, second, true), (second, second, false)]);
}

#[test]
fn a_watch_takes_edits_over_while_who_decides_only_reads() {
    let ground = Ground::new();
    let live = Arc::new(ground.open(true));
    let watch = PolicyWatch::start(Arc::clone(&live)).unwrap();
    let before = live.current().hash();
    ground.put("ws/policies/99-mine.yaml", NO_REPORTS);
    within_a_second("the edit", || live.current().hash() != before);
    assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Deny);
    // Whoever edits and wants to go on at once says so.
    fs::remove_file(ground.dir.path().join("ws/policies/99-mine.yaml")).unwrap();
    live.refresh();
    assert_eq!(live.current().hash(), before);
    // Another directory in the place of the first, with edits inside it.
    let base = ground.dir.path();
    fs::rename(base.join("ws/policies"), base.join("ws/old")).unwrap();
    fs::create_dir(base.join("ws/policies")).unwrap();
    ground.put("ws/policies/10-mine.yaml", NO_REPORTS);
    within_a_second("the directory", || live.current().hash() != before);
    within_a_second("no mistakes", || live.errors().is_empty());
    let other = live.current().hash();
    ground.put("ws/policies/11-broken.yaml", "rules: 3");
    within_a_second("the mistake", || !live.errors().is_empty());
    assert_eq!(live.current().hash(), other);
    drop(watch);
    fs::remove_file(base.join("ws/policies/11-broken.yaml")).unwrap();
    // Without it, whoever decides looks again.
    let _ = live.current();
    assert_eq!(live.errors(), []);
}

#[test]
fn who_decides_does_not_wait_for_an_edit_that_takes_long() {
    let ground = Ground::new();
    let live = Arc::new(ground.open(true));
    let _watch = PolicyWatch::start(Arc::clone(&live)).unwrap();
    let good = live.current().hash();
    let (reached, waiting) = std::sync::mpsc::channel();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (reached, held) = (Mutex::new(reached), Mutex::new(held));
    live.set_gate(Arc::new(move |_| {
        reached.lock().unwrap().send(()).unwrap();
        held.lock().unwrap().recv().unwrap();
        Vec::new()
    }));
    ground.put("ws/policies/99-mine.yaml", NO_REPORTS);
    waiting.recv_timeout(Duration::from_secs(20)).expect("the gate is reached");
    // The edit is being looked at and stays so: everybody else goes on by what was good last.
    assert_eq!(live.current().hash(), good);
    assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Allow);
    assert_eq!(live.errors(), []);
    assert_eq!(live.standing().hash, good);
    release.send(()).unwrap();
    within_a_second("the edit", || live.current().hash() != good);
}

#[test]
fn too_much_of_everything_is_a_mistake_and_not_a_burden() {
    let ground = Ground::new();
    let live = ground.open(true);
    let good = live.current().hash();
    let fill = vec![b'#'; 1 << 20];
    for number in 0..17 {
        ground.put(&format!("ws/policies/x{number}.yaml"), &fill);
    }
    assert_eq!(live.current().hash(), good);
    assert!(live.errors().iter().any(|it| it.code == "too-many-bytes"), "{:?}", live.errors());
    for number in 0..17 {
        fs::remove_file(ground.dir.path().join(format!("ws/policies/x{number}.yaml"))).unwrap();
    }
    assert_eq!(live.current().hash(), good);
    assert_eq!(live.errors(), []);
    for number in 0..4_200 {
        ground.put(&format!("ws/policies/n{number}.txt"), "");
    }
    assert_eq!(live.current().hash(), good);
    assert!(live.errors()[0].message.contains("more than 4096 entries"), "{:?}", live.errors());
}

#[test]
fn what_changes_again_in_the_same_tick_of_the_clock_is_looked_at_again() {
    let ground = Ground::new();
    let path = ground.dir.path().join("ws/policies");
    let dirs = [LayerDir { layer: Layer::Workspace, path, shown: "policies/".to_owned() }];
    let signing = Signing::default();
    for _ in 0..50 {
        // In place and of the same length: nothing but the time tells them apart.
        ground.put("ws/policies/own.yaml", NO_REPORTS);
        let began = wall_clock();
        let (snapshots, seen) = read(&dirs, &signing, &[]);
        ground.put("ws/policies/own.yaml", NO_REPORTS.replace("today", "Today"));
        let own = snapshots[0].sources.iter().find(|it| it.path.ends_with("own.yaml")).unwrap();
        assert_eq!(own.bytes, NO_REPORTS.as_bytes());
        let told_apart = signature(&dirs, &signing, &[]) != seen;
        assert!(told_apart || !seen.is_settled(began), "an edit is lost");
    }
    // And nothing is read again and again for ever.
    let began = wall_clock() + Duration::from_secs(3);
    assert!(read(&dirs, &signing, &[]).1.is_settled(began));
}
