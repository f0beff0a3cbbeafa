//! Whether something that is handed in can be remembered, before anything is done with it.

use std::sync::Arc;

use super::limits::{EXTERNAL_IDS_MAX, NAME_BYTES_MAX, TAGS_MAX, WriteLimits};
use crate::contracts::{Area, MemoryDraft, Timestamp};

/// Strikes out of a text what nobody should remember: secrets.
pub type Strike = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// How far ahead a time may lie, in milliseconds: a hundred years.
const AHEAD_MS: u64 = 100 * 366 * 24 * 3_600 * 1_000;

/// A draft without mistakes and without secrets.
#[derive(Debug, Clone)]
pub(super) struct Sound {
    pub draft: MemoryDraft,
    /// Whether something was struck out of its text.
    pub struck: bool,
}

/// Checks a draft.
pub(super) fn check(
    mut draft: MemoryDraft,
    limits: &WriteLimits,
    strike: &Strike,
    now: Timestamp,
) -> Result<Sound, String> {
    text_fits(&draft.text, limits)?;
    names_fit(&draft)?;
    times_fit(&draft, now)?;
    if let Some(importance) = draft.importance
        && !(0.0..=1.0).contains(&importance)
    {
        return Err(format!("`importance` is {importance}; it goes from 0 to 1"));
    }
    if draft.pinned && draft.area != Area::Main {
        let area = draft.area.name();
        return Err(format!("only memories in `main` can be pinned, and this one is in `{area}`"));
    }
    no_secret_in_names(&draft, strike)?;
    let text = strike(&draft.text);
    let struck = text != draft.text;
    draft.text = text;
    let mut tags = Vec::with_capacity(draft.tags.len());
    for tag in draft.tags.drain(..) {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    draft.tags = tags;
    draft.labels.sort_unstable();
    draft.labels.dedup();
    Ok(Sound { draft, struck })
}

fn text_fits(text: &str, limits: &WriteLimits) -> Result<(), String> {
    let (bytes, most) = (text.len() as u64, limits.text_bytes_max);
    if text.trim().is_empty() {
        return Err("the text is empty: there is nothing to remember".to_owned());
    }
    if bytes > most {
        return Err(format!(
            "the text has {bytes} bytes, and a memory at most {most} (`memory.text_bytes_max`): \
             say it in fewer words, or keep it as a file and remember where it is"
        ));
    }
    Ok(())
}

fn names_fit(draft: &MemoryDraft) -> Result<(), String> {
    let counts = [("tags", draft.tags.len(), TAGS_MAX), ("labels", draft.labels.len(), TAGS_MAX)];
    for (what, count, most) in counts {
        if count > most {
            return Err(format!("there are {count} {what}; a memory has at most {most}"));
        }
    }
    for (what, name) in names(draft) {
        let bytes = name.len();
        if name.trim().is_empty() {
            return Err(format!("`{what}` holds an empty name; leave it out"));
        }
        if bytes > NAME_BYTES_MAX {
            return Err(format!(
                "`{what}` holds a name of {bytes} bytes; at most {NAME_BYTES_MAX}"
            ));
        }
        if name.chars().any(char::is_control) {
            return Err(format!("`{what}` holds a control character in `{}`", name.escape_debug()));
        }
    }
    Ok(())
}

/// Everything that is a name, and where it stands.
fn names(draft: &MemoryDraft) -> impl Iterator<Item = (&'static str, &String)> {
    let one = [
        ("external_id", &draft.external_id),
        ("subject", &draft.subject),
        ("episode_id", &draft.episode_id),
    ];
    let one = one.into_iter().filter_map(|(what, name)| Some((what, name.as_ref()?)));
    let tags = draft.tags.iter().map(|tag| ("tags", tag));
    one.chain(tags).chain(draft.labels.iter().map(|label| ("labels", label)))
}

/// A name must be what it is for whoever gave it: nothing can be struck out of it.
fn no_secret_in_names(draft: &MemoryDraft, strike: &Strike) -> Result<(), String> {
    match names(draft).find(|(_, name)| strike(name) != **name) {
        Some((what, _)) => Err(format!("`{what}` holds what looks like a secret; leave it out")),
        None => Ok(()),
    }
}

fn times_fit(draft: &MemoryDraft, now: Timestamp) -> Result<(), String> {
    let times = [
        ("event_time", draft.event_time),
        ("valid_from", draft.valid_from),
        ("valid_to", draft.valid_to),
        ("expires_at", draft.expires_at),
    ];
    let latest = now.plus_ms(AHEAD_MS);
    for (what, time) in times {
        if let Some(time) = time.filter(|time| *time > latest) {
            return Err(format!("`{what}` is {time}, more than a hundred years from now"));
        }
    }
    match (draft.valid_from, draft.valid_to) {
        (Some(from), Some(to)) if to <= from => {
            Err(format!("`valid_to` ({to}) is not after `valid_from` ({from}): it never holds"))
        }
        _ => Ok(()),
    }
}

/// Adds what `more` has beyond `kept`; whether anything was new.
///
/// # Errors
/// When there would be too many.
pub(super) fn merge_external(
    kept: &mut Vec<String>,
    more: Option<&String>,
) -> Result<bool, String> {
    let Some(name) = more.filter(|name| !kept.contains(name)) else { return Ok(false) };
    if kept.len() >= EXTERNAL_IDS_MAX {
        return Err(format!(
            "the same text was handed in under {EXTERNAL_IDS_MAX} names already; `{name}` is one too many"
        ));
    }
    kept.push(name.clone());
    Ok(true)
}

/// The same for tags; what is over the limit is refused.
pub(super) fn merge_tags(kept: &mut Vec<String>, more: &[String]) -> Result<bool, String> {
    let before = kept.len();
    for tag in more {
        if !kept.contains(tag) {
            kept.push(tag.clone());
        }
    }
    match kept.len() {
        count if count > TAGS_MAX => Err(format!(
            "together with the same text that is there already it would have {count} tags; \
             a memory has at most {TAGS_MAX}"
        )),
        count => Ok(count > before),
    }
}
