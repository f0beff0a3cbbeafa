//! What people say to a plan: a no with what they want otherwise, and a yes before anybody asks.

use super::*;
use crate::orchestrator::{NobodyAnswers, PreApproved, give};

#[tokio::test(flavor = "multi_thread")]
async fn a_no_with_a_comment_leads_to_another_plan_that_knows_the_comment() {
    let turns = json!([
        plan(json!([remove("build")])),
        plan(json!([remove("other")])),
        done("other is gone"),
    ]);
    let desk = Desk::new(turns, Some(true));
    desk.says.comments.lock().unwrap().push("keep build, remove only `other`");
    desk.write("build/x", "x");
    desk.write("other/x", "x");
    let run = desk.accept("Remove what is not needed");
    let came = desk.drive(run).await;
    assert_eq!(came.how(), (Outcome::Succeeded, None), "{}", came.report().summary);
    assert!(desk.exists("build/x") && !desk.exists("other"));
    let asked = desk.model.asked();
    let second = &asked[1].messages[1].text;
    assert!(second.contains("A person said no to plan 1: keep build"), "{second}");
    assert!(second.contains("p1_1 delete_path was not carried out"), "{second}");
    let ended = |path: &str| {
        let line = came.report().steps.iter().find(|line| line.path == path);
        line.map(|line| (line.ok, line.skipped))
    };
    assert_eq!(ended("plan_1_gate"), Some((false, true)));
    assert_eq!(ended("plan_1"), Some((false, true)));
    assert_eq!(ended("plan_2_gate"), Some((true, false)));
    assert_eq!(ended("plan_1/p1_1"), None);
    // A run that is loaded again is where it was.
    assert_eq!(desk.place.load(run).state.nodes, came.run.state.nodes);
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_that_are_declined_count_and_end_with_the_bound() {
    let turns: Vec<Value> = (0..9).map(|n| plan(json!([remove(&format!("d{n}"))]))).collect();
    let desk = Desk::with(&["planner.rounds=4"], json!(turns), Some(true));
    desk.says.comments.lock().unwrap().extend(["no"; 9]);
    let came = desk.reach("Remove something").await;
    assert_eq!(came.how(), (Outcome::Failed, Some(ErrorKind::NoProgress)));
    assert_eq!(desk.model.asked().len(), 4);
    assert!(!came.kinds().contains(&"call.requested"));
}

/// Settings, what is named beforehand, and the question that the run waits for.
type Covered<'a> = (&'a str, &'a [&'a str], &'a [&'a str], Option<&'a str>);

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_covered_where_every_rule_that_asks_about_it_is_named_beforehand() {
    const ALL: &[&str] = &["fs.delete", "require-approval-for-risky"];
    let always: &[&str] = &["planner.ask=always"];
    let cases: [Covered<'_>; 6] = [
        ("every rule", &[], ALL, None),
        ("one of two", &[], &["fs.delete"], Some("plan_1_gate")),
        ("the gate alone", &[], &["plan_1_gate"], None),
        ("another rule", &[], &["git.push"], Some("plan_1_gate")),
        ("asked for another reason", always, ALL, Some("plan_1_gate")),
        ("nothing", &[], &[], Some("plan_1_gate")),
    ];
    for (name, sets, named, waits) in cases {
        let desk = Desk::with(sets, json!([plan(json!([remove("build")])), done("gone")]), None);
        desk.write("build/x", "x");
        let named = named.iter().map(|rule| (*rule).to_owned()).collect();
        let says = PreApproved::new(named, "ann".to_owned(), NobodyAnswers);
        let came = desk.drive_with(desk.accept("Remove build"), Arc::new(says)).await;
        let open = came.run.record.open_questions();
        let open: Vec<&str> = open.iter().map(|(subject, _)| subject.path.as_str()).collect();
        assert_eq!(open, waits.into_iter().collect::<Vec<_>>(), "{name}");
        assert_eq!(desk.exists("build"), waits.is_some(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_that_was_given_beforehand_to_exactly_the_planned_call_leaves_nothing_to_ask() {
    for (given, done_so) in [("build", true), ("other", false)] {
        let desk = Desk::new(json!([plan(json!([remove("build")])), done("gone")]), None);
        desk.write("build/x", "x");
        let Value::Object(args) = json!({ "path": given, "recursive": true }) else {
            unreachable!()
        };
        give(desk.place.services(), "delete_path", Some(&args), "ann".to_owned()).unwrap();
        let came = desk.reach("Remove build").await;
        assert_eq!(came.end.status == RunStatus::Succeeded, done_so, "{given}");
        assert_eq!(desk.exists("build"), !done_so);
    }
}
