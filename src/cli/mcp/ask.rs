//! Putting a question to the person behind the client, where the client can.

use std::time::Duration;

use rmcp::model::{ElicitRequestParams, ElicitationAction, ElicitationSchema};
use rmcp::service::{ElicitationMode, Peer, RoleServer};
use serde_json::Value;
use tokio::runtime::Handle;

use crate::orchestrator::{Answer, Answerer, Question};

/// The one field of the form.
const APPROVE: &str = "approve";
/// How long a person may think. After that the question stays in the inbox.
const PATIENCE: Duration = Duration::from_secs(300);
/// Most characters of arguments that are shown.
const ARGS_CHARS_MAX: usize = 4_000;

/// Asks over the connection on which the call came in.
pub(super) struct Elicits {
    peer: Peer<RoleServer>,
    runtime: Handle,
    /// Whose answer it is.
    by: String,
}

impl Elicits {
    /// `None` where the client cannot ask.
    pub(super) fn over(peer: &Peer<RoleServer>, runtime: Handle, by: &str) -> Option<Self> {
        let can = peer.supported_elicitation_modes().contains(&ElicitationMode::Form);
        can.then(|| Self { peer: peer.clone(), runtime, by: by.to_owned() })
    }
}

impl Answerer for Elicits {
    /// Neither a yes nor a no where the person turns away, or nobody answers: the question stays open.
    fn answer(&self, question: &Question) -> Option<Answer> {
        let params = ElicitRequestParams::FormElicitationParams {
            meta: None,
            message: message(question),
            requested_schema: ElicitationSchema::builder().required_bool(APPROVE).build_unchecked(),
        };
        let asked = self.peer.create_elicitation_with_timeout(params, Some(PATIENCE));
        let result = match self.runtime.block_on(asked) {
            Ok(result) => result,
            Err(error) => {
                tracing::debug!("the client puts no question: {error}");
                return None;
            }
        };
        let said = result.content.as_ref().and_then(|content| content.get(APPROVE));
        let approved = match (result.action, said) {
            (ElicitationAction::Accept, Some(Value::Bool(approved))) => *approved,
            (ElicitationAction::Decline, _) => false,
            _ => return None,
        };
        let by = format!("{} (MCP elicitation)", self.by);
        Some(Answer { approved, by, reason: None })
    }
}

fn message(question: &Question) -> String {
    let mut message = question.subject.prompt.clone();
    if let Some((tool, args)) = &question.call {
        let args: String = args.chars().take(ARGS_CHARS_MAX).collect();
        message.push_str(&format!("\n\n{tool} {args}"));
    }
    message
}
