//! Where people are told something beside the log of a run.

use std::path::PathBuf;

/// The channels that configuration names, with their secrets put in. One that cannot be used, because a
/// secret is missing, is there with the reason.
#[derive(Debug, Clone, Default)]
pub struct Channels {
    /// The program that shows a message on this machine's desktop.
    pub desktop: Option<PathBuf>,
    /// An address that takes messages as JSON.
    pub webhook: Option<Result<Webhook, String>>,
    /// Mail.
    pub mail: Option<Result<MailChannel, String>>,
}

/// An address that takes messages as JSON.
#[derive(Clone)]
pub struct Webhook {
    /// Where it is.
    pub url: String,
    /// Sent as a bearer token.
    pub token: Option<String>,
}

/// A server that takes mail.
#[derive(Clone)]
pub struct MailChannel {
    /// Name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way there is protected.
    pub security: MailSecurity,
    /// Whose mail it is.
    pub from: String,
    /// Who gets it.
    pub to: Vec<String>,
    /// User and password, where the server wants them.
    pub login: Option<(String, String)>,
}

/// How the way to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS after the server's greeting; nothing is sent without it.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// Not at all.
    None,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Its address may be a secret.
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for MailChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailChannel")
            .field("host", &self.host)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}
