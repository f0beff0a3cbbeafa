//! `$x` and its longer forms.

use brush_parser::word::{Parameter, ParameterExpr, SpecialParameter};

use super::expand::Fields;
use super::scope::is_secret_name;
use super::{Scope, Walker};

impl Walker {
    pub(super) fn parameter(
        &mut self,
        scope: &mut Scope,
        expr: &ParameterExpr,
        quoted: bool,
        fields: &mut Fields,
    ) {
        match expr {
            // An index is a sum, and a sum may hold commands.
            ParameterExpr::Parameter {
                parameter: Parameter::NamedWithIndex { index, .. }, ..
            }
            | ParameterExpr::UseDefaultValues {
                parameter: Parameter::NamedWithIndex { index, .. },
                ..
            }
            | ParameterExpr::AssignDefaultValues {
                parameter: Parameter::NamedWithIndex { index, .. },
                ..
            }
            | ParameterExpr::UseAlternativeValue {
                parameter: Parameter::NamedWithIndex { index, .. },
                ..
            }
            | ParameterExpr::ParameterLength {
                parameter: Parameter::NamedWithIndex { index, .. },
                ..
            } if holds_command(index) => self.rare(expr, fields),
            ParameterExpr::Parameter { parameter, indirect: false } => {
                plain(scope, parameter, quoted, fields);
            }
            ParameterExpr::UseDefaultValues {
                parameter, indirect: false, default_value, ..
            } => {
                self.or_default(scope, parameter, default_value.as_deref(), quoted, fields);
            }
            ParameterExpr::AssignDefaultValues {
                parameter,
                indirect: false,
                default_value,
                ..
            } => {
                self.or_default(scope, parameter, default_value.as_deref(), quoted, fields);
                if let Parameter::Named(name) = parameter {
                    scope.set(name, None);
                }
            }
            ParameterExpr::UseAlternativeValue { indirect: false, alternative_value, .. } => {
                let word = self.one(scope, alternative_value.as_deref().unwrap_or_default());
                fields.current().push_unknown("${…:+…}", &word.text);
            }
            ParameterExpr::ParameterLength { .. } => fields.current().push_unknown("${#…}", "0"),
            other => self.rare(other, fields),
        }
    }

    /// `${x:-word}`: the word is what it is most of the time; it stays open whether it is.
    fn or_default(
        &mut self,
        scope: &mut Scope,
        parameter: &Parameter,
        default: Option<&str>,
        quoted: bool,
        fields: &mut Fields,
    ) {
        let word = self.one(scope, default.unwrap_or_default());
        let Parameter::Named(name) = parameter else {
            fields.current().push_unknown("${…:-…}", &word.text);
            return;
        };
        match scope.value(name).filter(|value| !value.is_empty()).map(str::to_owned) {
            Some(value) => fields.value(&value, quoted),
            None => {
                let current = fields.current();
                current.push_unknown(&format!("${{{name}:-{}}}", word.text), &word.text);
                current.secret |= is_secret_name(name);
            }
        }
    }

    /// Forms that are not worked out. Commands inside them would run all the same.
    fn rare(&mut self, expr: &ParameterExpr, fields: &mut Fields) {
        let written = format!("{expr:?}");
        if holds_command(&written) || written.contains("PromptExpand") {
            self.hide("a command stands inside of a variable's expansion");
        }
        let current = fields.current();
        current.push_unknown("${…}", "");
        current.secret |= is_secret_name(&written);
    }
}

/// Whether a text that the shell reads once more has a command in it.
pub(super) fn holds_command(text: &str) -> bool {
    text.contains("$(") || text.contains('`')
}

fn plain(scope: &Scope, parameter: &Parameter, quoted: bool, fields: &mut Fields) {
    match parameter {
        Parameter::Named(name) => match scope.value(name).map(str::to_owned) {
            Some(value) => fields.value(&value, quoted),
            None => {
                let current = fields.current();
                current.push_unknown(&format!("${name}"), "");
                current.secret |= is_secret_name(name);
            }
        },
        Parameter::Special(SpecialParameter::ShellName) => {
            fields.current().push_unknown("$0", "bash");
        }
        other => fields.current().push_unknown(&other.to_string(), ""),
    }
}
