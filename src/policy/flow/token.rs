//! One word in the form in which it is compared.

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) kind: Kind,
}

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Word,
    Number,
    /// `2024-05-15`.
    Date,
    /// `09:30`.
    Time,
    /// An e-mail address.
    Address,
    /// A URL without its scheme, or a host.
    Url,
}

/// Endings of file names, which look like hosts.
const FILES: [&str; 24] = [
    "bmp", "csv", "doc", "docx", "gif", "gz", "htm", "html", "jpeg", "jpg", "json", "log", "md",
    "mp4", "odt", "pdf", "png", "ppt", "pptx", "toml", "txt", "xls", "xlsx", "yaml",
];

impl Token {
    pub(super) fn new(text: impl Into<String>, kind: Kind) -> Self {
        Self { text: text.into(), kind }
    }

    /// What no text has: it parts texts that stand in one index.
    pub(super) fn gap() -> Self {
        Self::new("\0", Kind::Word)
    }

    /// The host of a URL, the domain of an address.
    pub(super) fn host(&self) -> Option<&str> {
        match self.kind {
            Kind::Url => self.text.split(['/', '?', '#', ':']).next(),
            Kind::Address => self.text.rsplit_once('@').map(|(_, domain)| domain),
            _ => None,
        }
    }

    /// Whether it says by itself where something goes: an address, a link, an account.
    pub(super) fn aims(&self) -> bool {
        let digits = self.text.bytes().filter(u8::is_ascii_digit).count();
        match self.kind {
            Kind::Url | Kind::Address => true,
            Kind::Word => self.text.len() >= 14 && digits >= 6,
            Kind::Number => digits >= 10,
            Kind::Date | Kind::Time => false,
        }
    }
}

/// The words of a piece of text without white space.
pub(super) fn token(chunk: &str, found: &mut Vec<Token>) {
    let visible: String = chunk.chars().filter(|c| !is_invisible(*c)).collect();
    let chunk = visible.trim_matches(|c: char| !c.is_alphanumeric());
    if let Some(at) = chunk.find("://") {
        let start = chunk.get(..at).map_or(0, |before| {
            before.rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |last| last + 1)
        });
        let (before, url) = chunk.split_at_checked(start).unwrap_or(("", chunk));
        if !before.is_empty() {
            token(before, found);
        }
        found.push(url_of(url));
    } else if chunk.contains('@') {
        let part = |c: char| !(c.is_alphanumeric() || "._%+-@".contains(c));
        chunk.split(part).for_each(|piece| address(piece, found));
    } else {
        let mut rest = chunk;
        while let Some(at) = comma(rest) {
            plain(rest.get(..at).unwrap_or_default(), found);
            rest = rest.get(at + 1..).unwrap_or_default();
        }
        plain(rest, found);
    }
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// The first comma that does not stand inside a number.
fn comma(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let mut commas = text.match_indices(',').map(|(at, _)| at);
    commas.find(|at| !(digit(at.checked_sub(1)) && digit(Some(at + 1))))
}

fn address(piece: &str, found: &mut Vec<Token>) {
    let piece = piece.trim_matches(|c: char| !c.is_alphanumeric());
    match piece.split_once('@') {
        Some((name, domain)) if !name.is_empty() && !domain.contains('@') => {
            found.push(Token::new(piece.to_lowercase(), Kind::Address));
        }
        Some(_) => piece.split('@').for_each(|part| plain(part, found)),
        None => plain(piece, found),
    }
}

/// Words without addresses and schemes.
fn plain(piece: &str, found: &mut Vec<Token>) {
    let piece = piece.trim_matches(|c: char| !c.is_alphanumeric());
    if piece.is_empty() || whole(piece, found) {
        return;
    }
    for part in piece.split(|c: char| !(c.is_alphanumeric() || c == ':' || c == '.')) {
        let part = part.trim_matches(|c: char| !c.is_alphanumeric());
        if part.is_empty() || (part.len() < piece.len() && whole(part, found)) {
            continue;
        }
        let atoms = part.split(|c: char| !c.is_alphanumeric()).filter(|atom| !atom.is_empty());
        for atom in atoms {
            let digits = atom.bytes().all(|byte| byte.is_ascii_digit());
            let kind = if digits { Kind::Number } else { Kind::Word };
            found.push(Token::new(atom.to_lowercase(), kind));
        }
    }
}

/// Reads a piece that is one thing although it has punctuation: a number, date, time or host.
fn whole(piece: &str, found: &mut Vec<Token>) -> bool {
    let instant = piece.split_once(['T', 't']).and_then(|(day, hour)| {
        Some((date(day)?, time(hour.split(['Z', 'z', '+', '-']).next().unwrap_or_default())?))
    });
    if let Some((day, hour)) = instant {
        found.extend([Token::new(day, Kind::Date), Token::new(hour, Kind::Time)]);
        return true;
    }
    let read = (date(piece).map(|text| (text, Kind::Date)))
        .or_else(|| time(piece).map(|text| (text, Kind::Time)))
        .or_else(|| number(piece).map(|text| (text, Kind::Number)));
    if let Some((text, kind)) = read {
        found.push(Token::new(text, kind));
        return true;
    }
    let host = is_host(piece);
    if host {
        found.push(url_of(piece));
    }
    host
}

/// A URL in small letters without scheme, `www.` and a slash at its end.
fn url_of(text: &str) -> Token {
    let text = text.to_lowercase();
    let text = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
    let text = text.strip_prefix("www.").unwrap_or(text);
    Token::new(text.trim_end_matches(|c: char| !c.is_alphanumeric()), Kind::Url)
}

fn is_host(piece: &str) -> bool {
    let host = piece.split(['/', '?', '#', ':']).next().unwrap_or_default();
    let Some((before, last)) = host.rsplit_once('.') else { return false };
    let labels = before.split('.').chain([last]);
    let sound =
        |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    labels.clone().all(sound)
        && last.len() >= 2
        && last.chars().all(char::is_alphabetic)
        && !(host.len() == piece.len() && FILES.contains(&last.to_lowercase().as_str()))
}

/// A number without separators of thousands and without zeros at the end of its fraction.
fn number(text: &str) -> Option<String> {
    let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    if !starts || !text.bytes().all(|byte| byte.is_ascii_digit() || b".,".contains(&byte)) {
        return None;
    }
    let (head, fraction) = match (text.rsplit_once('.'), text.rsplit_once(',')) {
        (Some((head, fraction)), _) if !fraction.contains(',') => (head.to_owned(), fraction),
        (None, Some((head, fraction))) if fraction.len() <= 2 => (head.to_owned(), fraction),
        (Some(_), Some((head, fraction))) => (head.replace('.', ""), fraction),
        _ => (text.to_owned(), ""),
    };
    // Two points are a version or an address, not a number.
    let whole = head.replace(',', "");
    let fraction = fraction.trim_end_matches('0');
    (!whole.contains('.')).then(|| match fraction {
        "" => whole,
        fraction => format!("{whole}.{fraction}"),
    })
}

/// A day written in numbers, year first, or day first with points.
fn date(text: &str) -> Option<String> {
    let separator = ['-', '/', '.'].into_iter().find(|c| text.matches(*c).count() == 2)?;
    let mut parts = text.split(separator);
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, month, day) = match (a.len(), c.len(), separator) {
        (4, 1..=2, _) => (a, b, c),
        (1..=2, 4, '.') => (c, b, a),
        _ => return None,
    };
    let (year, month, day): (u16, u8, u8) = (read(year)?, read(month)?, read(day)?);
    let sound = (1..=12).contains(&month) && (1..=31).contains(&day);
    sound.then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// A time of day: `9:30`, `09:30:00`, `9:30pm`, `9pm`.
fn time(text: &str) -> Option<String> {
    let low = text.to_lowercase();
    let (clock, half) = match (low.strip_suffix("am"), low.strip_suffix("pm")) {
        (Some(clock), _) => (clock, Some(0)),
        (_, Some(clock)) => (clock, Some(12)),
        _ => (low.as_str(), None),
    };
    let mut parts = clock.split(':');
    let hour: u8 = read(parts.next()?)?;
    let minute: u8 = match (parts.next(), half) {
        (Some(minute), _) if minute.len() == 2 => read(minute)?,
        (None, Some(_)) => 0,
        _ => return None,
    };
    let seconds_sound = parts
        .next()
        .is_none_or(|seconds| matches!(seconds.get(..2).and_then(read::<u8>), Some(0..60)));
    let hour = half.map_or(hour, |half| hour % 12 + half);
    (hour < 24 && minute < 60 && seconds_sound).then(|| format!("{hour:02}:{minute:02}"))
}

/// Digits only: no sign.
fn read<T: std::str::FromStr>(text: &str) -> Option<T> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}
