//! The shape of the table, and how the checker reads it.

use super::{lists, texts, verdicts};

/// A type that scripts meet.
#[derive(Debug)]
pub(in crate::policy::script) struct Class {
    /// As the engine calls it.
    pub(in crate::policy::script) name: &'static str,
    /// The parameter of rules that is one, where there is one.
    pub(in crate::policy::script) variable: Option<&'static str>,
    /// How one is come by, for the page.
    pub(in crate::policy::script) at: &'static str,
    pub(in crate::policy::script) properties: &'static [Name],
}

/// A property or a function: as it is written in definitions, what it is, what is true of it.
#[derive(Debug)]
pub(in crate::policy::script) struct Name(
    pub(in crate::policy::script) &'static str,
    pub(in crate::policy::script) &'static str,
    pub(in crate::policy::script) &'static str,
);

/// Functions that belong together.
#[derive(Debug)]
pub(in crate::policy::script) struct Section {
    pub(in crate::policy::script) title: &'static str,
    pub(in crate::policy::script) functions: &'static [Name],
}

/// Every function.
pub(in crate::policy::script) fn functions() -> impl Iterator<Item = &'static Name> {
    sections().into_iter().flat_map(|section| section.functions)
}

pub(in crate::policy::script) fn sections() -> [&'static Section; 6] {
    [
        &verdicts::SPEAKING,
        &verdicts::FACTS,
        &verdicts::LOOKING,
        &texts::TEXTS,
        &lists::LISTS,
        &lists::NUMBERS,
    ]
}

/// How many values the functions called `name` take, the one before the dot included.
pub(in crate::policy::script) fn arities(name: &str) -> Vec<usize> {
    functions().filter(|known| known.name() == name).map(Name::takes).collect()
}

impl Class {
    /// The property `name`.
    pub(in crate::policy::script) fn property(&self, name: &str) -> Option<&'static Name> {
        self.properties.iter().find(|known| known.name() == name)
    }
}

impl Name {
    /// The name alone.
    pub(in crate::policy::script) fn name(&self) -> &'static str {
        self.0.split([':', '(']).next().unwrap_or_default()
    }

    /// What it gives: a type.
    pub(in crate::policy::script) fn gives(&self) -> &'static str {
        let after =
            if self.is_function() { self.0.rsplit_once(" -> ") } else { self.0.split_once(": ") };
        after.map_or("", |(_, gives)| gives)
    }

    pub(in crate::policy::script) fn is_function(&self) -> bool {
        self.0.contains('(')
    }

    /// How many values it takes.
    fn takes(&self) -> usize {
        let between = self.0.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
        between.map_or(0, |(taken, _)| taken.split(", ").filter(|one| !one.is_empty()).count())
    }
}
