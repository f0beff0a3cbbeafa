//! What reading collects: mistakes, expressions and uses of tools.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::fragments::Fragments;
use super::source::Source;
use super::tree::Tree;
use crate::contracts::{Diagnostic, Map, Severity};
use crate::playbook::expression::{Evaluator, Piece, split};
use crate::playbook::{LintLimits, Playbook};
use crate::ports::Vocabulary;
use crate::yaml::{Fields, Node, Place, Value};

/// Most expressions in one text.
const EXPRESSIONS_MAX: usize = 100;

/// Most mistakes that are looked for; who has made more has made the same one many times.
pub(in crate::playbook) const MISTAKES_MAX: usize = 1_000;

/// Where an expression stands, for what it can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::playbook) enum Section {
    /// Evaluated before the first step.
    Start,
    /// In this step of the tree.
    Step(usize),
    /// In `verify`.
    Verify,
    /// In `outputs` and `remember`.
    End,
}

/// What an expression can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::playbook) struct Context {
    /// The file, as an index of [`Reader::files`].
    pub(in crate::playbook) file: usize,
    pub(in crate::playbook) section: Section,
    /// The names given by `as:`, outermost first, where they count.
    pub(in crate::playbook) items: Vec<String>,
}

impl Context {
    /// A place in the playbook's own file, outside of its steps.
    pub(super) const fn plain(section: Section) -> Self {
        Self { file: 0, section, items: Vec::new() }
    }
}

/// An expression and where it stands.
#[derive(Debug)]
pub(in crate::playbook) struct Site {
    pub(in crate::playbook) expression: String,
    pub(in crate::playbook) place: Place,
    pub(in crate::playbook) exact: bool,
    pub(in crate::playbook) context: Context,
    /// Whether it must be `true` or `false`.
    pub(in crate::playbook) condition: bool,
}

/// A tool that is named, with its arguments when it is called.
#[derive(Debug)]
pub(in crate::playbook) struct ToolUse {
    pub(in crate::playbook) tool: String,
    pub(in crate::playbook) place: Place,
    /// The arguments; `None` for a tool that is only named. Absent arguments are an empty node.
    pub(in crate::playbook) args: Option<Node>,
    pub(in crate::playbook) context: Context,
}

/// A playbook that is called.
#[derive(Debug)]
pub(in crate::playbook) struct CallUse {
    /// Its name or path, as written.
    pub(in crate::playbook) playbook: String,
    pub(in crate::playbook) place: Place,
    /// Its inputs: a mapping, or nothing.
    pub(in crate::playbook) inputs: Option<Node>,
    pub(in crate::playbook) context: Context,
}

/// The state of reading one playbook.
pub(in crate::playbook) struct Reader<'a> {
    /// The file that is read or checked now.
    pub(in crate::playbook) file: &'a str,
    pub(in crate::playbook) source: Source<'a>,
    /// The playbook's own file, and those of its fragments, each as often as it is included.
    files: Vec<&'a str>,
    /// Which of them is read now.
    current: usize,
    pub(super) fragments: &'a Fragments,
    /// Paths of the fragments around what is read now.
    pub(super) including: Vec<String>,
    /// How many fragments were included so far.
    pub(super) includes: usize,
    pub(super) counter: u32,
    pub(in crate::playbook) vocabulary: &'a Vocabulary,
    pub(in crate::playbook) limits: &'a LintLimits,
    pub(in crate::playbook) evaluator: Evaluator,
    pub(in crate::playbook) mistakes: Vec<Diagnostic>,
    pub(in crate::playbook) sites: Vec<Site>,
    pub(in crate::playbook) uses: Vec<ToolUse>,
    pub(in crate::playbook) calls: Vec<CallUse>,
    /// Every step and where it stands, also those that could not be read.
    pub(in crate::playbook) tree: Tree,
    /// Whether a gate leads back after a comment, so that there is `inputs.feedback`.
    pub(in crate::playbook) feedback: bool,
    /// The playbooks it calls that can be called, by their names as written.
    pub(in crate::playbook) called: BTreeMap<String, Arc<Playbook>>,
    /// Of the playbooks it calls, those in which a person is asked, with which gate it is.
    pub(in crate::playbook) asking: BTreeMap<String, String>,
    /// The input that gets a webhook's body.
    pub(in crate::playbook) hook: Option<(String, Place)>,
    /// Inputs that stand in command lines, so that who calls the playbook can be warned.
    pub(in crate::playbook) shell_inputs: BTreeSet<String>,
    /// Ids of steps that scenarios name.
    pub(in crate::playbook) named: Vec<(String, Place)>,
    /// Names of inputs, also of those that could not be read.
    pub(in crate::playbook) inputs: Vec<String>,
    /// Inputs that scenarios give.
    pub(in crate::playbook) given: Vec<(Map, Place)>,
    /// Secrets whose placeholders are written out.
    pub(in crate::playbook) secrets: Vec<(String, usize, Place)>,
    #[cfg(test)]
    pub(in crate::playbook) keys: Vec<(&'a str, Vec<&'static str>)>,
}

impl<'a> Reader<'a> {
    /// A reader of the file `file` with the content `text`.
    pub(in crate::playbook) fn new(
        file: &'a str,
        text: &'a str,
        vocabulary: &'a Vocabulary,
        limits: &'a LintLimits,
        fragments: &'a Fragments,
    ) -> Self {
        Self {
            file,
            source: Source::new(text),
            files: vec![file],
            current: 0,
            fragments,
            including: Vec::new(),
            includes: 0,
            counter: 0,
            vocabulary,
            limits,
            evaluator: Evaluator::new(limits.expressions()),
            mistakes: Vec::new(),
            sites: Vec::new(),
            uses: Vec::new(),
            calls: Vec::new(),
            tree: Tree::default(),
            feedback: false,
            called: BTreeMap::new(),
            asking: BTreeMap::new(),
            hook: None,
            shell_inputs: BTreeSet::new(),
            named: Vec::new(),
            inputs: Vec::new(),
            given: Vec::new(),
            secrets: Vec::new(),
            #[cfg(test)]
            keys: Vec::new(),
        }
    }

    /// Goes on in the file of a fragment. Returns what [`Reader::leave`] needs.
    pub(super) fn enter(&mut self, file: &'a str, source: Source<'a>) -> (usize, Source<'a>) {
        let before = (self.current, std::mem::replace(&mut self.source, source));
        self.files.push(file);
        self.current = self.files.len() - 1;
        self.file = file;
        before
    }

    /// Goes back to the file before.
    pub(super) fn leave(&mut self, (current, source): (usize, Source<'a>)) {
        self.current = current;
        self.source = source;
        self.look_at(current);
    }

    /// Mistakes are noted for this file from now on, an index as in [`Context::file`].
    pub(in crate::playbook) fn look_at(&mut self, file: usize) {
        self.file = self.files.get(file).copied().unwrap_or(self.file);
    }

    /// The file at this index.
    pub(in crate::playbook) fn file_at(&self, file: usize) -> &'a str {
        self.files.get(file).copied().unwrap_or(self.file)
    }

    /// Which file is read now.
    pub(super) const fn current(&self) -> usize {
        self.current
    }

    /// The fields of `node`, or a mistake.
    pub(super) fn fields(&mut self, what: &'a str, node: &'a Node) -> Option<Fields<'a>> {
        Fields::of(self.file, what, node, &mut self.mistakes)
    }

    /// Whether there are so many mistakes that looking for more is of no use.
    pub(in crate::playbook) fn is_full(&self) -> bool {
        self.mistakes.len() >= MISTAKES_MAX
    }

    /// Notes a mistake.
    pub(in crate::playbook) fn error(
        &mut self,
        place: Place,
        code: &str,
        message: impl Into<String>,
    ) {
        self.mistakes.push(place.error(self.file, code, message));
    }

    /// Notes a mistake with what to write instead.
    pub(in crate::playbook) fn hinted(
        &mut self,
        place: Place,
        code: &str,
        message: impl Into<String>,
        suggestion: Option<String>,
    ) {
        let mut diagnostic = place.error(self.file, code, message);
        diagnostic.suggestion = suggestion;
        self.mistakes.push(diagnostic);
    }

    /// Notes something that is worth a look.
    pub(in crate::playbook) fn warning(
        &mut self,
        place: Place,
        code: &str,
        message: impl Into<String>,
        suggestion: impl Into<String>,
    ) {
        self.hinted(place, code, message, Some(suggestion.into()));
        if let Some(last) = self.mistakes.last_mut() {
            last.severity = Severity::Warning;
        }
    }

    /// Closes a mapping: every key nobody asked for is a mistake.
    pub(super) fn finish(&mut self, what: &'a str, fields: Fields<'a>) {
        #[cfg(test)]
        self.keys.push((what, fields.known().to_vec()));
        let _ = what;
        fields.finish(&mut self.mistakes);
    }

    /// Reads the whole text at `node` as one expression.
    pub(super) fn expression(&mut self, node: &Node, context: &Context) -> Option<String> {
        let Value::Text { text, .. } = &node.value else {
            let message = format!("an expression is a text, not {}", node.kind());
            self.hinted(node.place, "wrong-type", message, Some("put it in quotes".to_owned()));
            return None;
        };
        let spot = self.source.whole(node.place, text);
        self.sites.push(Site {
            expression: text.clone(),
            place: spot.place,
            exact: spot.exact,
            context: context.clone(),
            condition: true,
        });
        Some(text.clone())
    }

    /// Reads every `${{ … }}` in the texts of `node`, at any depth.
    pub(super) fn template(&mut self, node: &Node, context: &Context) {
        match &node.value {
            Value::Text { text, plain } => {
                if *plain {
                    self.trap(node, text);
                }
                self.text(node.place, text, context);
            }
            Value::List(items) => items.iter().for_each(|item| self.template(item, context)),
            Value::Map(entries) => {
                entries.iter().for_each(|entry| self.template(&entry.value, context));
            }
            Value::Float { text, .. } if text.contains(['e', 'E']) => {
                let message = format!("`{text}` is a number here");
                self.warning(
                    node.place,
                    "yaml-trap",
                    message,
                    "put it in quotes to make it a text",
                );
            }
            _ => {}
        }
    }

    fn text(&mut self, place: Place, text: &str, context: &Context) {
        for (_, after) in text
            .match_indices("${secret:")
            .filter_map(|(at, open)| text.split_at_checked(at + open.len()))
        {
            let name = after.split('}').next().unwrap_or_default();
            self.secrets.push((name.to_owned(), context.file, place));
        }
        let pieces = match split(text) {
            Ok(pieces) => pieces,
            Err(index) => {
                let spot = self.source.part(place, index, "");
                let message = "`${{` has no closing `}}`";
                return self.error(spot.place, "bad-expression", message);
            }
        };
        let expressions = pieces.iter().filter_map(|piece| match piece {
            Piece::Expression(expression) => Some(*expression),
            Piece::Text(_) => None,
        });
        for (index, expression) in expressions.enumerate() {
            if index >= EXPRESSIONS_MAX {
                let message = format!("more than {EXPRESSIONS_MAX} expressions in one text");
                return self.error(place, "too-many-expressions", message);
            }
            let spot = self.source.part(place, index, expression);
            self.sites.push(Site {
                expression: expression.to_owned(),
                place: spot.place,
                exact: spot.exact,
                context: context.clone(),
                condition: false,
            });
        }
    }

    fn trap(&mut self, node: &Node, text: &str) {
        if ["yes", "no", "on", "off"].contains(&text.to_ascii_lowercase().as_str()) {
            let message = format!("`{text}` is a text in YAML 1.2, not a boolean");
            let suggestion = "write `true` or `false`, or put it in quotes";
            self.warning(node.place, "yaml-trap", message, suggestion);
        }
    }
}
