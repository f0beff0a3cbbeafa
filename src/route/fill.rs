//! Values for slots, out of what is written in a goal. What is not clear stays empty, and what found no
//! place is told: whoever wrote it meant something by it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::slots::{Holds, Slot};
use super::spans::{Kind, Parts, Span, Way};
use super::words;
use crate::contracts::Map;

/// Words that a choice takes the careful one of, where nothing is said.
const CAREFUL: &str = "create";
/// Texts of a command that a shell would have to read.
const OF_A_SHELL: &[char] =
    &['|', '&', ';', '<', '>', '(', ')', '$', '`', '\\', '"', '\'', '*', '?', '[', '{', '~', '\n'];

/// What came of filling slots.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Filled {
    /// The values.
    pub(super) values: Map,
    /// Required slots without one.
    pub(super) missing: Vec<String>,
    /// What is written out in the goal and found no place.
    pub(super) unplaced: Vec<String>,
    /// Whether what is asked in plain words became a value.
    pub(super) took_matter: bool,
}

/// Fills `slots` from `parts`. Where `reads`, a directory that is not named is the workspace.
pub(super) fn fill(slots: &[Slot], parts: &Parts, reads: bool) -> Filled {
    let mut work = Work { slots, parts, used: BTreeSet::new(), values: Map::new() };
    work.addresses();
    work.commands();
    work.globs();
    work.paths();
    work.words();
    work.numbers();
    let took_matter = work.texts();
    work.quoted_paths();
    if reads {
        work.here();
    }
    work.done(took_matter)
}

struct Work<'a> {
    slots: &'a [Slot],
    parts: &'a Parts,
    /// Spans that have their place.
    used: BTreeSet<usize>,
    values: Map,
}

impl<'a> Work<'a> {
    fn put(&mut self, slot: &Slot, value: Value, span: Option<usize>) {
        self.values.insert(slot.name.clone(), value);
        self.used.extend(span);
    }

    /// Spans of these kinds without a place.
    fn left(&self, kinds: &[Kind]) -> Vec<(usize, &'a Span)> {
        let spans = self.parts.spans.iter().enumerate();
        spans
            .filter(|(index, span)| kinds.contains(&span.kind) && !self.used.contains(index))
            .collect()
    }

    /// Slots of this sort without a value.
    fn open(&self, of: impl Fn(&Holds) -> bool) -> Vec<&'a Slot> {
        let open = |slot: &&Slot| of(&slot.holds) && !self.values.contains_key(&slot.name);
        self.slots.iter().filter(open).collect()
    }

    /// The one span of this kind for the one slot of this sort.
    fn one_for_one(
        &mut self,
        kinds: &[Kind],
        of: impl Fn(&Holds) -> bool,
        value: impl Fn(&Slot, &Span) -> Option<Value>,
    ) {
        let (spans, slots) = (self.left(kinds), self.open(of));
        if let ([(index, span)], [slot]) = (spans.as_slice(), slots.as_slice())
            && let Some(value) = value(slot, span)
        {
            self.put(slot, value, Some(*index));
        }
    }

    fn addresses(&mut self) {
        let is = |holds: &Holds| *holds == Holds::Url;
        self.one_for_one(&[Kind::Url], is, |_, span| Some(json!(span.text)));
    }

    /// A command is never put together: it stands between backticks or quotation marks, in plain words.
    fn commands(&mut self) {
        let is = |holds: &Holds| matches!(holds, Holds::Command { .. });
        let code = self.left(&[Kind::Code]);
        let kinds: &[Kind] = if code.is_empty() { &[Kind::Quoted] } else { &[Kind::Code] };
        self.one_for_one(kinds, is, |slot, span| {
            // A tool that can do without a command is for something else.
            if !slot.required {
                return None;
            }
            let words: Vec<&str> = span.text.split_whitespace().collect();
            if span.text.contains(OF_A_SHELL) || words.is_empty() {
                return None;
            }
            let list = slot.holds == Holds::Command { list: true };
            Some(if list { json!(words) } else { json!(words.join(" ")) })
        });
    }

    fn globs(&mut self) {
        let is = |holds: &Holds| *holds == Holds::Glob;
        self.one_for_one(&[Kind::Glob], is, |_, span| Some(json!(span.text)));
    }

    fn paths(&mut self) {
        let is = |holds: &Holds| matches!(holds, Holds::Path { .. });
        // Those that say which way they are meant, first.
        for (index, span) in self.left(&[Kind::Path]) {
            let Some(way) = span.way() else { continue };
            let fits = |slot: &&&Slot| fits(slot, way, self.slots);
            let open = self.open(is);
            let fitting: Vec<&&Slot> = open.iter().filter(fits).collect();
            if let [slot] = fitting.as_slice() {
                self.put(slot, path_value(slot, &span.text), Some(index));
            }
        }
        // Then the one that is left, for the one that is needed.
        let needed: Vec<&Slot> = self.open(is).into_iter().filter(|slot| slot.required).collect();
        let left: Vec<(usize, &Span)> =
            self.left(&[Kind::Path]).into_iter().filter(|(_, span)| span.way().is_none()).collect();
        let commands = self.slots.iter().any(|slot| matches!(slot.holds, Holds::Command { .. }));
        let moved = needed.iter().copied().find(|slot| slot.name == "from");
        let open = match (needed.is_empty(), moved) {
            (_, Some(from)) => vec![from],
            // Where a command runs is no matter of a path that stands by itself.
            (true, None) if !commands => self.open(is),
            _ => needed,
        };
        if let ([(index, span)], [slot]) = (left.as_slice(), open.as_slice()) {
            self.put(slot, path_value(slot, &span.text), Some(*index));
        }
    }

    /// Choices and flags that the words of the goal name.
    fn words(&mut self) {
        let said = words::named(&self.parts.words);
        for slot in self.slots {
            match &slot.holds {
                Holds::Choice(choices) => {
                    let named =
                        |choice: &&String| said.contains(&words::stem(&choice.to_lowercase()));
                    let named: Vec<&String> = choices.iter().filter(named).collect();
                    match named.as_slice() {
                        [one] => self.put(slot, json!(one), None),
                        [] if choices.iter().any(|choice| choice == CAREFUL) => {
                            self.put(slot, json!(CAREFUL), None);
                        }
                        _ => {}
                    }
                }
                Holds::Flag if !slot.words.is_empty() => {
                    let own = words::named(&slot.name.replace('_', " "));
                    if own.iter().all(|word| said.contains(word)) {
                        self.put(slot, json!(true), None);
                    }
                }
                _ => {}
            }
        }
    }

    /// A number beside the name of what it is.
    fn numbers(&mut self) {
        for (index, span) in self.left(&[Kind::Number]) {
            let Ok(number) = span.text.parse::<u64>() else { continue };
            let beside: BTreeSet<String> =
                words::named(&format!("{} {}", span.before.join(" "), span.after));
            let is = |holds: &Holds| *holds == Holds::Whole;
            let meant: Vec<&Slot> =
                self.open(is).into_iter().filter(|slot| !slot.words.is_disjoint(&beside)).collect();
            if let [slot] = meant.as_slice() {
                self.put(slot, json!(number), Some(index));
            }
        }
    }

    /// Texts: what is quoted, and for expressions a word in capitals. True where a question in plain words
    /// was taken.
    fn texts(&mut self) -> bool {
        let quoted = [Kind::Quoted, Kind::Code];
        let is_text =
            |holds: &Holds| matches!(holds, Holds::Text | Holds::Expression | Holds::Question);
        // `title "x"`: the word before says what for.
        for (index, span) in self.left(&quoted) {
            let Some(word) = span.before.first() else { continue };
            let meant: Vec<&Slot> =
                self.open(is_text).into_iter().filter(|slot| slot.name == *word).collect();
            if let [slot] = meant.as_slice() {
                self.put(slot, text_value(slot, span), Some(index));
            }
        }
        let needed: Vec<&Slot> =
            self.open(is_text).into_iter().filter(|slot| slot.required).collect();
        let [slot] = needed.as_slice() else { return false };
        if let [(index, span)] = self.left(&quoted).as_slice() {
            self.put(slot, text_value(slot, span), Some(*index));
        } else if let (Holds::Expression, [(index, span)]) =
            (&slot.holds, self.left(&[Kind::Marker]).as_slice())
        {
            self.put(slot, json!(format!(r"\b{}\b", regex::escape(&span.text))), Some(*index));
        } else if let (Holds::Question, Some(matter)) = (&slot.holds, &self.parts.matter) {
            self.put(slot, json!(matter), None);
            return true;
        }
        false
    }

    /// A path between quotation marks, where nothing else wanted it.
    fn quoted_paths(&mut self) {
        let is = |holds: &Holds| matches!(holds, Holds::Path { .. });
        let needed: Vec<&Slot> = self.open(is).into_iter().filter(|slot| slot.required).collect();
        let left = self.left(&[Kind::Quoted, Kind::Code]);
        if let ([(index, span)], [slot]) = (left.as_slice(), needed.as_slice())
            && !span.text.contains('\n')
        {
            self.put(slot, path_value(slot, &span.text), Some(*index));
        }
    }

    fn here(&mut self) {
        let is = |holds: &Holds| matches!(holds, Holds::Path { directory: true, .. });
        let needed: Vec<&Slot> = self.open(is).into_iter().filter(|slot| slot.required).collect();
        if let [slot] = needed.as_slice() {
            self.put(slot, path_value(slot, "."), None);
        }
    }

    fn done(self, took_matter: bool) -> Filled {
        let missing = |slot: &&Slot| slot.required && !self.values.contains_key(&slot.name);
        let missing = self.slots.iter().filter(missing).map(|slot| slot.name.clone()).collect();
        let spans = self.parts.spans.iter().enumerate();
        let unplaced = spans
            .filter(|(index, span)| span.is_concrete() && !self.used.contains(index))
            .map(|(_, span)| span.text.clone())
            .collect();
        Filled { values: self.values, missing, unplaced, took_matter }
    }
}

/// Whether a path that is meant this way belongs into the slot: one that is called so, else one that is
/// written or read accordingly.
fn fits(slot: &Slot, way: Way, slots: &[Slot]) -> bool {
    let (own, called) = match way {
        Way::From => ("from", slots.iter().any(|slot| slot.name == "from")),
        Way::To => ("to", slots.iter().any(|slot| slot.name == "to")),
    };
    if called {
        return slot.name == own;
    }
    let Holds::Path { written, .. } = slot.holds else { return false };
    match way {
        // Things are written in files as well as into them.
        Way::From => !written || slots.iter().filter(|slot| is_path(slot)).count() == 1,
        Way::To => written,
    }
}

fn is_path(slot: &Slot) -> bool {
    matches!(slot.holds, Holds::Path { .. })
}

fn path_value(slot: &Slot, path: &str) -> Value {
    match slot.holds {
        Holds::Path { many: true, .. } => json!([path]),
        _ => json!(path),
    }
}

/// Between quotation marks a text means itself; between backticks an expression means what it says.
fn text_value(slot: &Slot, span: &Span) -> Value {
    match (&slot.holds, span.kind) {
        (Holds::Expression, Kind::Quoted) => json!(regex::escape(&span.text)),
        _ => json!(span.text),
    }
}
