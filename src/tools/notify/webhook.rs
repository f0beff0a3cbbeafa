//! A message to an address that takes JSON.

use serde_json::json;

use super::tool::Args;
use crate::ports::Webhook;
use crate::tools::typed::Call;
use crate::tools::watch::Watch;
use crate::tools::web::{Sent, Target, post_json};

/// How long the other side may take.
const TIME_MS: u64 = 15_000;

/// Sends the message. The call's id lets the other side tell that one which comes twice is the same.
pub(super) fn send(hook: &Webhook, args: &Args, at: &Call<'_>) -> Result<(), String> {
    let target = Target::parse(&hook.url)
        .map_err(|_may_hold_a_secret| "`notify.webhook.url` is no https or http address")?;
    let body = json!({
        "text": args.text,
        "title": args.title,
        "severity": args.severity,
        "run_id": at.call.run_id,
        "call_id": at.call.id,
    });
    let sent = Sent {
        body: body.to_string().into_bytes(),
        token: hook.token.as_deref(),
        key: &at.call.id.to_string(),
    };
    let (name, shown) = (target.name().to_owned(), target.shown());
    let watch = Watch::start(at.context.cancel.clone(), TIME_MS);
    // Addresses of webhooks are often all that is asked of a caller: none is written into a log.
    post_json(target, sent, &at.context.away.addresses, &watch)
        .map_err(|error| error.message.replace(&shown, &name))
}
