//! Webhooks: programs elsewhere start a playbook by knowing its secret.

use axum::http::header::{CONNECTION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use data_encoding::HEXLOWER_PERMISSIVE;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::contracts::Trigger;
use crate::scheduler::Origin;
use crate::server::api::tasks;
use crate::server::guard::bearer;
use crate::server::idempotency::KEY_BYTES_MAX;
use crate::server::problem::Problem;
use crate::server::reply::Answer;
use crate::server::route::Call;

const SECRET: HeaderName = HeaderName::from_static("x-webhook-secret");
const SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature-256");
const DELIVERY: HeaderName = HeaderName::from_static("x-github-delivery");

/// Refuses a request that does not even try to prove something: nothing of it is read.
pub(in crate::server) fn check_stated(headers: &HeaderMap) -> Result<(), Problem> {
    let stated = [SECRET, SIGNATURE].iter().any(|name| headers.contains_key(name));
    if stated || bearer(headers).is_some() {
        return Ok(());
    }
    let detail = "a webhook needs `X-Webhook-Secret`, `X-Hub-Signature-256` or a bearer token";
    Err(Problem::unauthorized(detail).header(CONNECTION, "close"))
}

/// Checked where there is no such webhook, so that this takes as long as a wrong secret.
const NOBODYS_SECRET: &str = "there is no such webhook, and this is no secret";

/// Lets in who knows the secret, before anything else is looked at: not even whether a request came
/// before is told to others.
pub(in crate::server) async fn admit(mut call: Call) -> Result<Call, Problem> {
    let playbook = call.part("playbook").to_owned();
    let (engine, name) = (call.shared.engine.clone(), playbook.clone());
    let webhook = call.shared.blocking(move || engine.webhook(&name)).await?;
    let secret = webhook.and_then(|webhook| (call.shared.secret_of)(&webhook.secret));
    let secret = secret.filter(|secret| !secret.is_empty());
    let proved = knows(&call.headers, &call.body, secret.as_deref().unwrap_or(NOBODYS_SECRET));
    if !proved || secret.is_none() {
        let detail = "there is no such webhook, or its secret is another one";
        let title = "the webhook's secret is needed";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", title, detail)
            .header(WWW_AUTHENTICATE, "Bearer realm=\"bailiwick webhook\""));
    }
    call.caller.by = format!("webhook:{playbook}");
    Ok(call)
}

pub(in crate::server) async fn fire(call: Call) -> Answer {
    let (by, trigger) = (call.caller.by.clone(), Trigger::Webhook);
    let key = call.key.clone().or_else(|| Some(call.key_in_body(delivery(&call.headers)?)));
    let origin = Origin { by, trigger, key };
    let playbook = call.part("playbook");
    tasks::answer(call.shared.engine.hook(playbook, &call.body, origin).await?)
}

/// What a sender names a delivery by, where it sends no key: the same one is delivered again by it.
fn delivery(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get(DELIVERY)?.to_str().ok()?.trim();
    (!id.is_empty() && id.len() <= KEY_BYTES_MAX).then_some(id)
}

/// Whether a request shows that its sender knows the secret: by naming it, or by signing the body
/// with it. Everything that is there has to be right.
fn knows(headers: &HeaderMap, body: &[u8], secret: &str) -> bool {
    let named = [headers.get(SECRET).map(|value| value.as_bytes()), bearer(headers)];
    let named = named.into_iter().flatten().map(|guess| {
        // Hashes of this type are compared in constant time.
        blake3::hash(guess) == blake3::hash(secret.as_bytes())
    });
    let signed = headers.get(SIGNATURE).map(|value| is_signed(value.as_bytes(), body, secret));
    let proofs: Vec<bool> = named.chain(signed).collect();
    !proofs.is_empty() && proofs.iter().all(|right| *right)
}

/// Whether `signature` is `sha256=` and the HMAC-SHA-256 (RFC 2104) of the body in hexadecimal.
fn is_signed(signature: &[u8], body: &[u8], secret: &str) -> bool {
    let Some(hex) = signature.strip_prefix(b"sha256=") else { return false };
    let Ok(mac) = HEXLOWER_PERMISSIVE.decode(hex) else { return false };
    let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    hmac.update(body);
    hmac.verify_slice(&mac).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_proved_by_name_or_signature() {
        // From the documentation of a large host of repositories: secret, body, signature.
        let (secret, body) = ("It's a Secret to Everybody", b"Hello, World!");
        let right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        for (pairs, expected) in [
            (&[][..], false),
            (&[("x-webhook-secret", secret)][..], true),
            (&[("x-webhook-secret", "wrong")][..], false),
            (&[("authorization", "Bearer It's a Secret to Everybody")][..], true),
            (&[("authorization", "Basic It's a Secret to Everybody")][..], false),
            (&[("x-hub-signature-256", right)][..], true),
            (&[("x-hub-signature-256", &right[7..])][..], false),
            (&[("x-hub-signature-256", &right[..69])][..], false),
            (&[("x-hub-signature-256", "sha256=")][..], false),
            (&[("x-webhook-secret", "wrong"), ("x-hub-signature-256", right)][..], false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(HeaderName::from_static(name), value.parse().unwrap());
            }
            assert_eq!(knows(&headers, body, secret), expected, "{pairs:?}");
        }
    }
}
