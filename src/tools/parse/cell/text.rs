//! From bytes to text, and from the pieces of a document to lines.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use super::super::super::cell::{Refusal, Why};

/// How far into a page its charset is looked for, as browsers have it.
const CHARSET_BYTES: usize = 1_024;

/// A document that must be text: UTF-8, or what its byte order mark says.
pub(super) fn strict(document: &[u8]) -> Result<String, Refusal> {
    if let Some((encoding, mark)) = Encoding::for_bom(document)
        && encoding != UTF_8
    {
        let rest = document.get(mark..).unwrap_or_default();
        let (text, _, damaged) = encoding.decode(rest);
        return match damaged {
            false => Ok(text.into_owned()),
            true => Err(Refusal::new(Why::Damaged, format!("this is no {} text", encoding.name()))),
        };
    }
    let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
    match std::str::from_utf8(document) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let at = error.valid_up_to();
            Err(Refusal::new(Why::Damaged, format!("this is not UTF-8 text: see byte {at}")))
        }
    }
}

/// A page, as browsers read it: by its byte order mark, by what the server says, by what it says
/// itself, as UTF-8 where it is that, else as Western European.
pub(super) fn lenient(document: &[u8], charset: Option<&str>) -> String {
    let named = charset.and_then(|name| Encoding::for_label(name.as_bytes()));
    let encoding = named.or_else(|| declared(document)).unwrap_or_else(|| {
        if std::str::from_utf8(document).is_ok() { UTF_8 } else { WINDOWS_1252 }
    });
    encoding.decode(document).0.into_owned()
}

/// What the beginning of a page says of its charset.
fn declared(document: &[u8]) -> Option<&'static Encoding> {
    let head = document.get(..CHARSET_BYTES).unwrap_or(document).to_ascii_lowercase();
    let key = b"charset=";
    let at = head.windows(key.len()).position(|window| window == key)?;
    let rest = head.get(at + key.len()..)?;
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':');
    let name: Vec<u8> = rest
        .iter()
        .skip_while(|byte| matches!(byte, b'"' | b'\''))
        .take_while(is_name)
        .copied()
        .collect();
    Encoding::for_label(&name)
}

/// Text that grows piece by piece: white space is one blank, and blocks begin on lines of their own.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: String,
    /// Line ends that are due before the next piece.
    due: usize,
    /// Whether a blank is due before the next word.
    blank: bool,
}

impl Lines {
    /// Words, with white space as it comes.
    pub(super) fn words(&mut self, piece: &str) {
        for (at, word) in piece.split(char::is_whitespace).enumerate() {
            self.blank |= at > 0;
            if !word.is_empty() {
                self.plain(word);
            }
        }
    }

    /// A piece that stays as it is, such as code.
    pub(super) fn verbatim(&mut self, piece: &str) {
        if !piece.is_empty() {
            self.plain(piece);
        }
    }

    /// The next piece begins a line, after `empty` empty ones.
    pub(super) fn line(&mut self, empty: usize) {
        self.blank = false;
        self.due = self.due.max(empty + 1);
    }

    fn plain(&mut self, piece: &str) {
        if self.due > 0 {
            let kept = self.text.trim_end_matches('\n').len();
            self.text.truncate(kept);
            if !self.text.is_empty() {
                self.text.extend(std::iter::repeat_n('\n', self.due));
            }
            self.due = 0;
        } else if self.blank && !self.text.is_empty() {
            self.text.push(' ');
        }
        self.blank = false;
        self.text.push_str(piece);
    }

    pub(super) fn finish(mut self) -> String {
        let kept = self.text.trim_end().len();
        self.text.truncate(kept);
        self.text
    }
}

/// `text` with white space as one blank.
pub(super) fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
