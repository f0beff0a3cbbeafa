//! Where what a run begins with comes from.
#![allow(clippy::disallowed_methods, reason = "tests name their own directories")]

use serde_json::json;

use super::place::Place;
use crate::contracts::{Map, RunStatus, Trigger};
use crate::orchestrator::{Admission, Wanted, begin, enqueue};

const WRITES: &str = r#"
schema: 1
name: writes
description: Writes where it is told.
permissions: { tools: [write_text], write: ["reports/"] }
inputs:
  name: { type: string, required: true }
  text: { type: string, default: hello }
steps:
  - { id: out, tool: write_text, args: { path: "${{ inputs.name }}", text: "${{ inputs.text }}" } }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_webhook_sends_is_nobodys_word_and_nobodys_wish() {
    for (trigger, status, goal, untrusted) in [
        (Trigger::Api, RunStatus::Succeeded, "write it down", false),
        (Trigger::Schedule, RunStatus::Succeeded, "write it down", false),
        (Trigger::Webhook, RunStatus::Denied, "", true),
    ] {
        let place = Place::new();
        let inputs: Map = json!({ "name": "reports/x" }).as_object().unwrap().clone();
        let wanted = Wanted {
            path: "playbooks/test.yaml",
            source: WRITES,
            goal: Some("write it down"),
            inputs: &inputs,
            cwd: &place.root,
            idempotency_key: None,
            trigger: crate::contracts::Trigger::Person,
            dry_run: false,
        };
        let services = place.services();
        let library = services.playbooks.current();
        let admission = Admission::of(trigger);
        let run = enqueue(services, &wanted, library.as_ref(), admission).unwrap().run_id;
        assert!(begin(services, run, None).unwrap());
        let end = place.drive(run).await;
        assert_eq!(end.status, status, "{trigger:?}: {:?}", end.report);
        let record = place.load(run).record;
        let (started, _) = record.started.as_ref().unwrap();
        let lineage = started.lineage.as_ref().unwrap();
        assert_eq!(lineage.goal, goal, "{trigger:?}");
        assert_eq!(lineage.inputs.contains_key("name"), untrusted, "{trigger:?}");
        assert!(!lineage.inputs.contains_key("text"), "a default is the playbook's own word");
        assert_eq!(record.taken.untrusted, untrusted, "{trigger:?}");
        if untrusted {
            let reason = &record.decisions.last().unwrap().decision.reason;
            assert!(reason.contains("untrusted:webhook"), "{reason}");
        }
    }
}
