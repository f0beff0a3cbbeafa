//! Finding places inside of texts: the tree knows where a text begins, not where its parts do.

use crate::yaml::Place;

/// Longest line in which places inside of texts are looked for, in bytes.
const LINE_BYTES_MAX: usize = 16 * 1024;

/// The file's text, by lines.
#[derive(Debug)]
pub(in crate::playbook) struct Source<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
}

/// Where an expression begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::playbook) struct Spot {
    /// The place of its first character, or of the text it stands in.
    pub(in crate::playbook) place: Place,
    /// Whether it stands in the file exactly as it was read, so that a place inside of it can be
    /// counted in characters.
    pub(in crate::playbook) exact: bool,
}

impl<'a> Source<'a> {
    pub(in crate::playbook) fn new(text: &'a str) -> Self {
        let breaks = text.match_indices('\n').map(|(index, _)| index + 1);
        Self { text, line_starts: std::iter::once(0).chain(breaks).collect() }
    }

    /// Where the expression `expression` begins that is the whole text at `place`.
    pub(in crate::playbook) fn whole(&self, place: Place, expression: &str) -> Spot {
        let loose = Spot { place, exact: false };
        let Some(start) = self.offset(place) else { return loose };
        let Some(rest) = self.text.get(start..) else { return loose };
        let quotes = rest.len() - rest.trim_start_matches(['"', '\'']).len();
        self.spot(start + quotes.min(1), expression).unwrap_or(loose)
    }

    /// Where the `index`th `${{` expression of the text at `place` begins.
    pub(in crate::playbook) fn part(&self, place: Place, index: usize, expression: &str) -> Spot {
        let loose = Spot { place, exact: false };
        let Some(start) = self.offset(place) else { return loose };
        let Some(rest) = self.text.get(start..) else { return loose };
        let found = rest.match_indices("${{").nth(index);
        found.and_then(|(at, _)| self.spot(start + at + 3, expression)).unwrap_or(loose)
    }

    /// The spot at `start` and the blanks behind it, if `expression` stands there.
    fn spot(&self, start: usize, expression: &str) -> Option<Spot> {
        let rest = self.text.get(start..)?;
        let blanks = rest.len() - rest.trim_start().len();
        let begins = rest.get(blanks..)?;
        let expression = expression.trim();
        let exact = begins.starts_with(expression);
        let first_word = expression.split(['"', '\\', '\n']).next().unwrap_or_default();
        (exact || begins.starts_with(first_word))
            .then(|| Spot { place: self.place(start + blanks), exact })
    }

    /// The byte offset of a place. `None` in a line so long that counting in it is a burden.
    fn offset(&self, place: Place) -> Option<usize> {
        let line = usize::try_from(place.line).ok()?.checked_sub(1)?;
        let start = *self.line_starts.get(line)?;
        let end = self.line_starts.get(line + 1).copied().unwrap_or(self.text.len());
        if end.saturating_sub(start) > LINE_BYTES_MAX {
            return None;
        }
        let before = usize::try_from(place.column).ok()?.checked_sub(1)?;
        let rest = self.text.get(start..)?;
        rest.char_indices()
            .map(|(index, _)| index)
            .chain([rest.len()])
            .nth(before)
            .map(|i| start + i)
    }

    /// The place of a byte offset.
    fn place(&self, offset: usize) -> Place {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start..offset).map_or(0, |text| text.chars().count());
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Place { line: narrow(line), column: narrow(before + 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, column: u32) -> Place {
        Place { line, column }
    }

    #[test]
    fn finds_expressions_in_texts_of_every_style() {
        let source = Source::new("a: \"ä ${{ x }} ${{y}}\"\nb: |\n  one\n  ${{ z }}\nc: 'q.r'\n");
        assert_eq!(source.part(at(1, 4), 0, " x "), Spot { place: at(1, 11), exact: true });
        assert_eq!(source.part(at(1, 4), 1, "y"), Spot { place: at(1, 19), exact: true });
        assert_eq!(source.part(at(2, 4), 0, " z "), Spot { place: at(4, 7), exact: true });
        assert_eq!(source.whole(at(5, 4), "q.r"), Spot { place: at(5, 5), exact: true });
    }

    #[test]
    fn falls_back_to_the_text_when_it_is_written_otherwise() {
        let source = Source::new("a: \"f(\\\"x\\\")\"\nb: *alias\n");
        assert_eq!(source.whole(at(1, 4), "f(\"x\")"), Spot { place: at(1, 5), exact: false });
        assert_eq!(source.part(at(2, 4), 0, "x"), Spot { place: at(2, 4), exact: false });
        assert_eq!(source.whole(at(9, 1), "x"), Spot { place: at(9, 1), exact: false });
    }
}
