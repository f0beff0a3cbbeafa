//! The lines of a patch, with their numbers.

/// Goes through a patch line by line.
pub(super) struct Lines<'a> {
    lines: Vec<&'a str>,
    next: usize,
    /// Whether the whole patch came with `\r\n`: then that is how it was sent, and not what it says.
    carried: bool,
}

impl<'a> Lines<'a> {
    pub(super) fn of(patch: &'a str) -> Self {
        let mut lines: Vec<&str> = patch.split('\n').collect();
        if lines.last() == Some(&"") {
            lines.pop();
        }
        let of_hunks = || lines.iter().filter(|line| line.starts_with("@@ "));
        let carried = of_hunks().count() > 0 && of_hunks().all(|line| line.ends_with('\r'));
        Self { lines, next: 0, carried }
    }

    /// The line `ahead` of the next one, without taking it.
    pub(super) fn peek(&self, ahead: usize) -> Option<&'a str> {
        self.lines.get(self.next + ahead).map(|line| self.without_return(line))
    }

    /// The number of the next line, from 1.
    pub(super) const fn number(&self) -> usize {
        self.next + 1
    }

    fn without_return(&self, line: &'a str) -> &'a str {
        if self.carried { line.strip_suffix('\r').unwrap_or(line) } else { line }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let line = self.peek(0)?;
        self.next += 1;
        Some(line)
    }
}
