//! Finding the texts that a payload names, whatever its kind: every object that has exactly the
//! fields of a [`TextRef`] is one.

use serde_json::Value;

use crate::contracts::TextRef;

/// Every text named in `payload`, in order.
pub(super) fn text_refs(payload: &str) -> Result<Vec<TextRef>, serde_json::Error> {
    let mut found = Vec::new();
    if payload.contains("\"salted_hash\"") {
        collect(&serde_json::from_str(payload)?, &mut found);
    }
    Ok(found)
}

// As deep as serde_json reads, which is 128 levels.
fn collect(value: &Value, found: &mut Vec<TextRef>) {
    match value {
        Value::Object(fields) => match as_ref(value) {
            Some(reference) => found.push(reference),
            None => fields.values().for_each(|field| collect(field, found)),
        },
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

/// Looks like a reference, and is one. Inputs of a task may look alike; they name nothing unless
/// all three fields fit together.
fn as_ref(value: &Value) -> Option<TextRef> {
    let reference: TextRef = serde::Deserialize::deserialize(value).ok()?;
    let hex = reference.salted_hash.to_string();
    let fits = hex.get(..32).is_some_and(|name| reference.blob == format!("blob_{name}"));
    fits.then_some(reference)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contracts::Stored;

    #[test]
    fn finds_references_at_any_depth_and_nothing_else() {
        let one = Stored::new(b"one".to_vec(), [1; 32]).reference;
        let two = Stored::new(b"two".to_vec(), [2; 32]).reference;
        let mut forged = two.clone();
        forged.blob = "blob_00000000000000000000000000000000".to_owned();
        let payload = serde_json::json!({
            "a": one, "b": [{"c": {"d": two}}], "salted_hash": "x", "forged": forged,
            "more": {"salted_hash": one.salted_hash, "bytes": 3, "blob": one.blob, "x": 1},
        });
        assert_eq!(text_refs(&payload.to_string()).unwrap(), [one, two]);
        assert_eq!(text_refs("{}").unwrap(), []);
    }
}
