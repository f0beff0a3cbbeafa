//! Pieces of context: each of a kind, with a bound and with the labels of where it came from.

use serde::{Deserialize, Serialize};

/// What a fragment is. The order is the order in which a model reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// How to answer.
    Instructions,
    /// The tools there are.
    Tools,
    /// Memories that stand in every context.
    Pinned,
    /// Memories that were found for the goal.
    Recalled,
    /// The playbook around the step.
    Playbook,
    /// What somebody handed in beside the goal.
    Hint,
    /// What was planned before, and what came of it.
    History,
    /// What the last calls answered.
    Results,
    /// What is wrong with the last answer.
    Mistake,
    /// What is wanted.
    Goal,
}

impl Kind {
    /// Its name, as it stands in the context.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Tools => "tools",
            Self::Pinned => "standing notes",
            Self::Recalled => "notes from memory",
            Self::Playbook => "playbook",
            Self::Hint => "given with the goal",
            Self::History => "what was done so far",
            Self::Results => "results",
            Self::Mistake => "what was wrong with your last answer",
            Self::Goal => "goal",
        }
    }

    /// Whether it goes first when there is too little room: what was found can be found again, what the
    /// model is to do cannot be left out.
    pub(super) const fn may_be_left_out(self) -> bool {
        matches!(self, Self::Recalled | Self::Playbook | Self::Hint | Self::History | Self::Results)
    }
}

/// A piece of context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// What it is.
    pub kind: Kind,
    /// What it is called, such as a file's path or a step's id.
    pub title: String,
    /// The text.
    pub text: String,
    /// Where it came from.
    pub labels: Vec<String>,
    /// Most tokens of it.
    pub tokens_max: usize,
}

impl Fragment {
    /// Whether a stranger may have written it.
    #[must_use]
    pub fn is_untrusted(&self) -> bool {
        // What was written down in other runs is data, whoever wrote it; what a person pinned is theirs.
        self.kind == Kind::Recalled
            || self.labels.iter().any(|label| label.starts_with("untrusted"))
    }
}
