//! A playbook that lint found nothing wrong with. What holds here need not be checked again.

use crate::contracts::{Area, Budget, CallEffect, Hash, Map};
use crate::playbook::scenario::Scenario;
use crate::yaml::Place;

/// A named procedure.
#[derive(Debug, Clone, PartialEq)]
pub struct Playbook {
    /// Its name.
    pub name: String,
    /// What it does, in a sentence.
    pub description: String,
    /// The file it was read from, as the user would write it.
    pub file: String,
    /// BLAKE3 of the file's bytes.
    pub hash: Hash,
    /// What it takes, in the order it was written.
    pub inputs: Vec<Input>,
    /// The most it may touch.
    pub permissions: Permissions,
    /// The most it may spend, within what configuration allows.
    pub budget: Budget,
    /// When it runs by itself.
    pub schedule: Option<Schedule>,
    /// How it is started over HTTP by somebody who knows its secret.
    pub webhook: Option<Webhook>,
    /// How many runs of it are at work at once; `None` for as many as configuration allows.
    pub concurrency: Option<u32>,
    /// How many independent steps of `steps` are at work at once.
    pub parallel: u32,
    /// Template of the goal, where a planner finds the steps.
    pub goal: Option<String>,
    /// What it does; at least one step unless there is a goal. In order, unless one of them has `needs`.
    pub steps: Vec<Step>,
    /// Steps for when it fails.
    pub on_failure: Vec<Step>,
    /// Steps at the end, whatever happened.
    pub always: Vec<Step>,
    /// Expressions that must hold for the run to succeed.
    pub verify: Vec<String>,
    /// What it answers: templates by name.
    pub outputs: Map,
    /// What it remembers.
    pub remember: Vec<Remember>,
    /// Its own tests.
    pub scenarios: Vec<Scenario>,
}

impl Playbook {
    /// Every step of every section, those inside of blocks included, each before what it holds.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        let mut found = Vec::new();
        for section in [&self.steps, &self.on_failure, &self.always] {
            section.iter().for_each(|step| step.collect(&mut found));
        }
        found.into_iter()
    }

    /// The step called `id`.
    #[must_use]
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.all_steps().find(|step| step.id == id)
    }
}

/// Something a playbook takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// What kind of value it is.
    pub kind: InputKind,
    /// What it is for.
    pub description: String,
    /// Its value when none is given, of the right kind.
    pub default: Option<serde_json::Value>,
    /// Whether it must be given.
    pub required: bool,
    /// The values it may have; empty means any.
    pub choices: Vec<serde_json::Value>,
}

/// What kind of value an input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// Any text.
    String,
    /// A text that names a file or directory.
    Path,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// A list.
    List,
    /// A mapping.
    Map,
}

impl InputKind {
    /// Every kind with its word.
    pub const ALL: [(&'static str, Self); 7] = [
        ("string", Self::String),
        ("path", Self::Path),
        ("boolean", Self::Boolean),
        ("integer", Self::Integer),
        ("number", Self::Number),
        ("list", Self::List),
        ("map", Self::Map),
    ];

    /// The word used in playbooks.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Path => "path",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::List => "list",
            Self::Map => "map",
        }
    }

    /// Whether `value` is of this kind.
    #[must_use]
    pub fn takes(self, value: &serde_json::Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Path => {
                value.as_str().is_some_and(|path| !path.is_empty() && !path.contains('\0'))
            }
            Self::Boolean => value.is_boolean(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::List => value.is_array(),
            Self::Map => value.is_object(),
        }
    }
}

/// The most a playbook may touch. An empty list means nothing of the kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Tools, by the name they have in the playbook.
    pub tools: Vec<String>,
    /// Templates of paths that may be read.
    pub read: Vec<String>,
    /// Templates of paths that may be written.
    pub write: Vec<String>,
    /// Patterns of hosts.
    pub network: Vec<String>,
    /// Names of secrets.
    pub secrets: Vec<String>,
}

/// When a playbook runs by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Minute, hour, day of month, month, day of week.
    pub cron: String,
    /// An IANA name; whether there is such a zone is known when the schedule is made.
    pub timezone: String,
    /// What happens when the run before is still at work.
    pub overlap: Overlap,
    /// What happens about times that were missed.
    pub catch_up: CatchUp,
    /// How long a missed time is worth catching up, in milliseconds.
    pub window_ms: Option<u64>,
}

/// What happens when the run before is still at work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overlap {
    /// This time is left out.
    #[default]
    Skip,
    /// It waits.
    Queue,
    /// The run before is cancelled.
    CancelPrevious,
}

impl Overlap {
    /// Every one, by its word in the language.
    pub const WORDS: [(&'static str, Self); 3] = [
        (Self::Skip.as_str(), Self::Skip),
        (Self::Queue.as_str(), Self::Queue),
        (Self::CancelPrevious.as_str(), Self::CancelPrevious),
    ];

    /// Its word in the language.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Queue => "queue",
            Self::CancelPrevious => "cancel_previous",
        }
    }

    /// The one with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::WORDS.into_iter().find(|(known, _)| *known == word).map(|(_, it)| it)
    }
}

/// What happens about times that were missed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CatchUp {
    /// Nothing.
    None,
    /// The latest one is made up for.
    #[default]
    Latest,
    /// Each one is made up for.
    All,
}

impl CatchUp {
    /// Every one, by its word in the language.
    pub const WORDS: [(&'static str, Self); 3] = [
        (Self::None.as_str(), Self::None),
        (Self::Latest.as_str(), Self::Latest),
        (Self::All.as_str(), Self::All),
    ];

    /// Its word in the language.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Latest => "latest",
            Self::All => "all",
        }
    }

    /// The one with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::WORDS.into_iter().find(|(known, _)| *known == word).map(|(_, it)| it)
    }
}

/// How a playbook is started over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The name of the secret that callers must know; one of `permissions.secrets` need not be.
    pub secret: String,
    /// The input that gets the whole body; `None` when the body's fields are the inputs.
    pub input: Option<String>,
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its id, unique in the playbook; `on_failure[0]` where the author gave none.
    pub id: String,
    /// Ids of steps of the same list that must be over before.
    pub needs: Vec<String>,
    /// Its name for people.
    pub name: Option<String>,
    /// Where it stands in its file.
    pub place: Place,
    /// The fragment's file it stands in; `None` for the playbook's own file.
    pub fragment: Option<String>,
    /// What it does.
    pub action: Action,
    /// The expression that must hold for it to run.
    pub condition: Option<String>,
    /// Set when it repeats over a list.
    pub foreach: Option<Foreach>,
    /// How long one call may take, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// When to try again.
    pub retry: crate::agent::program::Retry,
    /// Whether the run goes on when it failed.
    pub continue_on_error: bool,
    /// What the author says about doing it twice; policy may refuse it.
    pub effect: Option<CallEffect>,
    /// Labels the call gets.
    pub labels: Vec<String>,
}

impl Step {
    /// Adds this step and every step inside of it.
    fn collect<'a>(&'a self, found: &mut Vec<&'a Step>) {
        found.push(self);
        if let Action::Block(body) = &self.action {
            for list in [&body.steps, &body.rescue, &body.always] {
                list.iter().for_each(|step| step.collect(found));
            }
        }
    }
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Calls a tool.
    Tool {
        /// Its name as written: a name or an alias.
        tool: String,
        /// Templates of its arguments.
        args: Map,
    },
    /// Lets a planner reach a goal.
    Goal {
        /// Template of the goal.
        goal: String,
        /// The only tools it may use.
        tools: Vec<String>,
        /// Most calls.
        max_steps: u32,
        /// Whether the step is skipped, rather than failed, where there is no model.
        skip_without_model: bool,
    },
    /// Waits for a person.
    Approval {
        /// Template of the question.
        prompt: String,
        /// The expression that must hold for the question to be asked.
        when: Option<String>,
        /// How long an answer counts, in milliseconds.
        ttl_ms: u64,
        /// How many different people must say yes.
        approvers: u32,
        /// The step to go back to after a denial with a comment, and how often at most.
        rewind: Option<crate::agent::program::Rewind>,
    },
    /// Runs another playbook.
    Call {
        /// Its name or path as written.
        playbook: String,
        /// Templates of its inputs.
        inputs: Map,
    },
    /// Does the steps inside.
    Block(Box<Body>),
}

/// What stands inside a block.
#[derive(Debug, Clone, PartialEq)]
pub struct Body {
    /// The steps; at least one.
    pub steps: Vec<Step>,
    /// Steps for when one of `steps` failed.
    pub rescue: Vec<Step>,
    /// Steps at the end, whatever happened.
    pub always: Vec<Step>,
    /// How many independent steps of `steps` are at work at once.
    pub parallel: u32,
}

/// A repetition over a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreach {
    /// What it goes over.
    pub over: Over,
    /// The name an item has in expressions.
    pub name: String,
    /// How many items are at work at once, at least 1.
    pub parallel: u32,
    /// Most items.
    pub limit: u32,
}

/// What a repetition goes over.
#[derive(Debug, Clone, PartialEq)]
pub enum Over {
    /// Template of the list: one expression, or a list written out.
    List(serde_json::Value),
    /// Every combination of the axes' values, as mappings; the last axis changes fastest.
    Matrix {
        /// Templates of the lists of values, by name.
        axes: Map,
        /// Combinations that are left out: those that have all of these values.
        exclude: Vec<Map>,
    },
}

/// A memory to write when the run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remember {
    /// Where it belongs.
    pub area: Area,
    /// Template of its text.
    pub text: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whether the run did well also where the rules do not let it be written.
    pub optional: bool,
}
