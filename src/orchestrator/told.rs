//! The channels of `user_notification`: configuration, with secrets put in at the last moment.

use std::path::PathBuf;

use super::services::Services;
use crate::config::{MailConfig, NotifyConfig, WebhookConfig};
use crate::ports::{Channels, MailChannel, MailSecurity, ToolDescriptor, Webhook};
use crate::telemetry::Secrets;
use crate::tools::NOTIFIES;

/// Where systems put what shows messages on a desktop.
const NOTIFY_SEND: &str = "/usr/bin/notify-send";

/// What a call of `tool` may tell people through; nothing for any other tool.
pub(super) fn channels(
    services: &Services,
    tool: &ToolDescriptor,
    config: &NotifyConfig,
) -> Channels {
    if tool.name != NOTIFIES {
        return Channels::default();
    }
    let NotifyConfig { desktop, desktop_program, webhook: hook, mail: by_mail } = config;
    let program = || desktop_program.clone().unwrap_or_else(|| PathBuf::from(NOTIFY_SEND));
    Channels {
        desktop: desktop.then(program),
        webhook: hook.as_ref().map(|written| webhook(written, &services.secrets)),
        mail: by_mail.as_ref().map(|written| mail(written, &services.secrets)),
    }
}

fn webhook(written: &WebhookConfig, secrets: &Secrets) -> Result<Webhook, String> {
    Ok(Webhook {
        url: secrets.filled(&written.url)?,
        token: Some(secrets.filled(&written.token)?).filter(|token| !token.is_empty()),
    })
}

fn mail(written: &MailConfig, secrets: &Secrets) -> Result<MailChannel, String> {
    let (host, port) = written
        .server
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse().ok()?)))
        .ok_or("`notify.mail.server` is no name with a port, such as `mail.example.org:587`")?;
    if written.to.is_empty() {
        return Err("`notify.mail.to` names nobody".to_owned());
    }
    let password = secrets.filled(&written.password)?;
    let login = match (written.user.as_str(), password) {
        ("", password) if password.is_empty() => None,
        ("", _) => return Err("`notify.mail.password` has no `notify.mail.user`".to_owned()),
        (user, password) => Some((user.to_owned(), password)),
    };
    Ok(MailChannel {
        host: host.trim_matches(['[', ']']).to_owned(),
        port,
        security: match written.security.as_str() {
            "none" => MailSecurity::None,
            "tls" => MailSecurity::Tls,
            _ => MailSecurity::StartTls,
        },
        from: written.from.clone(),
        to: written.to.clone(),
        login,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(server: &str, user: &str, password: &str, to: &[&str]) -> MailConfig {
        MailConfig {
            server: server.to_owned(),
            security: "starttls".to_owned(),
            from: "a@a.example".to_owned(),
            to: to.iter().map(|to| (*to).to_owned()).collect(),
            user: user.to_owned(),
            password: password.to_owned(),
        }
    }

    #[test]
    fn a_channel_that_cannot_be_used_says_why() {
        let secrets = Secrets::load([("BAILIWICK_SECRET_MAIL", "sesame-1")], None).unwrap();
        let to: &[&str] = &["b@b.example"];
        for (written, expected) in [
            (written("m.example:25", "", "", to), Ok(None)),
            (written("m.example:25", "u", "${secret:MAIL}", to), Ok(Some("sesame-1"))),
            (written("m.example:25", "u", "${secret:NONE}", to), Err("no secret `NONE`")),
            (written("m.example:25", "", "${secret:MAIL}", to), Err("has no `notify.mail.user`")),
            (written("m.example", "", "", to), Err("no name with a port")),
            (written("m.example:99999", "", "", to), Err("no name with a port")),
            (written("m.example:25", "", "", &[]), Err("names nobody")),
        ] {
            match (mail(&written, &secrets), expected) {
                (Ok(mail), Ok(password)) => {
                    assert_eq!(mail.login.as_ref().map(|it| it.1.as_str()), password);
                }
                (Err(why), Err(says)) => assert!(why.contains(says), "{why}"),
                (mail, _) => panic!("{written:?}: {:?}", mail.err()),
            }
        }
    }
}
