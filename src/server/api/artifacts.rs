//! Files that runs produced.

use std::sync::Arc;

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY};

use crate::contracts::{ArtifactList, Hash, RunId};
use crate::orchestrator::{Artifact, artifacts_of, find_artifact};
use crate::server::problem::Problem;
use crate::server::reply::{Answer, Reply};
use crate::server::route::Call;

/// The media type of content whose own cannot be sent.
const BYTES: &str = "application/octet-stream";

pub(in crate::server) async fn list(call: Call) -> Answer {
    let run_id: RunId = call.id("run_id", "run")?;
    let services = Arc::clone(&call.shared.services);
    let read = move || artifacts_of(services.store.reader(), run_id);
    let items = call.shared.blocking(read).await??;
    Reply::ok(&ArtifactList { items: items.into_iter().map(|it| it.view).collect() })
}

pub(in crate::server) async fn show(call: Call) -> Answer {
    let hash: Hash = call.id("hash", "artifact")?;
    let services = Arc::clone(&call.shared.services);
    let read = move || {
        let reader = services.store.reader();
        let Some(artifact) = find_artifact(reader, &hash)? else { return Ok(None) };
        let content = reader.blob(&artifact.content)?;
        Ok::<_, crate::orchestrator::RunError>(Some((artifact, content)))
    };
    let found = call.shared.blocking(read).await??;
    let missing = || Problem::not_found(format!("there is no artifact `{hash}`"));
    let (artifact, content) = found.ok_or_else(missing)?;
    if Hash::of(&content) != hash {
        return Err(Problem::internal(&format!(
            "the artifact `{hash}` does not have this content"
        )));
    }
    // What a stranger made is never shown as a page of ours.
    Reply::bytes(&media_type(&artifact), content)
        .header(CONTENT_DISPOSITION, &disposition(&artifact.view.name))?
        .header(CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox")
}

/// The stated media type, if it is one: `type/subtype`, perhaps with parameters, in plain signs.
fn media_type(artifact: &Artifact) -> String {
    let stated = &artifact.view.media_type;
    let plain = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let essence = stated.split(';').next().unwrap_or_default().trim();
    let is_one = essence.split_once('/').is_some_and(|(kind, sub)| plain(kind) && plain(sub));
    let sendable = stated.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && stated.len() < 200;
    if is_one && sendable { stated.clone() } else { BYTES.to_owned() }
}

/// Has it saved under its name, in signs that need no quoting; the whole name beside it as RFC 6266 has it.
fn disposition(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last
        .chars()
        .take(120)
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' })
        .collect();
    let plain = match plain.trim_start_matches('.') {
        "" => "artifact",
        plain => plain,
    };
    let encoded: String = last
        .chars()
        .take(120)
        .flat_map(|c| c.to_string().into_bytes())
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_strangers_are_saved_as_plain_names() {
        for (name, expected) in [
            ("a.json", "attachment; filename=\"a.json\"; filename*=UTF-8''a.json"),
            ("../../etc/passwd", "attachment; filename=\"passwd\"; filename*=UTF-8''passwd"),
            (
                "ä\r\nX: y",
                "attachment; filename=\"___X__y\"; filename*=UTF-8''%C3%A4%0D%0AX%3A%20y",
            ),
            ("", "attachment; filename=\"artifact\"; filename*=UTF-8''"),
            ("\"", "attachment; filename=\"_\"; filename*=UTF-8''%22"),
            (".bashrc", "attachment; filename=\"bashrc\"; filename*=UTF-8''.bashrc"),
        ] {
            assert_eq!(disposition(name), expected);
        }
    }
}
