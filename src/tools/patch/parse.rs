//! From text to what it does to each file, or which line cannot be read and why.

use super::header::{self, Header};
use super::lines::Lines;
use super::{FILES_MAX, FilePatch, Hunk, Line, Sign, What};

/// Most hunks of a patch.
const HUNKS_MAX: usize = 10_000;
/// Most parts that are taken off names.
const STRIP_MAX: usize = 64;

/// Reads a patch. `strip` parts are taken off its names; git's `a/` and `b/` where it is not said.
///
/// # Errors
/// With the line that cannot be read, or the file that a patch cannot change here.
pub(in crate::tools) fn parse(patch: &str, strip: Option<usize>) -> Result<Vec<FilePatch>, String> {
    if strip.is_some_and(|strip| strip > STRIP_MAX) {
        return Err(format!("`strip` is more than {STRIP_MAX}"));
    }
    let mut lines = Lines::of(patch);
    let mut files = Vec::new();
    let mut hunks = 0;
    while let Some(header) = next_header(&mut lines)? {
        let at = lines.number();
        let about = |why: String| format!("file {} of the patch: {why}", files.len() + 1);
        let what = header.what(strip).map_err(about)?;
        let of_file = hunks_of(&mut lines, files.len() + 1, &mut hunks)?;
        let file = FilePatch { what, mode: header.mode, hunks: of_file };
        whole(&file, &header, at)?;
        files.push(file);
        if files.len() > FILES_MAX {
            return Err(format!("it is about more than {FILES_MAX} files"));
        }
    }
    if files.is_empty() {
        return Err("it has no `--- ` and `+++ ` lines: it is no unified diff".to_owned());
    }
    each_once(&files)?;
    Ok(files)
}

/// Whether the hunks are what the header says.
fn whole(file: &FilePatch, header: &Header, at: usize) -> Result<(), String> {
    let path = file.path().escape_debug();
    let only = |sign| file.hunks.iter().flat_map(|hunk| &hunk.lines).all(|line| line.sign == sign);
    match &file.what {
        What::Create { .. } if !only(Sign::Added) => {
            Err(format!("`{path}` is new, and the patch expects lines in it"))
        }
        What::Delete { .. } if !only(Sign::Removed) => {
            Err(format!("`{path}` is deleted, and the patch leaves lines in it"))
        }
        What::Modify { .. } if file.hunks.is_empty() && header.mode.is_none() => {
            Err(format!("`{path}` has no hunk (line {at}): nothing is said to change"))
        }
        _ => Ok(()),
    }
}

/// No path may be changed twice: which of the two came first would matter.
fn each_once(files: &[FilePatch]) -> Result<(), String> {
    let mut seen = std::collections::BTreeSet::new();
    for file in files {
        let paths = match &file.what {
            What::Rename { from, to } => vec![from, to],
            What::Copy { to, .. } => vec![to],
            What::Modify { path } | What::Create { path } | What::Delete { path } => vec![path],
        };
        for path in paths {
            if !seen.insert(path.clone()) {
                let path = path.escape_debug();
                return Err(format!("it changes `{path}` twice: make it two patches"));
            }
        }
    }
    Ok(())
}

/// Goes to the next file and reads what stands before its hunks. Text between files, such as the
/// message of a commit, is passed over.
fn next_header(lines: &mut Lines<'_>) -> Result<Option<Header>, String> {
    loop {
        let at = lines.number();
        let (Some(line), next) = (lines.peek(0), lines.peek(1)) else { return Ok(None) };
        if let Some(rest) = line.strip_prefix("diff --git ") {
            lines.next();
            let header = Header { git: true, both: header::both(rest), ..Header::default() };
            return extended(lines, header).map(Some);
        }
        if line.starts_with("--- ") && next.is_some_and(|next| next.starts_with("+++ ")) {
            let mut header = Header::default();
            names(lines, &mut header)?;
            return Ok(Some(header));
        }
        if line.starts_with("@@ -") {
            return Err(format!(
                "line {at}: a hunk without `--- ` and `+++ ` lines before it: which file is it about?"
            ));
        }
        binary(line, at)?;
        lines.next();
    }
}

/// The lines that git writes before `---`; there may be no `---` at all.
fn extended(lines: &mut Lines<'_>, mut header: Header) -> Result<Header, String> {
    loop {
        let at = lines.number();
        let Some(line) = lines.peek(0) else { return Ok(header) };
        let said = |why: String| format!("line {at}: {why}");
        let take = |rest: &str| header::name(rest).map_err(said);
        let bits = |rest: &str| header::mode(rest).map_err(said);
        if let Some(rest) = line.strip_prefix("old mode ") {
            bits(rest)?;
        } else if let Some(rest) = line.strip_prefix("new mode ") {
            header.mode = Some(bits(rest)?);
        } else if let Some(rest) = line.strip_prefix("deleted file mode ") {
            bits(rest)?;
            header.deleted = true;
        } else if let Some(rest) = line.strip_prefix("new file mode ") {
            header.mode = Some(bits(rest)?);
            header.created = true;
        } else if let Some(rest) = line.strip_prefix("rename from ") {
            header.renamed.0 = Some(take(rest)?);
        } else if let Some(rest) = line.strip_prefix("rename to ") {
            header.renamed.1 = Some(take(rest)?);
        } else if let Some(rest) = line.strip_prefix("copy from ") {
            header.copied.0 = Some(take(rest)?);
        } else if let Some(rest) = line.strip_prefix("copy to ") {
            header.copied.1 = Some(take(rest)?);
        } else if line.starts_with("--- ") {
            names(lines, &mut header)?;
            return Ok(header);
        } else if let Some(rest) = line.strip_prefix("index ") {
            // `index 1234567..89abcde 120000`: the mode where it does not change.
            if let Some((_, mode)) = rest.trim_end().split_once(' ') {
                bits(mode)?;
            }
        } else if !line.starts_with("similarity index ")
            && !line.starts_with("dissimilarity index ")
        {
            binary(line, at)?;
            return Ok(header);
        }
        lines.next();
    }
}

fn binary(line: &str, at: usize) -> Result<(), String> {
    let differs = line.starts_with("Binary files ") && line.trim_end().ends_with(" differ");
    if differs || line.trim_end() == "GIT binary patch" {
        return Err(format!(
            "line {at}: it changes a binary file, which is not done from a patch; write the file instead"
        ));
    }
    Ok(())
}

/// The lines `--- ` and `+++ `.
fn names(lines: &mut Lines<'_>, header: &mut Header) -> Result<(), String> {
    for (sign, name) in [("--- ", &mut header.old), ("+++ ", &mut header.new)] {
        let at = lines.number();
        let rest = lines.next().and_then(|line| line.strip_prefix(sign));
        let rest =
            rest.ok_or_else(|| format!("line {at}: here should stand `{sign}` and a name"))?;
        *name = Some(header::name(rest).map_err(|why| format!("line {at}: {why}"))?);
    }
    Ok(())
}

fn hunks_of(lines: &mut Lines<'_>, file: usize, all: &mut usize) -> Result<Vec<Hunk>, String> {
    let mut hunks: Vec<Hunk> = Vec::new();
    while lines.peek(0).is_some_and(|line| line.starts_with("@@ ")) {
        let number = hunks.len() + 1;
        let at = lines.number();
        let about = |why: String| format!("hunk {number} of file {file} (line {at}): {why}");
        hunks.push(hunk(lines).map_err(about)?);
        *all += 1;
        if *all > HUNKS_MAX {
            return Err(format!("it has more than {HUNKS_MAX} hunks"));
        }
        left_over(lines)
            .map_err(|why| format!("hunk {number} of file {file} (line {at}): {why}"))?;
    }
    Ok(hunks)
}

/// A line behind a hunk that still looks like one of it: the numbers in its header are wrong.
fn left_over(lines: &Lines<'_>) -> Result<(), String> {
    let Some(line) = lines.peek(0) else { return Ok(()) };
    let begins_file =
        line.starts_with("--- ") && lines.peek(1).is_some_and(|next| next.starts_with("+++ "));
    // The end of a mail.
    let signature = line.trim_end() == "--";
    if line.starts_with(['+', '-', ' ']) && !begins_file && !signature {
        return Err("it has more lines than its `@@` line says".to_owned());
    }
    Ok(())
}

fn hunk(lines: &mut Lines<'_>) -> Result<Hunk, String> {
    let at = lines.number();
    let header = lines.next().unwrap_or_default();
    let (start, mut old, mut new) = ranges(header)
        .ok_or_else(|| "its first line is not `@@ -OLD,COUNT +NEW,COUNT @@`".to_owned())?;
    let wanted = (old, new);
    let mut body: Vec<Line> = Vec::new();
    while old > 0 || new > 0 {
        let ended = || {
            format!("it ends early: its `@@` line says {} old and {} new lines", wanted.0, wanted.1)
        };
        let line = lines.peek(0).ok_or_else(ended)?;
        if no_newline(line) {
            lines.next();
            without_end(&mut body)?;
            continue;
        }
        let (sign, text) = match line.split_at_checked(1) {
            Some(("+", text)) => (Sign::Added, text),
            Some(("-", text)) => (Sign::Removed, text),
            Some((" ", text)) => (Sign::Kept, text),
            // Spaces at the ends of lines get lost easily.
            None => (Sign::Kept, ""),
            Some(_) if line == "\r" => (Sign::Kept, line),
            Some(_) => return Err(ended()),
        };
        let counts = match sign {
            Sign::Kept => (1, 1),
            Sign::Removed => (1, 0),
            Sign::Added => (0, 1),
        };
        if counts.0 > old || counts.1 > new {
            return Err("its lines are not as many as its `@@` line says".to_owned());
        }
        (old, new) = (old - counts.0, new - counts.1);
        let mut text = text.as_bytes().to_vec();
        text.push(b'\n');
        body.push(Line { sign, text });
        lines.next();
    }
    while lines.peek(0).is_some_and(no_newline) {
        lines.next();
        without_end(&mut body)?;
    }
    Ok(Hunk { at, start, lines: body })
}

fn no_newline(line: &str) -> bool {
    line.starts_with("\\ ")
}

/// Takes the end off the line before `\ No newline at end of file`.
fn without_end(body: &mut [Line]) -> Result<(), String> {
    match body.last_mut() {
        Some(line) if line.text.ends_with(b"\n") => {
            line.text.pop();
            Ok(())
        }
        _ => Err("`\\ No newline at end of file` stands behind no line".to_owned()),
    }
}

/// `@@ -START[,COUNT] +START[,COUNT] @@…`: the old start and both counts.
fn ranges(line: &str) -> Option<(usize, usize, usize)> {
    let rest = line.strip_prefix("@@ -")?;
    let (old, rest) = rest.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let ((start, old), (_, new)) = (range(old)?, range(new)?);
    Some((start, old, new))
}

fn range(text: &str) -> Option<(usize, usize)> {
    let number = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits && text.len() <= 9)
    };
    match text.split_once(',') {
        Some((start, count)) => Some((number(start)?, number(count)?)),
        None => Some((number(text)?, 1)),
    }
}
