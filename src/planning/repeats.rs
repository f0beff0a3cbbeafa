//! Going round in circles: the same calls with the same answers, or plan after plan without any success.

use crate::contracts::{Hash, Map};

use super::draft::DraftStep;

/// How often the same call may have given the same answer before it is refused.
const SAME_ANSWERS_MAX: usize = 2;
/// How many plans in a row may bring nothing.
const IDLE_PLANS_MAX: usize = 3;

/// A call that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// The plan it belonged to.
    pub round: u32,
    /// The tool.
    pub tool: String,
    /// Its arguments as they were called.
    pub args: Map,
    /// Whether it did what it was asked.
    pub ok: bool,
    /// The answer.
    pub answer: Hash,
}

/// What of `steps` was done before often enough to know that nothing else comes of it.
#[must_use]
pub fn repeats(steps: &[DraftStep], done: &[Done]) -> Vec<String> {
    let told = |step: &DraftStep| {
        let same = |before: &&Done| before.tool == step.tool && before.args == step.args;
        let before: Vec<&Done> = done.iter().filter(same).collect();
        let last = before.last()?;
        let times = before.iter().rev().take_while(|it| it.answer == last.answer).count();
        (times >= SAME_ANSWERS_MAX).then(|| {
            let (id, tool) = (&step.id, &step.tool);
            format!("`{id}`: this call of `{tool}` was made {times} times with the same answer")
        })
    };
    steps.iter().filter_map(told).collect()
}

/// Whether the last of the plans that were carried out brought nothing: no call of them did what it was
/// asked.
#[must_use]
pub fn is_stuck(carried_out: &[u32], done: &[Done]) -> bool {
    let idle = |round: &u32| !done.iter().any(|call| call.round == *round && call.ok);
    carried_out.len() >= IDLE_PLANS_MAX && carried_out.iter().rev().take(IDLE_PLANS_MAX).all(idle)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn done(round: u32, path: &str, ok: bool, answer: &str) -> Done {
        let args = json!({ "path": path }).as_object().cloned().unwrap();
        let answer = Hash::of(answer.as_bytes());
        Done { round, tool: "read_text".to_owned(), args, ok, answer }
    }

    fn step(path: &str) -> DraftStep {
        let args = json!({ "path": path }).as_object().cloned().unwrap();
        DraftStep {
            id: "p3_1".to_owned(),
            tool: "read_text".to_owned(),
            args,
            ..DraftStep::default()
        }
    }

    #[test]
    fn a_call_is_refused_once_it_gave_the_same_answer_twice_in_a_row() {
        let cases: [(&[Done], bool); 5] = [
            (&[], false),
            (&[done(1, "a", true, "x")], false),
            (&[done(1, "a", true, "x"), done(2, "a", true, "x")], true),
            (&[done(1, "a", true, "x"), done(2, "a", true, "y")], false),
            (&[done(1, "a", true, "x"), done(2, "b", true, "x")], false),
        ];
        for (before, refused) in cases {
            assert_eq!(!repeats(&[step("a")], before).is_empty(), refused, "{before:?}");
        }
    }

    #[test]
    fn three_plans_without_success_are_enough() {
        let failed = |round| done(round, "a", false, "no");
        let good = |round| done(round, "b", true, "x");
        let cases: [(&[u32], &[Done], bool); 6] = [
            (&[], &[], false),
            (&[1, 2], &[failed(1), failed(2)], false),
            (&[1, 2, 3], &[failed(1), failed(2), failed(3)], true),
            (&[1, 2, 3], &[failed(1), good(2), failed(3)], false),
            (&[1, 2, 3, 4], &[failed(1), failed(2), failed(3), good(4)], false),
            // The second was declined: nothing of it ran.
            (&[1, 3], &[failed(1), failed(3)], false),
        ];
        for (carried_out, done, stuck) in cases {
            assert_eq!(is_stuck(carried_out, done), stuck, "{carried_out:?}");
        }
    }
}
