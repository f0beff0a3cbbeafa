//! Where people are told something: the keys, and what they come to.

use std::path::PathBuf;

use serde::Serialize;

use super::assemble::Values;
use super::key::{Key, Kind};
use super::keys::key;
use super::tighten::Tighter;
use crate::contracts::Diagnostic;

const SECURITY: &[&str] = &["tls", "starttls", "none"];

/// Each, in the order of the reference file.
pub(super) const KEYS: &[Key] = &[
    key(
        "notify.desktop",
        Kind::Bool,
        Tighter::False,
        "whether messages are shown on this machine's desktop",
    ),
    key(
        "notify.desktop_program",
        Kind::Path,
        Tighter::Never,
        "what shows them; empty for where systems put `notify-send`",
    ),
    key(
        "notify.webhook.url",
        Kind::Line,
        Tighter::Never,
        "address that takes messages as JSON; empty for none",
    ),
    key("notify.webhook.token", Kind::Secret, Tighter::Never, "what is sent as a bearer token"),
    key(
        "notify.mail.server",
        Kind::Line,
        Tighter::Never,
        "name and port of a server that takes mail; empty for none",
    ),
    key(
        "notify.mail.security",
        Kind::Word(SECURITY),
        Tighter::Earlier,
        "how the way to the mail server is protected",
    ),
    key("notify.mail.from", Kind::Line, Tighter::Never, "whose mail it is"),
    key("notify.mail.to", Kind::Lines, Tighter::Subset, "who gets mail"),
    key("notify.mail.user", Kind::Line, Tighter::Never, "user, where the mail server wants one"),
    key("notify.mail.password", Kind::Secret, Tighter::Never, "password of the user"),
];

/// Where people are told something, as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NotifyConfig {
    /// Whether messages are shown on this machine's desktop.
    pub desktop: bool,
    /// What shows them; `None` for where systems put it.
    pub desktop_program: Option<PathBuf>,
    /// An address that takes messages.
    pub webhook: Option<WebhookConfig>,
    /// A server that takes mail.
    pub mail: Option<MailConfig>,
}

impl NotifyConfig {
    /// Whether what is told leaves this machine.
    #[must_use]
    pub const fn leaves(&self) -> bool {
        self.webhook.is_some() || self.mail.is_some()
    }
}

/// An address that takes messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WebhookConfig {
    /// Where it is, secrets as placeholders.
    pub url: String,
    /// The placeholder of its bearer token; empty for none.
    pub token: String,
}

/// A server that takes mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MailConfig {
    /// Name and port.
    pub server: String,
    /// `tls`, `starttls` or `none`.
    pub security: String,
    /// Whose mail it is.
    pub from: String,
    /// Who gets it.
    pub to: Vec<String>,
    /// User; empty for none.
    pub user: String,
    /// The placeholder of the password; empty for none.
    pub password: String,
}

pub(super) fn assemble(values: &Values<'_>) -> Result<NotifyConfig, Diagnostic> {
    let text = |path: &str| values.text(path).map(str::to_owned);
    let webhook = match values.optional("notify.webhook.url")? {
        Some(url) => Some(WebhookConfig { url, token: text("notify.webhook.token")? }),
        None => None,
    };
    let mail = match values.optional("notify.mail.server")? {
        Some(server) => Some(MailConfig {
            server,
            security: text("notify.mail.security")?,
            from: text("notify.mail.from")?,
            to: values.texts("notify.mail.to")?,
            user: text("notify.mail.user")?,
            password: text("notify.mail.password")?,
        }),
        None => None,
    };
    Ok(NotifyConfig {
        desktop: values.boolean("notify.desktop")?,
        desktop_program: values.optional("notify.desktop_program")?.map(PathBuf::from),
        webhook,
        mail,
    })
}
