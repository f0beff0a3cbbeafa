//! Payloads about planning: what a model was told and answered, and the plans that came of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contracts::{Effect, ErrorKind, Hash, TextRef};

/// `context.built`: what a model is about to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContextBuilt {
    /// The plan it is for, from 1.
    pub round: u32,
    /// 1 for the first question about this plan, 2 for the repair.
    pub attempt: u32,
    /// BLAKE3 of the whole text.
    pub hash: Hash,
    /// Its tokens, as this program counts them.
    pub tokens: u64,
    /// The fragments it was put together from, as JSON.
    pub parts: TextRef,
}

/// `model.asked`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelAsked {
    /// The plan it is about, from 1.
    pub round: u32,
    /// 1 for the first question about this plan, 2 for the repair.
    pub attempt: u32,
    /// The model, or the first of several that are tried.
    pub model: String,
    /// The conversation and the schema of the reply, as JSON.
    pub prompt: TextRef,
    /// Most tokens of the reply.
    pub tokens_max: u32,
}

/// `model.answered`: also that there was no answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelAnswered {
    /// The plan it is about, from 1.
    pub round: u32,
    /// 1 for the first question about this plan, 2 for the repair.
    pub attempt: u32,
    /// Who answered, or who was asked.
    pub model: String,
    /// The reply, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<TextRef>,
    /// Whether the reply was cut because it was too long.
    #[serde(default)]
    pub cut: bool,
    /// Why there is no reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<ErrorKind>,
    /// The same in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Tokens of the question, as the provider counts.
    pub input_tokens: u64,
    /// Tokens of the reply.
    pub output_tokens: u64,
    /// What it cost in US dollars, where a price is configured.
    pub cost_usd: f64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposedStep {
    /// Its id in the run.
    pub id: String,
    /// Steps of the same plan that must be over before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// The tool.
    pub tool: String,
    /// What policy said of it beforehand; `depends` where an argument is what a step before answers.
    pub effect: Effect,
    /// Why.
    pub reason: String,
    /// Canonical hash of tool and arguments, where all are known: the call that a person agrees to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args_hash: Option<Hash>,
}

/// The question whether a plan may be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanGate {
    /// How long an answer counts, in milliseconds.
    pub ttl_ms: u64,
    /// How many different people must say yes.
    pub approvers: u32,
    /// The rules that ask about its steps: whoever said yes to all of them beforehand agreed to it. Empty
    /// where it is asked for another reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
}

/// `plan.proposed`: the run's steps from here on. Durable before any of them begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanProposed {
    /// Which plan of the run, from 1.
    pub round: u32,
    /// Who made it, such as `ollama/qwen3:4b`.
    pub by: String,
    /// Its steps, in order.
    pub steps: Vec<ProposedStep>,
    /// How many steps that need nothing of one another are at work at once.
    pub parallel: u32,
    /// The question before it, where somebody has to agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<PlanGate>,
    /// The rules that were asked about it.
    pub policy_hash: Hash,
    /// The whole plan as JSON.
    pub plan: TextRef,
    /// Where that came from which the model had been told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

/// `plan.approved`: its steps may begin. Each is decided on again when its turn comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanApproved {
    /// Which plan.
    pub round: u32,
    /// The people who agreed; empty where the rules allow every step.
    pub by: Vec<String>,
}

/// `plan.revised`: a plan was carried out, or could not be made, and what follows from that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRevised {
    /// The plan that is behind; 0 before the first.
    pub round: u32,
    /// Whether another plan follows.
    pub goes_on: bool,
    /// Why planning ended without an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<ErrorKind>,
    /// Why another plan follows, or what the goal came to.
    pub reason: TextRef,
    /// Words under which what came of it may be found again, where the goal is reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Where that came from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}
