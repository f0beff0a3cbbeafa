//! Fitting hunks onto the bytes of a file.

use super::{Hunk, Line, Sign};

/// Most lines of a file that is patched.
const LINES_MAX: usize = 2_000_000;
/// Most lines that are compared while hunks are looked for: a patch of the worst kind ends, too.
const COMPARED_MAX: usize = 50_000_000;
/// Longest line that is shown in a refusal, in characters.
const SHOWN_CHARS: usize = 80;

/// A file with its hunks fitted.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::tools) struct Fitted {
    pub(in crate::tools) bytes: Vec<u8>,
    /// Hunks that were found elsewhere than they say: which, from 1, and by how many lines.
    pub(in crate::tools) moved: Vec<(usize, i64)>,
}

/// Fits `hunks` onto `file`. A file whose lines all end in `\r\n` keeps that, also when the patch was
/// written without.
///
/// # Errors
/// With the first hunk that does not fit, by its number, and what stands there instead.
pub(in crate::tools) fn fit(file: &[u8], hunks: &[Hunk]) -> Result<Fitted, String> {
    match Fitter::new(file)?.all(hunks) {
        Err(why) => match with_returns(file, hunks) {
            Some(hunks) => Fitter::new(file)?.all(&hunks).map_err(|_as_before| why),
            None => Err(why),
        },
        fitted => fitted,
    }
}

/// The hunks with `\r\n`, where all lines of the file end so and none of the patch.
fn with_returns(file: &[u8], hunks: &[Hunk]) -> Option<Vec<Hunk>> {
    let returns = |line: &[u8]| line.ends_with(b"\r\n") || !line.ends_with(b"\n");
    let of_file = file.split_inclusive(|byte| *byte == b'\n').all(returns);
    let of_patch = hunks.iter().flat_map(|hunk| &hunk.lines).any(|line| line.text.contains(&b'\r'));
    if !of_file || of_patch || !file.contains(&b'\r') {
        return None;
    }
    let mut hunks = hunks.to_vec();
    for line in hunks.iter_mut().flat_map(|hunk| &mut hunk.lines) {
        if line.text.pop_if(|last| *last == b'\n').is_some() {
            line.text.extend_from_slice(b"\r\n");
        }
    }
    Some(hunks)
}

struct Fitter<'a> {
    lines: Vec<&'a [u8]>,
    compared: usize,
}

impl<'a> Fitter<'a> {
    fn new(file: &'a [u8]) -> Result<Self, String> {
        let lines: Vec<&[u8]> =
            file.split_inclusive(|byte| *byte == b'\n').take(LINES_MAX + 1).collect();
        if lines.len() > LINES_MAX {
            return Err(format!("the file has more than {LINES_MAX} lines"));
        }
        Ok(Self { lines, compared: 0 })
    }

    fn all(mut self, hunks: &[Hunk]) -> Result<Fitted, String> {
        let (mut out, mut moved) = (Vec::new(), Vec::new());
        let (mut done, mut offset) = (0_usize, 0_i64);
        for (index, hunk) in hunks.iter().enumerate() {
            let about = |why: String| format!("hunk {} (line {}) {why}", index + 1, hunk.at);
            let old: Vec<&Line> = hunk.lines.iter().filter(|l| l.sign != Sign::Added).collect();
            let said = if old.is_empty() { hunk.start } else { hunk.start.saturating_sub(1) };
            let near = said.saturating_add_signed(isize::try_from(offset).unwrap_or(0));
            let at = self.place(&old, near, done).map_err(about)?;
            let by = difference(at, said);
            if by != 0 {
                moved.push((index + 1, by));
            }
            offset = by;
            out.extend_from_slice(&self.lines.get(done..at).unwrap_or_default().concat());
            let new = hunk.lines.iter().filter(|line| line.sign != Sign::Removed);
            new.for_each(|line| out.extend_from_slice(&line.text));
            done = at + old.len();
            self.ends_well(hunk, done).map_err(about)?;
        }
        out.extend_from_slice(&self.lines.get(done..).unwrap_or_default().concat());
        Ok(Fitted { bytes: out, moved })
    }

    /// Only the last line of a file may have no end.
    fn ends_well(&self, hunk: &Hunk, done: usize) -> Result<(), String> {
        let new: Vec<&Line> = hunk.lines.iter().filter(|l| l.sign != Sign::Removed).collect();
        let open = new.iter().rposition(|line| !line.text.ends_with(b"\n"));
        match open {
            Some(at) if at + 1 < new.len() || done < self.lines.len() => {
                Err("leaves a line without an end, and it is not the last one of the file"
                    .to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Where `old` stands: at `near`, or at the nearest place behind `from` where each line is the same.
    fn place(&mut self, old: &[&Line], near: usize, from: usize) -> Result<usize, String> {
        if old.is_empty() {
            let fits = near >= from && near <= self.lines.len();
            let why = "adds lines behind one that is not there; it has no line by which to find its place";
            return if fits { Ok(near) } else { Err(why.to_owned()) };
        }
        let last = self.lines.len().checked_sub(old.len());
        let Some(last) = last.filter(|last| *last >= from) else {
            return Err(self.unlike(old, near));
        };
        let farthest = near.abs_diff(from).max(near.abs_diff(last));
        for distance in 0..=farthest {
            let before = near.checked_sub(distance);
            let behind = Some(near + distance).filter(|_| distance > 0);
            for at in before.into_iter().chain(behind).filter(|at| (from..=last).contains(at)) {
                if self.fits(old, at)? {
                    return Ok(at);
                }
            }
        }
        Err(self.unlike(old, near))
    }

    fn fits(&mut self, old: &[&Line], at: usize) -> Result<bool, String> {
        for (index, line) in old.iter().enumerate() {
            self.compared += 1;
            if self.compared > COMPARED_MAX {
                return Err("would fit at too many places nearly: it is given up".to_owned());
            }
            if self.lines.get(at + index).is_none_or(|there| *there != line.text.as_slice()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What is different at the place where it should have been.
    fn unlike(&self, old: &[&Line], near: usize) -> String {
        for (index, line) in old.iter().enumerate() {
            let number = near + index + 1;
            match self.lines.get(near + index) {
                Some(there) if *there == line.text.as_slice() => {}
                Some(there) => {
                    let hint = match (there.ends_with(b"\n"), line.text.ends_with(b"\n")) {
                        (false, true) if line.text.starts_with(there) => {
                            "; the file has no newline at its end, and the patch does not say so"
                        }
                        _ => "",
                    };
                    return format!(
                        "does not fit: line {number} of the file is `{}`, the patch expects `{}`{hint}",
                        shown(there),
                        shown(&line.text)
                    );
                }
                None => {
                    return format!(
                        "does not fit: the file has {} lines, the patch expects `{}` in line {number}",
                        self.lines.len(),
                        shown(&line.text)
                    );
                }
            }
        }
        "does not fit behind the hunk before it".to_owned()
    }
}

fn difference(at: usize, said: usize) -> i64 {
    let by = i64::try_from(at.abs_diff(said)).unwrap_or(i64::MAX);
    if at < said { -by } else { by }
}

fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let mut short: String = text.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        short.push('…');
    }
    short
}
