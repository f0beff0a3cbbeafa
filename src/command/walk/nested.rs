//! Lines inside lines.

use brush_parser::ast::SubshellCommand;

use super::{Output, Scope, Source, Stdin, Walker, Word};

impl Walker {
    /// A line that runs in a shell of its own.
    pub(super) fn nested(&mut self, scope: &Scope, via: &str, text: &str, stdin: &Stdin) -> Output {
        let mut inner = scope.clone();
        self.inside(via, |walker| walker.text(&mut inner, text, stdin)).flatten()
    }

    /// A word that is a line: what is not known in it makes it opaque, and the rest is looked at.
    pub(super) fn nested_word(
        &mut self,
        scope: &Scope,
        via: &str,
        word: &Word,
        stdin: &Stdin,
    ) -> Output {
        if word.open {
            self.hide(format!("the text that `{via}` runs is not known: `{}`", word.text));
            let output = self.nested(scope, via, &word.bare, stdin);
            drop(output);
            return None;
        }
        self.nested(scope, via, &word.text, stdin)
    }

    /// Words that become one line.
    pub(super) fn nested_words(
        &mut self,
        scope: &Scope,
        via: &str,
        words: &[Word],
        stdin: &Stdin,
    ) -> Output {
        let mut all = Word::default();
        for (index, word) in words.iter().enumerate() {
            if index > 0 {
                all.push(" ");
            }
            all.text.push_str(&word.text);
            all.bare.push_str(&word.bare);
            all.open |= word.open;
        }
        self.nested_word(scope, via, &all, stdin)
    }

    /// `<(…)` and `>(…)`: a file that is a command.
    pub(super) fn process(&mut self, scope: &Scope, shell: &SubshellCommand) -> Word {
        let from = self.leaves.len();
        let mut inner = scope.clone();
        let text = self
            .inside("substitution", |walker| {
                walker.list(&mut inner, &shell.list, &Some(Source::default()))
            })
            .flatten();
        let fetched = self.fetched_since(from);
        let mut word = Word::known("/dev/fd/63");
        word.fetched = fetched;
        word.source = Some(Box::new(Source { text, fetched }));
        word
    }
}
