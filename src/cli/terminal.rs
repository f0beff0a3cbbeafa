//! Asking the person at the terminal.

use std::io::{BufRead, IsTerminal, Write};

use super::shown::{one_line, printable};
use crate::contracts::{Consult, Quorum};
use crate::identity::this_account;
use crate::orchestrator::{Answer, Answerer, Question};

/// Longest name of a tool or place of a rule that is shown, in characters.
const NAME_CHARS: usize = 400;

/// Asks on the terminal, one question at a time.
#[derive(Debug, Default)]
pub(super) struct Terminal {
    one_at_a_time: std::sync::Mutex<()>,
}

impl Terminal {
    /// Whether somebody sits at a terminal.
    pub(super) fn is_here() -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }
}

impl Answerer for Terminal {
    fn answer(&self, question: &Question) -> Option<Answer> {
        if Quorum::of(0).with(question.yes.iter().map(String::as_str)).has(&this_account()) {
            // Whoever sits here has said yes: the others answer elsewhere.
            return None;
        }
        let _turn = match self.one_at_a_time.lock() {
            Ok(turn) => turn,
            Err(poisoned) => poisoned.into_inner(),
        };
        let mut screen = std::io::stderr();
        loop {
            screen.write_all(text(question).as_bytes()).ok()?;
            screen.flush().ok()?;
            let mut line = String::new();
            if std::io::stdin().lock().read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(consult) = &question.subject.consult {
                match consult.accepts(Some(&chosen(consult, line.trim()))) {
                    Ok(words) => {
                        return Some(Answer {
                            approved: true,
                            by: this_account(),
                            reason: Some(words),
                        });
                    }
                    Err(_why) => continue,
                }
            }
            let (word, reason) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
            let approved = match word {
                "y" | "yes" => true,
                "n" | "no" => false,
                _ => continue,
            };
            let reason = (!reason.is_empty()).then(|| reason.to_owned());
            return Some(Answer { approved, by: this_account(), reason });
        }
    }
}

/// What `said` stands for: the option of that number, else itself.
pub(super) fn chosen(consult: &Consult, said: &str) -> String {
    let named = consult.options.iter().any(|option| option == said);
    let number = said.parse::<usize>().ok().filter(|_| !named).and_then(|it| it.checked_sub(1));
    let option = number.and_then(|index| consult.options.get(index)).cloned();
    option.unwrap_or_else(|| said.to_owned())
}

fn words_wanted(consult: &Consult) -> String {
    let mut lines: Vec<String> = (1..)
        .zip(&consult.options)
        .map(|(number, option)| format!("  {number:<6} {}", one_line(option, NAME_CHARS)))
        .collect();
    let default = consult.default.as_ref().map(|it| format!(" [{}]", one_line(it, NAME_CHARS)));
    let default = default.unwrap_or_default();
    lines.push(match consult.options.is_empty() {
        true => format!("Your answer?{default} "),
        false => format!("Which one?{default} "),
    });
    lines.join("\n")
}

/// The question as the person reads it. Control characters in it are shown, not obeyed.
fn text(question: &Question) -> String {
    let mut lines = vec![String::new(), printable(&question.subject.prompt)];
    if let Some(consult) = &question.subject.consult {
        lines.push(words_wanted(consult));
        return lines.join("\n");
    }
    if let Some((tool, args)) = &question.call {
        lines.push(format!("  tool   {}", one_line(tool, NAME_CHARS)));
        lines.push(format!("  args   {}", printable(args).replace('\n', "\n         ")));
    }
    if let Some(decision) = &question.decision {
        lines.push(format!("  why    {}", printable(&decision.reason)));
        for rule in &decision.rules {
            let place = format!("{} ({}:{})", rule.id, rule.file, rule.line);
            lines.push(format!("  rule   {}", one_line(&place, NAME_CHARS)));
        }
    }
    let approvers = question.subject.approvers;
    if approvers > 1 {
        let yes = one_line(&question.yes.join(", "), NAME_CHARS);
        let so_far = if yes.is_empty() { String::new() } else { format!("; yes so far: {yes}") };
        lines.push(format!("  needs  {approvers} people{so_far}"));
    }
    lines.push("Allow this? [yes|no, then why if you like] ".to_owned());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contracts::{ApprovalSubject, Decision};

    #[test]
    fn control_characters_cannot_rewrite_the_question() {
        let evil = "rm\u{1b}[2K\r\u{202e}ls";
        let subject: ApprovalSubject = serde_json::from_value(serde_json::json!({
            "approval_id": "apr_0190a0b1c2d37e4f8a9b0c1d2e3f4a51",
            "path": evil,
            "prompt": evil,
            "approvers": 1,
            "expires_at": "2026-01-01T00:00:00.000Z",
        }))
        .unwrap();
        let golden = include_str!("../../tests/fixtures/contracts/v1/decision.json");
        let mut decision: Decision = serde_json::from_str(golden).unwrap();
        decision.reason = evil.to_owned();
        decision.rules[0].id = evil.to_owned();
        decision.rules[0].file = evil.to_owned();
        let call = Some((evil.to_owned(), format!("{evil}\nmore")));
        let yes = vec![evil.to_owned()];
        let plan_rules = Vec::new();
        let shown = text(&Question { subject, call, decision: Some(decision), plan_rules, yes });
        assert_eq!(printable(&shown), shown);
        assert_eq!(shown.matches("[2K").count(), 6, "{shown}");
    }
}
