//! Who answers a question that policy or a playbook asks.

use crate::contracts::{ApprovalSubject, Decision};

/// A question to a person.
#[derive(Debug, Clone)]
pub struct Question {
    /// What is asked.
    pub subject: ApprovalSubject,
    /// The tool and its arguments for reading, when it is about a call.
    pub call: Option<(String, String)>,
    /// Why policy asks, when it does.
    pub decision: Option<Decision>,
    /// The rules that ask about the steps of a plan, when it is about one and nothing else asks.
    pub plan_rules: Vec<String>,
    /// Who said yes already, where several have to.
    pub yes: Vec<String>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Yes or no.
    pub approved: bool,
    /// Who answered.
    pub by: String,
    /// What they said.
    pub reason: Option<String>,
}

/// Answers questions; blocks while it waits for a person.
pub trait Answerer: Send + Sync {
    /// The answer, or `None` when there is nobody to ask here: the run then waits.
    fn answer(&self, question: &Question) -> Option<Answer>;
}

/// Leaves every question open.
#[derive(Debug, Clone, Copy, Default)]
pub struct NobodyAnswers;

impl Answerer for NobodyAnswers {
    fn answer(&self, _: &Question) -> Option<Answer> {
        None
    }
}

/// Says yes where every rule that asks was named beforehand, and leaves the rest to another.
pub struct PreApproved<A> {
    rules: Vec<String>,
    by: String,
    otherwise: A,
}

impl<A> std::fmt::Debug for PreApproved<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PreApproved").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl<A: Answerer> PreApproved<A> {
    /// Says yes to `rules`, given as rule ids, for the person `by`; a gate is named by its step's id.
    /// The question before a plan is covered as well where all rules are that ask about its steps.
    pub const fn new(rules: Vec<String>, by: String, otherwise: A) -> Self {
        Self { rules, by, otherwise }
    }

    fn covers(&self, question: &Question) -> bool {
        if question.subject.consult.is_some() {
            // A yes is not what is asked for.
            return false;
        }
        let named = |rule: &str| self.rules.iter().any(|known| known == rule);
        match &question.decision {
            None => {
                let rules = &question.plan_rules;
                let all = !rules.is_empty() && rules.iter().all(|rule| named(rule));
                all || named(gate(&question.subject.path))
            }
            Some(decision) => {
                let asks = super::record::asking(decision);
                !asks.is_empty() && asks.iter().all(|rule| named(rule))
            }
        }
    }
}

/// The step's id in a path: a gate in a loop is named as one, wherever the loop stands.
pub(super) fn gate(path: &str) -> &str {
    super::place::last_id(path)
}

impl<A: Answerer> Answerer for PreApproved<A> {
    fn answer(&self, question: &Question) -> Option<Answer> {
        if self.covers(question) {
            let by = format!("{} (--yes-approve {})", self.by, self.rules.join(" "));
            return Some(Answer { approved: true, by, reason: None });
        }
        self.otherwise.answer(question)
    }
}

impl<A: Answerer + ?Sized> Answerer for std::sync::Arc<A> {
    fn answer(&self, question: &Question) -> Option<Answer> {
        (**self).answer(question)
    }
}
