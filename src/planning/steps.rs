//! A plan as the steps of a playbook. They go through the same reader as what a person writes.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::draft::{Draft, DraftStep};
use crate::agent::{block_of, gate_of};
use crate::contracts::PlanGate;
use crate::playbook::{LintLimits, NoLibrary, Playbook, lint};
use crate::ports::Vocabulary;

/// What stands for the opening of an expression in a question, which is none.
const NO_EXPRESSION: (&str, &str) = ("${{", "$ {{");

/// A plan of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// Which, from 1.
    pub number: u32,
    /// The plan.
    pub draft: Draft,
    /// The question before it.
    pub gate: Option<PlanGate>,
    /// How many steps are at work at once.
    pub parallel: u32,
}

/// `playbook` with the steps of all plans so far.
///
/// # Errors
/// What is wrong with a step.
pub fn playbook_of(
    playbook: &Playbook,
    rounds: &[Round],
    vocabulary: &Vocabulary,
    limits: &LintLimits,
) -> Result<Playbook, Vec<String>> {
    let mut steps: Vec<Value> = Vec::new();
    for round in rounds {
        steps.extend(round.gate.as_ref().map(|gate| question(round, gate)));
        steps.push(block(round));
    }
    let tools: BTreeSet<&String> =
        rounds.iter().flat_map(|round| &round.draft.steps).map(|step| &step.tool).collect();
    let document = json!({
        "schema": 1,
        "name": "plan",
        "description": "What was planned.",
        "permissions": { "tools": tools, "read": ["/"], "write": ["/"], "network": ["*"] },
        "steps": steps,
    });
    let text = document.to_string();
    let linted = lint("plan", &text, vocabulary, &limits.clone().of_taken(), &NoLibrary);
    let Some(planned) = linted.playbook else {
        return Err(linted.diagnostics.iter().map(|one| one.message.clone()).collect());
    };
    Ok(Playbook { steps: planned.steps, ..playbook.clone() })
}

fn question(round: &Round, gate: &PlanGate) -> Value {
    let question = round.draft.question.as_deref().unwrap_or("Carry out the plan?");
    json!({
        "id": gate_of(round.number),
        "approval": {
            "prompt": question.replace(NO_EXPRESSION.0, NO_EXPRESSION.1),
            "ttl": format!("{}ms", gate.ttl_ms),
            "approvers": gate.approvers,
        },
    })
}

fn block(round: &Round) -> Value {
    let graph = round.draft.steps.iter().any(|step| !step.needs.is_empty());
    let mut before: Vec<&DraftStep> = Vec::new();
    let steps: Vec<Value> = round
        .draft
        .steps
        .iter()
        .map(|step| {
            let waits = |other: &&DraftStep| !graph || step.needs.contains(&other.id);
            let after: Vec<&DraftStep> = before.iter().copied().filter(waits).collect();
            let value = one(step, &after, &round.draft.labels);
            before.push(step);
            value
        })
        .collect();
    let mut block = Map::new();
    block.insert("id".to_owned(), json!(block_of(round.number)));
    block.insert("block".to_owned(), json!(steps));
    block.insert("continue_on_error".to_owned(), json!(true));
    if round.gate.is_some() {
        // Somebody may decline it and have another plan made.
        block.insert("if".to_owned(), json!(format!("steps.{}.ok", gate_of(round.number))));
    }
    if graph {
        block.insert("parallel".to_owned(), json!(round.parallel));
    }
    Value::Object(block)
}

/// A step runs where every step before it that it comes after answered what was expected of it.
fn one(step: &DraftStep, after: &[&DraftStep], labels: &[String]) -> Value {
    let mut value = Map::new();
    value.insert("id".to_owned(), json!(step.id));
    value.insert("tool".to_owned(), json!(step.tool));
    value.insert("args".to_owned(), json!(step.args));
    if !step.needs.is_empty() {
        value.insert("needs".to_owned(), json!(step.needs));
    }
    let conditions: Vec<String> = after
        .iter()
        .filter(|other| !other.expect.is_empty())
        .map(|other| format!("contains(`${{steps.{}.data}}`, {})", other.id, json!(other.expect)))
        .collect();
    if !conditions.is_empty() {
        value.insert("if".to_owned(), json!(conditions.join(" && ")));
    }
    if !labels.is_empty() {
        value.insert("labels".to_owned(), json!(labels));
    }
    Value::Object(value)
}
