//! Taking tasks.

use super::super::intake::submit;
use super::super::submit::{FieldError, SubmitError};
use super::super::{NewKey, hook};
use super::fixture::{Space, WRITES, info, origin, task};
use crate::contracts::{Budget, Hash, Map, Priority, RunStatus, TaskSubmission, Trigger};

fn space() -> Space {
    let hooked = "inputs: { note: { type: map, default: {} } }
webhook: { secret: HOOK, input: note }
permissions: { tools: [list_dir], read: [.], secrets: [HOOK] }
steps: [{ id: a, tool: list_dir, args: { path: . } }]";
    let takes = "inputs:
  repo: { type: path, default: \".\" }
  strict: { type: boolean, default: false }
permissions: { tools: [list_dir], read: [\"${{ inputs.repo }}\"] }
steps: [{ id: a, tool: list_dir, args: { path: \"${{ inputs.repo }}\" } }]";
    let fields = "inputs:
  ref: { type: string, default: none }
  repo: { type: path, default: . }
webhook: { secret: HOOK }
permissions: { tools: [list_dir], read: [.] }
steps: [{ id: a, tool: list_dir, args: { path: . } }]";
    let books = [("writes", WRITES), ("takes", takes), ("hooked", hooked), ("fields", fields)];
    Space::new(&[&books[..], &[("broken", "steps: 3")]].concat())
}

fn json(text: &str) -> TaskSubmission {
    serde_json::from_str(text).unwrap()
}

#[test]
fn everything_that_is_wrong_is_said_with_its_field() {
    let space = space();
    let shared = space.shared();
    std::fs::write(space.root().join("here.txt"), "x").unwrap();
    for (text, fields) in [
        ("{}", &["goal"][..]),
        (r#"{"goal": " "}"#, &["goal"]),
        (r#"{"playbook": "writes", "type": "goal"}"#, &["type"]),
        (r#"{"playbook": "writes", "type": "tool"}"#, &["type"]),
        (r#"{"goal": "paint the fence green"}"#, &["goal"]),
        (
            r#"{"playbook": "takes", "inputs": {"strict": "x", "repos": "."}}"#,
            &["inputs.repos", "inputs.strict"],
        ),
        (
            r#"{"playbook": "writes", "budget": {"steps": 0, "retries": 0, "wall_ms": 1, "tokens": 0, "cost_usd": -1.0}}"#,
            &["budget.steps", "budget.cost_usd"],
        ),
        (
            r#"{"playbook": "writes", "budget": {"steps": 100000000, "retries": 0, "wall_ms": 1, "tokens": 0, "cost_usd": 0.0}}"#,
            &["budget.steps"],
        ),
        (
            r#"{"playbook": "writes", "attachments": [
                {"name": "a", "media_type": "text/plain", "data": "aGk="},
                {"name": "b", "media_type": "text/plain", "path": "../b"},
                {"name": "c", "media_type": "text/plain", "path": "gone.txt"},
                {"name": "d", "media_type": "text/plain", "path": "playbooks"},
                {"name": "e", "media_type": "text/plain", "path": "here.txt"}
            ]}"#,
            &[
                "attachments[0].data",
                "attachments[1].path",
                "attachments[2].path",
                "attachments[3].path",
            ],
        ),
        (
            r#"{"playbook": "writes", "attachments": [{"name": "a/b", "media_type": "x", "path": "x"}]}"#,
            &["attachments", "attachments[0].path"][..1],
        ),
        (r#"{"playbook": "writes", "idempotency_key": ""}"#, &["idempotency_key"]),
    ] {
        match submit(&shared, &json(text), origin()) {
            Err(SubmitError::Invalid(errors)) => {
                let found: Vec<&str> =
                    errors.iter().map(|it: &FieldError| it.field.as_str()).collect();
                assert_eq!(found, fields, "{text}: {errors:?}");
                assert!(errors.iter().all(|error| !error.message.is_empty()));
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    let error = submit(&shared, &task("wriets"), origin()).unwrap_err();
    let SubmitError::UnknownPlaybook { suggestion, .. } = &error else { panic!("{error:?}") };
    assert!(suggestion.as_deref().unwrap().contains("`writes`"), "{suggestion:?}");
    let error = submit(&shared, &task("broken"), origin()).unwrap_err();
    let SubmitError::Playbook { path, diagnostics } = &error else { panic!("{error:?}") };
    assert_eq!(path, "playbooks/broken.yaml");
    assert!(!diagnostics.is_empty());
    assert!(
        shared.services().store.reader().runs(None, 10).unwrap().is_empty(),
        "nothing is durable"
    );
}

#[test]
fn a_task_keeps_everything_it_came_with() {
    let space = space();
    let shared = space.shared();
    let submission = TaskSubmission {
        priority: Priority::High,
        budget: Some(Budget { steps: 3, ..Budget::default() }),
        labels: [("team".to_owned(), "a".to_owned())].into(),
        inputs: Map::from_iter([("repo".to_owned(), "sub/../src".into())]),
        ..task("takes")
    };
    let accepted = submit(&shared, &submission, origin()).unwrap();
    let services = shared.services();
    let info = info(services, accepted.run_id);
    assert_eq!(
        (info.status, info.unfinished, info.task_id),
        (RunStatus::Queued, true, Some(accepted.task_id))
    );
    let body = super::fixture::events(services, &accepted.run_id.to_string())[0].body().unwrap();
    let crate::contracts::EventBody::TaskAccepted(taken) = body else { panic!("{body:?}") };
    let start = taken.start.unwrap();
    assert_eq!(taken.task.labels, submission.labels);
    assert_eq!((start.budget.steps, start.trigger, start.unattended), (3, Trigger::Api, false));
    // Relative paths start at the root of the workspace.
    assert_eq!(start.inputs["repo"], "src");
    let place = services.store.reader().queued(&accepted.run_id).unwrap().unwrap();
    assert_eq!((place.priority, place.playbook.as_str()), (Priority::High, "takes"));
}

#[test]
fn a_goal_chooses_its_playbook() {
    let space = space();
    let shared = space.shared();
    let goal = TaskSubmission {
        goal: Some("do the thing called writes".to_owned()),
        ..TaskSubmission::default()
    };
    let accepted = submit(&shared, &goal, origin()).unwrap();
    let info = info(shared.services(), accepted.run_id);
    assert_eq!(
        (info.goal.as_str(), info.playbook.as_deref()),
        ("do the thing called writes", Some("writes"))
    );
}

#[test]
fn the_same_key_is_the_same_task() {
    let space = space();
    let shared = space.shared();
    let keyed = TaskSubmission { idempotency_key: Some("k".to_owned()), ..task("writes") };
    let first = submit(&shared, &keyed, origin()).unwrap();
    let again = submit(&shared, &keyed, origin()).unwrap();
    assert!(!first.repeated && again.repeated);
    assert_eq!((first.run_id, first.task_id), (again.run_id, again.task_id));
    let other = TaskSubmission { priority: Priority::Low, ..keyed };
    assert!(matches!(submit(&shared, &other, origin()), Err(SubmitError::KeyReused)));
    // A key of the caller's, many times at once.
    let hash = Hash::of(b"request");
    let key = NewKey { scope: "POST /tasks".to_owned(), key: "k".to_owned(), request_hash: hash };
    let runs: Vec<_> = std::thread::scope(|scope| {
        let submit = || {
            let origin = super::super::submit::Origin { key: Some(key.clone()), ..origin() };
            submit(&shared, &task("writes"), origin).unwrap()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(submit)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(runs.iter().all(|run| run.run_id == runs[0].run_id && run.task_id == runs[0].task_id));
    assert_eq!(runs.iter().filter(|run| !run.repeated).count(), 1);
    assert_eq!(shared.services().store.reader().runs(None, 10).unwrap().len(), 2);
}

#[test]
fn a_full_queue_refuses_the_low_first_and_then_all() {
    let space = space().set("queue.max=1").set("queue.hard_max=2");
    let shared = space.shared();
    let of = |priority| TaskSubmission { priority, ..task("writes") };
    let busy = |priority| match submit(&shared, &of(priority), origin()) {
        Ok(_) => false,
        Err(SubmitError::Busy { retry_after_s }) => retry_after_s > 0,
        Err(error) => panic!("{error}"),
    };
    assert!(!busy(Priority::Low));
    assert!(busy(Priority::Low));
    assert!(!busy(Priority::Normal));
    assert!(busy(Priority::Normal) && busy(Priority::High) && busy(Priority::Low));
    // A repeated request is answered all the same.
    shared.drain();
    assert!(matches!(submit(&shared, &task("writes"), origin()), Err(SubmitError::Draining)));
}

#[test]
fn nothing_is_taken_when_the_disk_is_nearly_full() {
    let space = space().set("queue.free_disk=1023GiB");
    let shared = space.shared();
    let error = submit(&shared, &task("writes"), origin()).unwrap_err();
    assert!(matches!(error, SubmitError::NoSpace { .. }), "{error}");
    assert!(shared.warnings()[0].contains("bytes left"), "{:?}", shared.warnings());
}

#[test]
fn a_webhook_gives_its_body_to_one_input() {
    let space = space();
    let shared = space.shared();
    assert_eq!(hook::webhook(&shared, "hooked").unwrap().secret, "HOOK");
    assert!(hook::webhook(&shared, "writes").is_none() && hook::webhook(&shared, "no").is_none());
    let by_hook = || super::super::submit::Origin { trigger: Trigger::Webhook, ..origin() };
    let accepted = hook::submit(&shared, "hooked", br#"{"ref": "main"}"#, by_hook()).unwrap();
    let body =
        super::fixture::events(shared.services(), &accepted.run_id.to_string())[0].body().unwrap();
    let crate::contracts::EventBody::TaskAccepted(taken) = body else { panic!("{body:?}") };
    let start = taken.start.unwrap();
    assert_eq!(start.inputs["note"]["ref"], "main");
    assert!(start.unattended);
    let error = hook::submit(&shared, "hooked", b"{", by_hook()).unwrap_err();
    assert!(
        matches!(&error, SubmitError::Invalid(errors) if errors[0].field == "inputs.note"),
        "{error}"
    );
    for (body, refused) in [
        (&br#"{"ref": "main"}"#[..], None),
        (b"", None),
        (b"[]", Some("inputs")),
        (br#"{"other": 1}"#, Some("inputs.other")),
        (br#"{"repo": "/etc"}"#, Some("inputs.repo")),
    ] {
        match (hook::submit(&shared, "fields", body, by_hook()), refused) {
            (Ok(_), None) => {}
            (Err(SubmitError::Invalid(errors)), Some(field)) => assert_eq!(errors[0].field, field),
            (other, _) => panic!("{body:?}: {other:?}"),
        }
    }
    let error = hook::submit(&shared, "writes", b"{}", by_hook()).unwrap_err();
    assert!(matches!(error, SubmitError::UnknownPlaybook { .. }), "{error}");
}
