//! Commands that hold commands: groups, loops, branches, functions.

use brush_parser::ast::{
    CaseClauseCommand, Command, CompoundCommand, CompoundList, ExtendedTestExpr, ForClauseCommand,
    FunctionDefinition, IfClauseCommand,
};

use super::parameter::holds_command;
use super::{Output, Scope, Stdin, Walker, Word};
use crate::command::limits::LOOP_VALUES_MAX;

impl Walker {
    /// Walks one command of any kind.
    pub(super) fn command(
        &mut self,
        scope: &mut Scope,
        command: &Command,
        stdin: &Stdin,
    ) -> Output {
        if !self.step() {
            return None;
        }
        match command {
            Command::Simple(simple) => self.simple(scope, simple, stdin),
            Command::Compound(compound, redirects) => {
                let redirects = redirects.as_ref().map_or(&[][..], |list| &list.0);
                let found = self.redirects(scope, redirects);
                let stdin = found.stdin.clone().or_else(|| stdin.clone());
                let output =
                    self.inside("", |walker| walker.compound(scope, compound, &stdin)).flatten();
                let quiet = found.takes_output;
                self.bare_redirects(scope, found);
                if quiet { None } else { output }
            }
            Command::Function(function) => {
                self.function(scope, function);
                Some(String::new())
            }
            Command::ExtendedTest(test, redirects) => {
                self.test(scope, &test.expr);
                let redirects = redirects.as_ref().map_or(&[][..], |list| &list.0);
                let found = self.redirects(scope, redirects);
                self.bare_redirects(scope, found);
                Some(String::new())
            }
        }
    }

    fn compound(&mut self, scope: &mut Scope, compound: &CompoundCommand, stdin: &Stdin) -> Output {
        match compound {
            CompoundCommand::BraceGroup(group) => self.list(scope, &group.list, stdin),
            CompoundCommand::Subshell(shell) => self.list(&mut scope.clone(), &shell.list, stdin),
            CompoundCommand::Arithmetic(sum) => {
                self.arithmetic(scope, &sum.expr.value);
                Some(String::new())
            }
            CompoundCommand::ArithmeticForClause(turn) => {
                for part in
                    [&turn.initializer, &turn.condition, &turn.updater].into_iter().flatten()
                {
                    self.arithmetic(scope, &part.value);
                }
                self.repeat(scope, |walker, scope| {
                    walker.list(scope, &turn.body.list, stdin);
                });
                None
            }
            CompoundCommand::ForClause(turn) => self.each(scope, turn, stdin),
            CompoundCommand::CaseClause(case) => self.case(scope, case, stdin),
            CompoundCommand::IfClause(branch) => self.branches(scope, branch, stdin),
            CompoundCommand::WhileClause(turn) | CompoundCommand::UntilClause(turn) => {
                self.repeat(scope, |walker, scope| {
                    walker.list(scope, &turn.0, stdin);
                    walker.list(scope, &turn.1.list, stdin);
                });
                None
            }
            CompoundCommand::Coprocess(coprocess) => {
                self.command(&mut scope.clone(), &coprocess.body, stdin);
                None
            }
        }
    }

    /// A body that may run any number of times: what it changes is not known after, nor inside.
    fn repeat(&mut self, scope: &mut Scope, body: impl Fn(&mut Self, &mut Scope)) {
        let before = scope.clone();
        body(self, scope);
        if *scope != before {
            scope.join(&before);
            body(self, scope);
            scope.join(&before);
        }
    }

    fn each(&mut self, scope: &mut Scope, turn: &ForClauseCommand, stdin: &Stdin) -> Output {
        let mut values: Vec<Word> = Vec::new();
        match &turn.values {
            Some(words) => {
                words.iter().for_each(|word| values.extend(self.words(scope, &word.value)))
            }
            None => values.push(Word::unknown("$@")),
        }
        let known = values.len() <= LOOP_VALUES_MAX && values.iter().all(|value| !value.open);
        if !known {
            values = vec![Word::unknown(&format!("${}", turn.variable_name))];
        }
        for value in values {
            let text = (!value.open).then(|| value.text.clone());
            self.repeat(scope, |walker, scope| {
                scope.set(&turn.variable_name, text.clone());
                walker.list(scope, &turn.body.list, stdin);
            });
        }
        None
    }

    fn case(&mut self, scope: &mut Scope, case: &CaseClauseCommand, stdin: &Stdin) -> Output {
        self.words(scope, &case.value.value);
        let before = scope.clone();
        for item in &case.cases {
            for pattern in &item.patterns {
                self.words(scope, &pattern.value);
            }
            if let Some(list) = &item.cmd {
                self.maybe(scope, &before, list, stdin);
            }
        }
        None
    }

    fn branches(&mut self, scope: &mut Scope, branch: &IfClauseCommand, stdin: &Stdin) -> Output {
        self.list(scope, &branch.condition, stdin);
        let before = scope.clone();
        self.maybe(scope, &before, &branch.then, stdin);
        for other in branch.elses.iter().flatten() {
            if let Some(condition) = &other.condition {
                self.maybe(scope, &before, condition, stdin);
            }
            self.maybe(scope, &before, &other.body, stdin);
        }
        None
    }

    /// A list that may run, from `before` on.
    fn maybe(&mut self, scope: &mut Scope, before: &Scope, list: &CompoundList, stdin: &Stdin) {
        let mut then = before.clone();
        then.join(scope);
        self.list(&mut then, list, stdin);
        scope.join(&then);
    }

    /// The body is looked at where it is defined, with arguments that are not known.
    fn function(&mut self, scope: &Scope, function: &FunctionDefinition) {
        self.defined.insert(function.fname.value.clone());
        let body = Command::Compound(function.body.0.clone(), function.body.1.clone());
        let mut inner = scope.clone();
        inner.go(None);
        inner.may_be_in(&scope.cwds);
        self.inside("function", |walker| walker.command(&mut inner, &body, &None));
    }

    fn test(&mut self, scope: &mut Scope, test: &ExtendedTestExpr) {
        if !self.step() {
            return;
        }
        match test {
            ExtendedTestExpr::And(left, right) | ExtendedTestExpr::Or(left, right) => {
                self.test(scope, left);
                self.test(scope, right);
            }
            ExtendedTestExpr::Not(inner) | ExtendedTestExpr::Parenthesized(inner) => {
                self.test(scope, inner);
            }
            ExtendedTestExpr::UnaryTest(_, word) => drop(self.words(scope, &word.value)),
            ExtendedTestExpr::BinaryTest(_, left, right) => {
                self.words(scope, &left.value);
                self.words(scope, &right.value);
            }
        }
    }

    /// Substitutions of a sum run, and names in it may be set by it.
    pub(super) fn arithmetic(&mut self, scope: &mut Scope, text: &str) {
        if text.contains(['$', '`']) {
            self.words(scope, &format!("\"{}\"", text.replace('"', "")));
        }
        for name in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            if scope.value(name).is_some_and(holds_command) {
                self.hide(format!("a sum reads `{name}`, and a command stands in that"));
            }
            if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && scope.is_set(name)
            {
                scope.set(name, None);
            }
        }
    }
}
