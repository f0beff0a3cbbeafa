//! What a run has taken in, as its journal tells it: where each answer came from, and what that makes of
//! the run. Nothing here is ever taken back.

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::{OrdMap, Vector};

use crate::contracts::{CallFinished, RunFlow, RunStarted, StepFinished, TextRef, Trigger};

/// Where something came from; see the page on information flow for the words.
pub type Labels = BTreeSet<String>;

/// A person named it: in their goal, as an input, or in the playbook itself.
pub(super) const USER: &str = "user";

/// Of a value of which no journal says where it came from.
pub(super) const UNKNOWN: &str = "unknown";

/// Content of a file that is a secret.
pub(super) const SECRET_FILE: &str = "secret:file";

/// What a run has taken in.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    /// Where answers came from, by the path of the step that has them.
    answers: OrdMap<String, Arc<Labels>>,
    /// Whether anything untrusted came in.
    pub untrusted: bool,
    /// Whether a secret was read.
    pub read_secret: bool,
    /// Fingerprints of the secrets that were read.
    pub fingerprints: Vector<TextRef>,
}

impl Taken {
    /// The run begins, with what those that called it had taken in.
    pub(super) fn begin(&mut self, started: &RunStarted) {
        match &started.lineage {
            Some(lineage) => {
                lineage.inputs.values().for_each(|labels| self.mark(labels));
                self.join(&lineage.before);
            }
            None => self.untrusted |= started.trigger == Trigger::Webhook,
        }
    }

    /// A call begins that reads a secret: it may have been read, however the call ends.
    pub(super) const fn read(&mut self) {
        self.read_secret = true;
    }

    /// A call answered.
    pub(super) fn call_finished(&mut self, finished: &CallFinished) {
        let unknown = [UNKNOWN.to_owned()];
        let labels = finished.labels.as_deref().unwrap_or(&unknown);
        self.answer(&finished.path, labels);
        self.fingerprints.extend(finished.fingerprints.clone());
    }

    /// A step ended; one that called a playbook has its answer.
    pub(super) fn step_finished(&mut self, finished: &StepFinished) {
        match &finished.flow {
            Some(flow) => {
                self.answer(&finished.path, &flow.labels);
                self.join(flow);
            }
            None if finished.result.is_some() => {
                self.answer(&finished.path, &[UNKNOWN.to_owned()]);
            }
            None => {}
        }
    }

    /// Where the answers of the step at `path` came from, with its items and the steps inside.
    pub(super) fn below(&self, path: &str) -> Labels {
        let inside = |key: &str| {
            let rest = key.strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '/']))
        };
        let from = self.answers.range(path.to_owned()..);
        let near = from.take_while(|(key, _)| key.starts_with(path));
        near.filter(|(key, _)| inside(key)).flat_map(|(_, labels)| labels.iter().cloned()).collect()
    }

    /// Where all answers came from.
    pub(super) fn all(&self) -> Labels {
        self.answers.values().flat_map(|labels| labels.iter().cloned()).collect()
    }

    fn answer(&mut self, path: &str, labels: &[String]) {
        self.mark(labels);
        let before = self.answers.get(path).into_iter().flat_map(|before| before.iter());
        let all = before.chain(labels).cloned().collect();
        self.answers.insert(path.to_owned(), Arc::new(all));
    }

    /// Something with these labels came in.
    pub(super) fn mark(&mut self, labels: &[String]) {
        self.untrusted |= labels.iter().any(|label| is_strange(label));
        self.read_secret |= labels.iter().any(|label| is_secret(label));
    }

    fn join(&mut self, flow: &RunFlow) {
        self.untrusted |= flow.untrusted;
        self.read_secret |= flow.read_secret;
        self.fingerprints.extend(flow.fingerprints.iter().cloned());
    }
}

/// Whether `label` says that a value comes from a stranger.
pub(super) fn is_strange(label: &str) -> bool {
    begins(label, "untrusted")
}

/// Whether `label` says that a value carries a secret.
pub(super) fn is_secret(label: &str) -> bool {
    begins(label, "secret")
}

/// Whether `label` says something good of a whole value, which says nothing of what is made from it.
pub(super) fn is_praise(label: &str) -> bool {
    begins(label, USER) || begins(label, "trusted")
}

fn begins(label: &str, word: &str) -> bool {
    label.split(':').next() == Some(word)
}

/// The label of a value that carries the secret `name`.
pub(super) fn secret(name: &str) -> String {
    format!("secret:{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(answers: &[(&str, &[&str])]) -> Taken {
        let mut taken = Taken::default();
        for (path, labels) in answers {
            let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
            taken.answer(path, &labels);
        }
        taken
    }

    #[test]
    fn a_step_has_the_labels_of_its_items_and_of_the_steps_inside_and_of_no_other() {
        let taken = taken(&[
            ("each", &["l"]),
            ("each[0]", &["a"]),
            ("each[10]/inner", &["b"]),
            ("each/x", &["c"]),
            ("each_other", &["d"]),
            ("eac", &["e"]),
        ]);
        for (path, expected) in
            [("each", "abcl"), ("each[1]", ""), ("each[10]", "b"), ("eac", "e"), ("none", "")]
        {
            let found: String = taken.below(path).into_iter().collect();
            assert_eq!(found, expected, "{path}");
        }
        assert_eq!(taken.all().len(), 6);
    }

    #[test]
    fn one_untrusted_or_secret_answer_marks_the_run_for_good() {
        for (labels, untrusted, read_secret) in [
            (&["workspace"][..], false, false),
            (&["untrusted:web"], true, false),
            (&["untrusted"], true, false),
            (&["untrustedly", "trusted:x"], false, false),
            (&["secret:KEY"], false, true),
        ] {
            let taken = taken(&[("a", labels), ("a", &["workspace"])]);
            assert_eq!(
                (taken.untrusted, taken.read_secret),
                (untrusted, read_secret),
                "{labels:?}"
            );
        }
    }
}
