//! What a daemon refused, as other errors are told: what, where, why and what to do.

use super::{CliError, Exit};
use crate::client::{ClientError, FieldProblem, Problem};
use crate::contracts::Diagnostic;

/// Where this is said, it need not be said again.
const AGAIN: &str = "try again in";

/// Why the daemon did not do what it was asked.
pub(super) fn client_error(error: ClientError) -> CliError {
    let message = error.to_string();
    match error {
        ClientError::Address { .. } => {
            CliError::usage(message).hint("write it like http://127.0.0.1:8787")
        }
        ClientError::Token => CliError::usage(message),
        ClientError::Unreachable { .. } => CliError::new(Exit::Unavailable, message)
            .hint("is it running? start it with bailiwick serve"),
        ClientError::Refused(problem) => refused(&problem),
        ClientError::Unreadable { .. } => {
            CliError::new(Exit::Failed, message).hint("is it a daemon of this version?")
        }
        ClientError::Altered { .. } => CliError::new(Exit::Integrity, message)
            .hint("look closer where the daemon is: bailiwick verify"),
        ClientError::TooLong(_) => CliError::new(Exit::Failed, message),
    }
}

fn refused(problem: &Problem) -> CliError {
    let (places, fields): (Vec<&FieldProblem>, Vec<&FieldProblem>) =
        problem.errors.iter().partition(|error| error.file.is_some());
    let mut message = problem.said();
    for field in fields.into_iter().filter(|field| !problem.detail.contains(&field.message)) {
        message.push_str(&format!("; {}", field.said()));
    }
    let diagnostics = places.into_iter().map(|place| diagnostic(problem, place)).collect();
    let error = CliError::new(exit(problem), message).with(diagnostics);
    hints(problem).into_iter().fold(error, CliError::hint)
}

fn diagnostic(problem: &Problem, place: &FieldProblem) -> Diagnostic {
    let code = if problem.slug().is_empty() { "refused" } else { problem.slug() };
    let file = place.file.as_deref().unwrap_or_default();
    let (line, column) = (place.line.unwrap_or(1), place.column.unwrap_or(1));
    let diagnostic = Diagnostic::error(code, &place.message, file, line, column);
    Diagnostic { suggestion: place.suggestion.clone(), ..diagnostic }
}

/// Codes are told apart by what the caller has to do: mend the request, ask somebody, or wait.
fn exit(problem: &Problem) -> Exit {
    match (problem.status, problem.slug()) {
        (403, "denied") => Exit::Denied,
        (429 | 502 | 503 | 504, _) => Exit::Unavailable,
        (400..=499, _) => Exit::Usage,
        _ => Exit::Failed,
    }
}

fn hints(problem: &Problem) -> Vec<String> {
    let mut hints = Vec::new();
    match problem.status {
        401 => hints.push("give its token: --token TOKEN, or EXECUTION_TOKEN".to_owned()),
        421 => hints.push(
            "call it by an address it knows, or name this one there: server.hosts".to_owned(),
        ),
        _ => {}
    }
    if let Some(renewed) = problem.text("renewed") {
        hints.push(format!("it is asked again: bailiwick approvals show {renewed}"));
    }
    if let Some(seconds) = problem.retry_after_s.filter(|_| !problem.detail.contains(AGAIN)) {
        hints.push(format!("try again in {seconds} s"));
    }
    hints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: &str, wait: Option<u64>) -> CliError {
        let problem = Problem::of(status, body.as_bytes(), wait);
        client_error(ClientError::Refused(Box::new(problem)))
    }

    #[test]
    fn every_refusal_has_its_exit_code_and_what_to_do() {
        for (status, slug, wait, exit, hint) in [
            (400, "", None, Exit::Usage, None),
            (401, "", None, Exit::Usage, Some("--token")),
            (403, "denied", None, Exit::Denied, None),
            (403, "origin", None, Exit::Usage, None),
            (404, "", None, Exit::Usage, None),
            (409, "already_answered", None, Exit::Usage, None),
            (421, "misdirected", None, Exit::Usage, Some("server.hosts")),
            (422, "", None, Exit::Usage, None),
            (429, "busy", Some(7), Exit::Unavailable, Some("in 7 s")),
            (500, "", None, Exit::Failed, None),
            (503, "draining", None, Exit::Unavailable, None),
            (507, "", None, Exit::Failed, None),
        ] {
            let body = format!(r#"{{"type":"about:blank#{slug}","detail":"no"}}"#);
            let error = told(status, &body, wait);
            assert_eq!((error.exit, error.message.as_str()), (exit, "no"), "{status}");
            let hints = error.hints.join("\n");
            assert!(hint.map_or(hints.is_empty(), |hint| hints.contains(hint)), "{hints}");
        }
        let expired = told(409, r#"{"detail":"late","renewed":"apr_2"}"#, None);
        assert!(expired.hints[0].contains("approvals show apr_2"));
    }

    #[test]
    fn mistakes_stand_in_the_message_or_at_their_places() {
        let error = told(
            422,
            r#"{"type":"about:blank#invalid","detail":"it does not fit","errors":[
                {"field":"priority","message":"unknown word","suggestion":"high"},
                {"message":"no such tool","file":"p.yaml","line":4,"column":2},
                {"message":"it does not fit"}]}"#,
            None,
        );
        assert_eq!(
            error.message,
            "it does not fit; `priority`: unknown word (did you mean `high`?)"
        );
        let expected = Diagnostic::error("invalid", "no such tool", "p.yaml", 4, 2);
        assert_eq!(error.diagnostics, [expected]);
    }
}
