//! Taking tasks.

use data_encoding::BASE64;

use super::super::intake::submit;
use super::super::submit::{FieldError, SubmitError};
use super::super::{NewKey, hook};
use super::fixture::{Space, WRITES, info, origin, task};
use crate::contracts::{
    ATTACHMENT_BYTES_MAX, Attachment, Budget, EventBody, Hash, Map, Priority, RunId, RunStatus,
    TaskSubmission, Trigger,
};
use crate::orchestrator::{Admission, Artifact, Services, admit, artifacts_of, attach};

/// What is known of where files of tasks come from.
const LABEL: &str = "untrusted:attachment";

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
                {"name": "a", "media_type": "text/plain", "artifact": "8e4c7c1b99dbfd50e7a95185fead5ee1448fa904a2fdd778eaf5f2dbfd629a99"},
                {"name": "b", "media_type": "text/plain", "path": "../b"},
                {"name": "c", "media_type": "text/plain", "path": "gone.txt"},
                {"name": "d", "media_type": "text/plain", "path": "playbooks"},
                {"name": "e", "media_type": "text/plain", "path": "here.txt"}
            ]}"#,
            &[
                "attachments[0].artifact",
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

fn attached(services: &Services, run: RunId) -> Vec<Artifact> {
    artifacts_of(services.store.reader(), run).unwrap()
}

#[test]
fn what_a_task_holds_is_kept_with_it_and_not_in_it() {
    let space = space();
    let shared = space.shared();
    let (services, whole) = (shared.services(), vec![b'x'; ATTACHMENT_BYTES_MAX]);
    let attachment = |name: &str, content: &[u8]| {
        let (name, data) = (name.to_owned(), Some(BASE64.encode(content)));
        let media_type = "text/plain".to_owned();
        Attachment { name, media_type, path: None, artifact: None, data }
    };
    let submission = TaskSubmission {
        attachments: vec![attachment("a.txt", &whole), attachment("a.txt", b"hi")],
        ..task("writes")
    };
    let run = submit(&shared, &submission, origin()).unwrap().run_id;
    let events = super::fixture::events(services, &run.to_string());
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["task.accepted", "artifact.stored", "artifact.stored"]);
    assert!(events.iter().all(|event| event.payload.len() < 8 << 10));
    let EventBody::TaskAccepted(taken) = events[0].body().unwrap() else { panic!("{kinds:?}") };
    assert!(taken.task.attachments.iter().all(|it| it.data.is_none() && it.check().is_ok()));
    let found = attached(services, run);
    for (index, content) in [&whole[..], b"hi"].into_iter().enumerate() {
        let Artifact { view, content: text } = &found[index];
        assert_eq!(services.store.reader().blob(text).unwrap(), content);
        assert_eq!(taken.task.attachments[index].artifact, Some(view.hash.to_string()));
        assert_eq!((view.step.as_str(), view.call_id), (&*format!("attachments[{index}]"), None));
        assert_eq!(
            (view.labels.as_slice(), view.name.as_str()),
            (&[LABEL.to_owned()][..], "a.txt")
        );
    }
    // By its hash the same file comes with another task, which has a copy of its own.
    let hash = Some(found[1].view.hash.to_string());
    let again = Attachment { artifact: hash, data: None, ..attachment("b.txt", b"") };
    let submission = TaskSubmission { attachments: vec![again], ..task("writes") };
    let second = submit(&shared, &submission, origin()).unwrap().run_id;
    let copy = &attached(services, second)[0];
    assert_eq!((copy.view.hash, &*copy.view.name), (found[1].view.hash, "b.txt"));
    assert_ne!(copy.content, found[1].content);
}

#[test]
fn a_task_and_its_files_become_durable_in_one_transaction() {
    let space = space();
    let shared = space.shared();
    let services = shared.services();
    let attachment = serde_json::json!({ "name": "a", "media_type": "x/y", "data": "aGk=" });
    let attachment: Attachment = serde_json::from_value(attachment).unwrap();
    let attachments = attach(services, &[attachment]).unwrap().unwrap();
    let catalogue = shared.parts.playbooks.current();
    let entry = super::super::intake::find(&catalogue, "writes").unwrap();
    let inputs = Map::new();
    let wanted = super::super::intake::wanted(&shared, entry, None, &inputs);
    let admission = Admission { attachments, ..Admission::of(Trigger::Api) };
    let (accepted, append) = admit(services, &wanted, &entry.library(), admission).unwrap();
    let kinds: Vec<_> = append.bodies.iter().map(|body| body.kind().as_str()).collect();
    assert_eq!(kinds, ["task.accepted", "artifact.stored"]);
    assert!(append.texts.iter().any(|text| text.content == b"hi"));
    assert!(append.queue.is_some());
    // What a crash comes before has not happened.
    assert!(services.store.reader().run(&accepted.run_id).is_err());
    services.store.append(append).unwrap();
    assert_eq!(attached(services, accepted.run_id).len(), 1);
}

#[test]
fn names_of_files_are_plain_names() {
    let space = space();
    let shared = space.shared();
    let long = "n".repeat(10_000);
    for name in ["../../x", "a/b", "a\\b", "a\u{0}b", "a\u{1b}[2Jb", "..", "", &long] {
        let attachment = serde_json::json!({ "name": name, "media_type": "x/y", "data": "aGk=" });
        let attachments = vec![serde_json::from_value(attachment).unwrap()];
        let submission = TaskSubmission { attachments, ..task("writes") };
        match submit(&shared, &submission, origin()) {
            Err(SubmitError::Invalid(errors)) => {
                assert_eq!((errors.len(), errors[0].field.as_str()), (1, "attachments"));
                assert!(errors[0].message.len() < 1_000, "{}", errors[0].message.len());
            }
            other => panic!("{name:?}: {other:?}"),
        }
    }
}
