//! Server-sent events from bytes, however they were cut on their way.
//!
//! As the HTML standard says (section 9.2.6, "Interpreting an event stream"), with a bound on what
//! one event may hold.

/// An event as it was dispatched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The newest id of the stream: this event's, or of the last one before it that had one.
    pub id: Option<String>,
    /// The kind; `message` where none was given.
    pub event: String,
    /// The data, its lines joined by line breaks.
    pub data: String,
}

/// An event holds more than is taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than the {limit_bytes} bytes that are taken")]
pub struct TooLong {
    /// The bound.
    pub limit_bytes: usize,
}

/// Reads a stream piece by piece.
#[derive(Debug)]
pub struct Parser {
    limit_bytes: usize,
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// Whether the last byte was a carriage return, after which a line feed ends no further line.
    after_return: bool,
    first_line: bool,
    data: String,
    event: String,
    id: Option<String>,
    retry_ms: Option<u64>,
}

impl Parser {
    /// A parser that takes events of up to `limit_bytes`.
    #[must_use]
    pub const fn new(limit_bytes: usize) -> Self {
        Self {
            limit_bytes,
            line: Vec::new(),
            after_return: false,
            first_line: true,
            data: String::new(),
            event: String::new(),
            id: None,
            retry_ms: None,
        }
    }

    /// How long to wait before connecting again, when the server said so.
    #[must_use]
    pub const fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    /// Takes the next bytes and gives the events that they end.
    ///
    /// # Errors
    /// When an event is longer than the bound. The stream cannot be read on.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<Vec<Message>, TooLong> {
        let mut messages = Vec::new();
        while let Some(first) = bytes.first() {
            if std::mem::take(&mut self.after_return) && *first == b'\n' {
                bytes = bytes.get(1..).unwrap_or_default();
                continue;
            }
            let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.keep(bytes)?;
                break;
            };
            let (line, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
            self.keep(line)?;
            self.after_return = rest.first() == Some(&b'\r');
            bytes = rest.get(1..).unwrap_or_default();
            messages.extend(self.end_of_line());
        }
        Ok(messages)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        let held = self.line.len() + self.data.len() + self.event.len();
        if held.saturating_add(bytes.len()) > self.limit_bytes {
            return Err(TooLong { limit_bytes: self.limit_bytes });
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_of_line(&mut self) -> Option<Message> {
        let bytes = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&bytes);
        let first = std::mem::take(&mut self.first_line);
        let line = if first { text.strip_prefix('\u{feff}').unwrap_or(&text) } else { &text };
        if line.is_empty() {
            return self.dispatch();
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        self.field(name, value.strip_prefix(' ').unwrap_or(value));
        None
    }

    /// Takes a field; a comment has no name, and unknown ones mean nothing.
    fn field(&mut self, name: &str, value: &str) {
        match name {
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "event" => value.clone_into(&mut self.event),
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry_ms = value.parse().ok().or(self.retry_ms);
            }
            _ => {}
        }
    }

    /// An event without data is none.
    fn dispatch(&mut self) -> Option<Message> {
        let (mut data, event) = (std::mem::take(&mut self.data), std::mem::take(&mut self.event));
        data.pop()?;
        let event = if event.is_empty() { "message".to_owned() } else { event };
        Some(Message { id: self.id.clone(), event, data })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &[u8]) -> Vec<Message> {
        Parser::new(1 << 20).push(text).unwrap()
    }

    fn message(id: Option<&str>, event: &str, data: &str) -> Message {
        Message { id: id.map(str::to_owned), event: event.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn streams_are_read_as_the_standard_says() {
        let m = message;
        for (text, expected) in [
            ("data: a\n\n", vec![m(None, "message", "a")]),
            ("data:a\r\n\r\n", vec![m(None, "message", "a")]),
            ("data: a\r\rdata: b\r\r", vec![m(None, "message", "a"), m(None, "message", "b")]),
            ("\u{feff}data: a\n\n", vec![m(None, "message", "a")]),
            ("data: a\ndata:  b\n\n", vec![m(None, "message", "a\n b")]),
            ("data\n\n", vec![m(None, "message", "")]),
            ("data\ndata\n\n", vec![m(None, "message", "\n")]),
            (": a comment\n\n", vec![]),
            ("event: x\n\ndata: a\n\n", vec![m(None, "message", "a")]),
            (
                "id: 7\nevent: end\ndata: a\n\ndata: b\n\n",
                vec![m(Some("7"), "end", "a"), m(Some("7"), "message", "b")],
            ),
            (
                "id: 7\ndata: a\n\nid\ndata: b\n\n",
                vec![m(Some("7"), "message", "a"), m(Some(""), "message", "b")],
            ),
            ("id: a\0b\ndata: a\n\n", vec![m(None, "message", "a")]),
            ("unknown: 1\ndata: a\n\n", vec![m(None, "message", "a")]),
            ("data: not ended\n", vec![]),
        ] {
            assert_eq!(all(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn the_wait_before_the_next_try_is_the_servers_newest_number() {
        for (text, expected) in [
            ("data: a\n\n", None),
            ("retry: 2000\n\n", Some(2_000)),
            ("retry: 2000\nretry: soon\nretry: 99999999999999999999999\n\n", Some(2_000)),
            ("retry: 1\nretry: 3\n", Some(3)),
        ] {
            let mut parser = Parser::new(1_000);
            parser.push(text.as_bytes()).unwrap();
            assert_eq!(parser.retry_ms(), expected, "{text:?}");
        }
    }

    #[test]
    fn what_never_ends_is_cut_off_and_holds_no_more_than_the_bound() {
        let endless_line = vec![b"data: ".to_vec(), vec![b'x'; 10]];
        let endless_event = vec![b"data: xxxx\n".to_vec()];
        for pieces in [endless_line, endless_event] {
            let mut parser = Parser::new(100);
            let refused = (0..1_000).find_map(|round| {
                let piece = &pieces[round % pieces.len()];
                let pushed = parser.push(piece);
                assert!(parser.line.len() + parser.data.len() <= 100);
                pushed.err()
            });
            assert_eq!(refused, Some(TooLong { limit_bytes: 100 }));
        }
        let mut parser = Parser::new(100);
        for _ in 0..1_000 {
            assert_eq!(parser.push(b"data: short\n\n").unwrap().len(), 1);
        }
    }

    /// Bytes that are likely to mean something, in any order.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"\n".to_vec()),
            Just(b"\r".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"data: ".to_vec()),
            Just(b"event: e".to_vec()),
            Just(b"id: 1".to_vec()),
            Just(b": c".to_vec()),
            Just("\u{feff}".as_bytes().to_vec()),
            Just("é😀".as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 0..6),
        ];
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_cutting_gives_the_same_events(
            stream in stream(),
            cuts in prop::collection::vec(1..7_usize, 1..20),
        ) {
            let whole = all(&stream);
            let (mut parser, mut pieces, mut rest) = (Parser::new(1 << 20), Vec::new(), &stream[..]);
            for size in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at((*size).min(rest.len()));
                pieces.extend(parser.push(piece).unwrap());
                rest = after;
            }
            prop_assert_eq!(pieces, whole);
        }

        #[test]
        fn what_is_written_as_events_is_read_back(
            data in prop::collection::vec("[^\r\n]{0,20}", 1..4),
            id in "[0-9]{1,9}",
        ) {
            let lines: String = data.iter().map(|line| format!("data: {line}\n")).collect();
            let read = all(format!("id: {id}\nevent: step.started\n{lines}\n").as_bytes());
            prop_assert_eq!(read, vec![message(Some(&id), "step.started", &data.join("\n"))]);
        }
    }
}
