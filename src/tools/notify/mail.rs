//! A message by mail.

use std::net::IpAddr;
use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{SmtpTransport, Transport};

use super::tool::Args;
use crate::ports::{MailChannel, MailSecurity};
use crate::tools::typed::Call;

/// Longest silence of the server.
const SILENCE: Duration = Duration::from_secs(10);

/// Hands the message to the server for everybody it is for. Its `Message-ID` comes from the call, so that
/// one which comes twice is known.
pub(super) fn send(to: &MailChannel, args: &Args, at: &Call<'_>) -> Result<(), String> {
    let message = message(to, args, at)?;
    let mut server = SmtpTransport::builder_dangerous(to.host.as_str())
        .port(to.port)
        .tls(tls(to)?)
        .timeout(Some(SILENCE));
    if let Some((user, password)) = &to.login {
        if to.security == MailSecurity::None && !is_here(&to.host) {
            return Err("no password is sent where the way is not protected: see \
                        `notify.mail.security`"
                .to_owned());
        }
        server = server.credentials(Credentials::new(user.clone(), password.clone()));
    }
    let sent = server.build().send(&message);
    sent.map(drop).map_err(|error| format!("{}:{}: {}", to.host, to.port, because(&error)))
}

fn message(to: &MailChannel, args: &Args, at: &Call<'_>) -> Result<Message, String> {
    let mailbox = |key: &str, text: &str| {
        text.parse::<Mailbox>().map_err(|error| format!("`{key}` has no address `{text}`: {error}"))
    };
    let mut message = Message::builder()
        .from(mailbox("notify.mail.from", &to.from)?)
        .subject(args.headline())
        .message_id(Some(format!("<{}@bailiwick>", at.call.id)))
        .header(ContentType::TEXT_PLAIN);
    for text in &to.to {
        message = message.to(mailbox("notify.mail.to", text)?);
    }
    let body = format!("{}\n\n-- \n{}\n", args.text.trim_end(), at.call.run_id);
    message.body(body).map_err(|error| format!("no mail can be made of it: {error}"))
}

fn tls(to: &MailChannel) -> Result<Tls, String> {
    let parameters = || {
        TlsParameters::new(to.host.clone())
            .map_err(|error| format!("no protected way to `{}`: {}", to.host, because(&error)))
    };
    Ok(match to.security {
        MailSecurity::None => Tls::None,
        MailSecurity::StartTls => Tls::Required(parameters()?),
        MailSecurity::Tls => Tls::Wrapper(parameters()?),
    })
}

/// Whether the server is on this machine.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An error with what is behind it, each once.
fn because(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(at) = source {
        let more = at.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = at.source();
    }
    text
}
