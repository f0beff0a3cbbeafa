//! Where values come from in a dry run: of steps that have not run, from what their tools would answer.

use std::collections::BTreeMap;

use super::origins::Ground;
use super::taken::{Labels, USER};

/// What is known of one playbook that is gone through.
#[derive(Debug, Default)]
pub(super) struct DryGround {
    /// Where the answers of the steps gone through would come from, by id.
    pub steps: BTreeMap<String, Labels>,
    /// Where inputs come from; a person's where they are absent.
    pub inputs: BTreeMap<String, Labels>,
    /// The names of the inputs.
    pub names: Vec<String>,
    /// Where the lists come from that steps go over, by the name of their items.
    pub items: BTreeMap<String, Labels>,
    /// Secrets that the playbook may use.
    pub secrets: Vec<String>,
}

impl DryGround {
    /// A step was gone through. Paths may be taken again in a loop, so what was known stays.
    pub(super) fn answered(&mut self, id: &str, labels: Labels) {
        self.steps.entry(id.to_owned()).or_default().extend(labels);
    }
}

impl Ground for DryGround {
    fn step(&self, id: &str) -> Labels {
        self.steps.get(id).cloned().unwrap_or_default()
    }

    fn steps(&self) -> Labels {
        self.steps.values().flatten().cloned().collect()
    }

    fn input(&self, name: &str) -> Labels {
        self.inputs.get(name).cloned().unwrap_or_else(|| Labels::from([USER.to_owned()]))
    }

    fn inputs(&self) -> Vec<String> {
        self.names.clone()
    }

    fn item(&self, name: Option<&str>) -> Labels {
        match name {
            Some(name) => self.items.get(name).cloned().unwrap_or_default(),
            None => self.items.values().flatten().cloned().collect(),
        }
    }

    fn secrets(&self) -> &[String] {
        &self.secrets
    }
}
