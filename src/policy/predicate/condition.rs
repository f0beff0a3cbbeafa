//! `when:` as a whole: predicates that must all hold, with `any`, `all` and `not`.

use std::fmt;

use super::argument::ArgIs;
use super::choices;
use super::command::CommandIs;
use super::host::HostIs;
use super::label::LabelIs;
use super::path::PathIs;
use super::run::RunIs;
use super::time::TimeIs;
use crate::contracts::{Diagnostic, Profile, Risk};
use crate::policy::case::Case;
use crate::policy::truth::{Reading, Truth};
use crate::policy::vocabulary::{CATEGORIES, PROFILES, RISKS, word};
use crate::ports::Category;
use crate::yaml::{Fields, Node};

/// What must hold.
#[derive(Debug, Clone)]
pub(in crate::policy) enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Path(PathIs),
    Host(HostIs),
    Command(Box<CommandIs>),
    Arg(Box<ArgIs>),
    Label(LabelIs),
    Run(RunIs),
    Time(TimeIs),
    Category(Vec<Category>),
    Risk(Vec<Risk>),
    Profile(Vec<Profile>),
}

impl Condition {
    /// Reads a mapping of predicates, all of which must hold.
    pub(in crate::policy) fn read(
        file: &str,
        node: &Node,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let mut fields = Fields::of(file, "`when`", node, mistakes)?;
        let mut parts = Vec::new();
        Self::facts(file, &mut fields, &mut parts, mistakes);
        let categories = choices(file, &mut fields, "category", &CATEGORIES, mistakes);
        parts.extend(categories.map(Self::Category));
        parts.extend(choices(file, &mut fields, "risk", &RISKS, mistakes).map(Self::Risk));
        parts.extend(choices(file, &mut fields, "profile", &PROFILES, mistakes).map(Self::Profile));
        for (key, join) in [("any", Self::Any as fn(Vec<Self>) -> Self), ("all", Self::All)] {
            if let Some(items) = fields.list(key, mistakes) {
                let each = items.iter().filter_map(|item| Self::read(file, item, mistakes));
                parts.push(join(each.collect()));
                if items.is_empty() {
                    mistakes.push(fields.place().error(
                        file,
                        "empty-list",
                        format!("`{key}` is an empty list"),
                    ));
                }
            }
        }
        let not = fields.node("not").and_then(|node| Self::read(file, node, mistakes));
        parts.extend(not.map(|inner| Self::Not(Box::new(inner))));
        fields.finish(mistakes);
        if node.as_map().is_some_and(<[_]>::is_empty) {
            let message = "this condition is empty: leave it out, or say what must hold";
            mistakes.push(node.error(file, "empty-predicate", message));
        }
        Some(Self::All(parts))
    }

    fn facts(
        file: &str,
        fields: &mut Fields<'_>,
        parts: &mut Vec<Self>,
        mistakes: &mut Vec<Diagnostic>,
    ) {
        let path = fields.node("path").and_then(|node| PathIs::read(file, node, mistakes));
        parts.extend(path.map(Self::Path));
        if let Some(texts) = fields.texts("host", mistakes) {
            parts.push(Self::Host(HostIs::named(file, texts, mistakes)));
        }
        let class = fields.node("host_class");
        let texts = fields.texts("host_class", mistakes);
        if let Some((node, texts)) = class.zip(texts) {
            parts.push(Self::Host(HostIs::class(file, node, texts, mistakes)));
        }
        let command = fields.node("command").and_then(|node| CommandIs::read(file, node, mistakes));
        parts.extend(command.map(|command| Self::Command(Box::new(command))));
        if let Some(node) = fields.node("arg") {
            let entries = node.as_map().unwrap_or_default();
            if entries.is_empty() {
                let message = "`arg` takes a mapping from an argument to what it must be";
                mistakes.push(node.error(file, "wrong-type", message));
            }
            let each = entries.iter().filter_map(|entry| ArgIs::read(file, entry, mistakes));
            parts.extend(each.map(|arg| Self::Arg(Box::new(arg))));
        }
        if let Some(node) = fields.node("label") {
            parts.extend(LabelIs::read(file, node, mistakes).into_iter().map(Self::Label));
        }
        let run = fields.node("run").and_then(|node| RunIs::read(file, node, mistakes));
        parts.extend(run.map(Self::Run));
        let time = fields.node("time").and_then(|node| TimeIs::read(file, node, mistakes));
        parts.extend(time.map(Self::Time));
    }

    /// Whether it holds for the request of `case`.
    pub(in crate::policy) fn holds(&self, case: &Case<'_>, reading: Reading) -> Truth {
        match self {
            Self::All(parts) => Truth::all(parts.iter().map(|part| part.holds(case, reading))),
            Self::Any(parts) => Truth::any(parts.iter().map(|part| part.holds(case, reading))),
            Self::Not(inner) => inner.holds(case, reading.turned()).not(),
            Self::Path(path) => path.holds(case, reading),
            Self::Host(host) => host.holds(case, reading),
            Self::Command(command) => command.holds(case, reading),
            Self::Arg(arg) => arg.holds(case),
            Self::Label(label) => label.holds(case),
            Self::Run(run) => run.holds(case),
            Self::Time(time) => time.holds(case),
            Self::Category(all) => {
                Truth::of(case.category.is_some_and(|category| all.contains(&category)))
            }
            Self::Risk(all) => Truth::of(all.contains(&case.risk)),
            Self::Profile(all) => Truth::of(all.contains(&case.profile)),
        }
    }

    /// Why it does not hold: what the first part that fails wants, and what is there.
    pub(in crate::policy) fn failure(&self, case: &Case<'_>, reading: Reading) -> Option<String> {
        if self.holds(case, reading) == Truth::Yes {
            return None;
        }
        match self {
            Self::All(parts) => parts.iter().find_map(|part| part.failure(case, reading)),
            _ => Some(format!("wants {self}; there is {}", self.found(case))),
        }
    }

    fn found(&self, case: &Case<'_>) -> String {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                let mut each: Vec<_> = parts.iter().map(|part| part.found(case)).collect();
                each.dedup();
                each.join(", ")
            }
            Self::Not(inner) => inner.found(case),
            Self::Path(_) => PathIs::found(case),
            Self::Host(_) => HostIs::found(case),
            Self::Command(_) => CommandIs::found(case),
            Self::Arg(arg) => arg.found(case),
            Self::Label(_) => LabelIs::found(case),
            Self::Run(_) => RunIs::found(case),
            Self::Time(_) => TimeIs::found(case),
            Self::Category(_) => match case.category {
                Some(category) => format!("category {}", word(&CATEGORIES, &category)),
                None => "no category".to_owned(),
            },
            Self::Risk(_) => format!("risk {}", word(&RISKS, &case.risk)),
            Self::Profile(_) => format!("profile {}", case.profile.as_str()),
        }
    }
}

fn words<T: PartialEq + Copy>(known: &[(&'static str, T)], values: &[T]) -> String {
    values.iter().map(|value| word(known, value)).collect::<Vec<_>>().join(" or ")
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |parts: &[Self], by: &str| {
            parts.iter().map(Self::to_string).collect::<Vec<_>>().join(by)
        };
        match self {
            Self::All(parts) => f.write_str(&joined(parts, " and ")),
            Self::Any(parts) => write!(f, "any of ({})", joined(parts, "; ")),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Path(path) => path.fmt(f),
            Self::Host(host) => host.fmt(f),
            Self::Command(command) => command.fmt(f),
            Self::Arg(arg) => arg.fmt(f),
            Self::Label(label) => label.fmt(f),
            Self::Run(run) => run.fmt(f),
            Self::Time(time) => time.fmt(f),
            Self::Category(all) => write!(f, "category {}", words(&CATEGORIES, all)),
            Self::Risk(all) => write!(f, "risk {}", words(&RISKS, all)),
            Self::Profile(all) => write!(f, "profile {}", words(&PROFILES, all)),
        }
    }
}
