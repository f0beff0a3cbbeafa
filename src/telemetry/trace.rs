//! The diagnostic log on standard error.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::Redactor;

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// `BAILIWICK_LOG` is no filter.
    #[error(
        "`BAILIWICK_LOG` is `{filter}`, which is no filter such as `info` or `bailiwick::store=debug`: {why}"
    )]
    BadFilter {
        /// What it is.
        filter: String,
        /// Why it is none.
        why: String,
    },
    /// It was set up before.
    #[error("the log was set up twice")]
    Twice,
}

/// Sends the log to standard error: warnings, with each `-v` more, or what `filter`
/// (`BAILIWICK_LOG`) says. Every line passes through `redactor`.
///
/// # Errors
/// When the filter cannot be read, or the log was set up before.
pub fn init_tracing(
    verbosity: u8,
    filter: Option<&str>,
    color: bool,
    redactor: Redactor,
) -> Result<(), TraceError> {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(choose(verbosity, filter)?)
        .with_writer(Redacting { redactor, sink: io::stderr })
        .with_ansi(color)
        .with_target(verbosity > 1)
        .finish();
    subscriber.try_init().map_err(|_| TraceError::Twice)
}

fn choose(verbosity: u8, filter: Option<&str>) -> Result<EnvFilter, TraceError> {
    let own = match verbosity {
        // What a client gets wrong is told to the client.
        0 => "warn,rmcp=error",
        1 => "warn,rmcp=error,bailiwick=info",
        2 => "warn,bailiwick=debug",
        _ => "trace",
    };
    let filter = filter.unwrap_or(own);
    EnvFilter::try_new(filter).map_err(|error| TraceError::BadFilter {
        filter: filter.to_owned(),
        why: error.to_string(),
    })
}

/// Writes each line to what `sink` makes, with secrets struck out.
struct Redacting<M> {
    redactor: Redactor,
    sink: M,
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Redacting<M> {
    type Writer = RedactingLine<'a, M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        RedactingLine { redactor: &self.redactor, sink: self.sink.make_writer() }
    }
}

/// One line: `tracing_subscriber` hands each event over in one piece.
struct RedactingLine<'a, W> {
    redactor: &'a Redactor,
    sink: W,
}

impl<W: io::Write> io::Write for RedactingLine<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.sink.write_all(self.redactor.redact(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn refuses_a_filter_it_cannot_read() {
        let error = choose(0, Some("bailiwick=loud")).unwrap_err();
        assert!(error.to_string().contains("`bailiwick=loud`"), "{error}");
        for verbosity in 0..5 {
            assert!(choose(verbosity, None).is_ok());
        }
        assert_eq!(choose(3, Some("error")).unwrap().to_string(), "error");
    }

    #[test]
    fn strikes_secrets_out_of_what_is_logged() {
        let sink: Arc<Mutex<Vec<u8>>> = Arc::default();
        let writer = Redacting {
            redactor: Redactor::new([("DB", "hunter2-hunter2")]),
            sink: {
                let sink = Arc::clone(&sink);
                move || SharedSink(Arc::clone(&sink))
            },
        };
        let subscriber = tracing_subscriber::fmt().with_writer(writer).with_ansi(false).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::error!(password = "hunter2-hunter2", "could not log in");
        });
        let text = String::from_utf8(sink.lock().unwrap().clone()).unwrap();
        assert!(text.contains("could not log in") && text.contains("${secret:DB}"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }

    struct SharedSink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for SharedSink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
