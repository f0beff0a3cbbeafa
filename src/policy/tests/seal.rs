//! The seal: what it takes to run a call.

use serde_json::json;
use uuid::Uuid;

use super::stage::{beside, request_with};
use crate::contracts::{
    ApprovalId, ApprovalResolution, ApprovalSubject, CallId, FsAccess, Map, Origin, RunId,
    Timestamp, ToolCall,
};
use crate::policy::authorized::answered;
use crate::policy::{
    Answer, NotAuthorized, Options, PolicySet, Request, approval_hash, beforehand_hash,
};

fn call(command: &[&str]) -> ToolCall {
    let args: Map = json!({ "command": command }).as_object().expect("arguments").clone();
    ToolCall {
        id: CallId::from_uuid(Uuid::from_u128(1)),
        run_id: RunId::from_uuid(Uuid::from_u128(2)),
        step_id: "step".to_owned(),
        name: "shell_exec".to_owned(),
        args,
        timeout_ms: 1,
        allow_network: false,
        allow_fs: FsAccess::Write,
        expected_output_schema: None,
        idempotency_key: String::new(),
        origin: Origin::Playbook,
        labels: Vec::new(),
        arg_labels: std::collections::BTreeMap::new(),
    }
}

fn facts(call: &ToolCall) -> Request {
    request_with("shell_exec", serde_json::Value::Object(call.args.clone()), |asked| {
        asked.id = call.id.to_string();
        asked.run.id = call.run_id.to_string();
    })
}

fn set() -> PolicySet {
    beside(&[], &Options::default())
}

struct Reply {
    subject: ApprovalSubject,
    resolutions: Vec<ApprovalResolution>,
    asked_by: Vec<String>,
    now: Timestamp,
}

impl Reply {
    fn yes(call: &ToolCall) -> Self {
        let approval_id = ApprovalId::from_uuid(Uuid::from_u128(3));
        let by = "terminal".to_owned();
        Self {
            subject: ApprovalSubject {
                approval_id,
                path: "step".to_owned(),
                call_id: Some(call.id),
                args_hash: Some(approval_hash(call).expect("a hash")),
                prompt: "really?".to_owned(),
                expires_at: Timestamp::from_ms(300_000),
                approvers: 1,
                beforehand: None,
                consult: None,
            },
            resolutions: vec![ApprovalResolution { approval_id, approved: true, by, reason: None }],
            asked_by: vec!["cmd.remove-tree".to_owned()],
            now: Timestamp::from_ms(1),
        }
    }

    fn authorize(&self, call: ToolCall) -> Result<(), NotAuthorized> {
        let answer = Answer {
            subject: &self.subject,
            resolutions: &self.resolutions,
            asked_by: &self.asked_by,
            now: self.now,
        };
        let request = facts(&call);
        set().authorize(call, &request, Some(answer)).map(|_| ())
    }
}

#[test]
fn an_allowed_call_is_sealed_with_its_walls() {
    let call = call(&["cargo", "test"]);
    let request = facts(&call);
    let sealed = set().authorize(call.clone(), &request, None).expect("allowed");
    assert_eq!(sealed.call(), &call);
    assert_eq!(sealed.confinement().profile, "shell_exec");
    assert_eq!(sealed.decision().rules[0].id, "cmd.run");
}

#[test]
fn a_question_needs_a_yes_to_exactly_this_call() {
    let rm = call(&["rm", "-rf", "build"]);
    let unanswered = set().authorize(rm.clone(), &facts(&rm), None);
    assert!(matches!(unanswered, Err(NotAuthorized::Unanswered(_))));
    assert_eq!(Reply::yes(&rm).authorize(rm.clone()), Ok(()));

    let other = call(&["rm", "-rf", "src"]);
    assert_eq!(Reply::yes(&rm).authorize(other), Err(NotAuthorized::OtherCall));
    let mut later = rm.clone();
    later.run_id = RunId::from_uuid(Uuid::from_u128(9));
    assert_eq!(Reply::yes(&rm).authorize(later), Err(NotAuthorized::OtherCall));
    let mut again = rm.clone();
    again.id = CallId::from_uuid(Uuid::from_u128(9));
    assert_eq!(Reply::yes(&rm).authorize(again), Err(NotAuthorized::OtherCall), "single use");

    let mut reply = Reply::yes(&rm);
    reply.now = Timestamp::from_ms(300_001);
    assert!(matches!(reply.authorize(rm.clone()), Err(NotAuthorized::Expired(_))));

    let mut reply = Reply::yes(&rm);
    reply.resolutions[0].approved = false;
    assert!(matches!(reply.authorize(rm.clone()), Err(NotAuthorized::Rejected { .. })));

    let mut reply = Reply::yes(&rm);
    reply.resolutions[0].approval_id = ApprovalId::from_uuid(Uuid::from_u128(9));
    assert_eq!(reply.authorize(rm.clone()), Err(NotAuthorized::OtherCall));

    let mut reply = Reply::yes(&rm);
    reply.asked_by = vec!["another.rule".to_owned()];
    assert_eq!(reply.authorize(rm), Err(NotAuthorized::OtherQuestion));
}

#[test]
fn several_approvers_are_several_people() {
    let rm = call(&["rm", "-rf", "build"]);
    let mut reply = Reply::yes(&rm);
    reply.subject.approvers = 2;
    reply.resolutions.push(reply.resolutions[0].clone());
    assert_eq!(reply.authorize(rm.clone()), Err(NotAuthorized::TooFew { yes: 1, needed: 2 }));
    for (first, second, people) in [
        ("user:ann", "token:ann", 1),
        ("user:ann", "user:ann (--yes-approve cmd.remove-tree)", 1),
        ("user:ann", "token:bob (beforehand)", 2),
        ("user:ann", "user:bob", 2),
    ] {
        reply.resolutions[0].by = first.to_owned();
        reply.resolutions[1].by = second.to_owned();
        let expected =
            if people == 2 { Ok(()) } else { Err(NotAuthorized::TooFew { yes: 1, needed: 2 }) };
        assert_eq!(reply.authorize(rm.clone()), expected, "{first} {second}");
    }
    reply.resolutions.clear();
    reply.subject.approvers = 0;
    assert_eq!(reply.authorize(rm), Err(NotAuthorized::TooFew { yes: 0, needed: 1 }));
}

#[test]
fn rules_that_want_more_people_by_now_are_not_met_by_those_of_before() {
    let rm = call(&["rm", "-rf", "build"]);
    let mut decision = set().decide(&facts(&rm));
    decision.approvers = 2;
    let mut reply = Reply::yes(&rm);
    let says = |reply: &Reply| {
        let Reply { subject, resolutions, asked_by, now } = reply;
        answered(&rm, &decision, Answer { subject, resolutions, asked_by, now: *now })
    };
    assert_eq!(says(&reply), Err(NotAuthorized::TooFew { yes: 1, needed: 2 }));
    reply.resolutions.push(reply.resolutions[0].clone());
    reply.resolutions[1].by = "user:ann".to_owned();
    assert_eq!(says(&reply), Ok(()));
}

#[test]
fn an_approval_names_tool_arguments_and_run_and_nothing_else() {
    let rm = call(&["rm", "-rf", "build"]);
    let hash = |change: &dyn Fn(&mut ToolCall)| {
        let mut changed = rm.clone();
        change(&mut changed);
        approval_hash(&changed).expect("a hash") == approval_hash(&rm).expect("a hash")
    };
    assert!(hash(&|call| call.timeout_ms = 99));
    assert!(hash(&|call| call.step_id = "other".to_owned()));
    assert!(hash(&|call| call.labels = vec!["user".to_owned()]));
    assert!(hash(&|call| call.idempotency_key = "other".to_owned()));
    assert!(!hash(&|call| call.name = "other".to_owned()));
    assert!(!hash(&|call| call.run_id = RunId::from_uuid(Uuid::from_u128(9))));
    assert!(!hash(&|call| drop(call.args.insert("stdin".to_owned(), json!("x")))));
    let beforehand = beforehand_hash(&rm.name, &rm.args).expect("a hash");
    assert_ne!(beforehand, approval_hash(&rm).expect("a hash"), "one is no answer to the other");
}

#[test]
fn no_answer_opens_what_is_denied() {
    let rm = call(&["rm", "-rf", "/"]);
    assert!(matches!(Reply::yes(&rm).authorize(rm), Err(NotAuthorized::Denied(_))));
}

#[test]
fn facts_of_another_call_open_nothing() {
    let harmless = call(&["ls"]);
    let mut request = facts(&harmless);
    let other = call(&["rm", "-rf", "/"]);
    let sealed = set().authorize(other, &request, None);
    assert!(matches!(sealed, Err(NotAuthorized::OtherFacts(_))));
    request.unknown = vec!["workdir".to_owned()];
    let sealed = set().authorize(harmless, &request, None);
    assert!(matches!(sealed, Err(NotAuthorized::OtherFacts(_))));
}
