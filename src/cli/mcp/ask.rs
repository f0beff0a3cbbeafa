//! Putting a question to the person behind the client, where the client can.
//!
//! The question is sent from the task that serves the call, so that over HTTP it goes out on the stream
//! of that very call: the standalone stream is one that clients need not open.

use std::time::Duration;

use rmcp::model::{ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema};
use rmcp::service::{ElicitationMode, Peer, RoleServer, ServiceError};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::orchestrator::{Answer, Answerer, Question};

/// The one field of the form.
const APPROVE: &str = "approve";
/// How long a person may think. After that the question stays in the inbox.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);
/// Most characters of arguments that are shown.
const ARGS_CHARS_MAX: usize = 4_000;
/// Questions that wait to be put; the next one waits for room.
const WAITING_MAX: usize = 8;

/// A question as it goes out, and where its answer is awaited.
type Asked = (ElicitRequestParams, oneshot::Sender<Result<ElicitResult, ServiceError>>);

/// Asks over the connection on which the call came in.
pub(super) struct Elicits {
    questions: mpsc::Sender<Asked>,
    /// Whose answer it is.
    by: String,
}

/// Puts the questions of one call.
pub(super) struct Puts {
    peer: Peer<RoleServer>,
    questions: mpsc::Receiver<Asked>,
}

/// Who asks, and who puts it to the client; `None` where the client cannot ask.
pub(super) fn over(peer: &Peer<RoleServer>, by: &str) -> Option<(Elicits, Puts)> {
    let can = peer.supported_elicitation_modes().contains(&ElicitationMode::Form);
    can.then(|| {
        let (sender, questions) = mpsc::channel(WAITING_MAX);
        let elicits = Elicits { questions: sender, by: by.to_owned() };
        (elicits, Puts { peer: peer.clone(), questions })
    })
}

impl Puts {
    /// Puts one question after the other, for as long as there may be any. To be awaited in the task
    /// of the call: the library knows by the task which call a question belongs to.
    pub(super) async fn put(mut self) {
        while let Some((params, answer)) = self.questions.recv().await {
            let result = self.peer.create_elicitation_with_timeout(params, Some(PATIENCE)).await;
            if answer.send(result).is_err() {
                tracing::debug!("a question was answered that nobody waits for any more");
            }
        }
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
        let (sender, result) = oneshot::channel();
        if self.questions.blocking_send((params, sender)).is_err() {
            tracing::debug!("the call ended before its question was put");
            return None;
        }
        let result = match result.blocking_recv() {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => {
                tracing::debug!("the client puts no question: {error}");
                return None;
            }
            Err(_) => {
                tracing::debug!("the call ended before its question was answered");
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
