//! Keeping an answer small: the largest texts and lists are cut until it fits, and it says so.

use std::io::Write;

use serde_json::Value;

use crate::contracts::Map;

/// Most cuts of one answer; each takes the largest field that is left.
const CUTS_MAX: usize = 64;

/// Whether the JSON of `data` has more than `bytes_max` bytes.
pub(super) fn is_over(data: &Value, bytes_max: u64) -> bool {
    json_len(data) as u64 > bytes_max
}

/// Cuts `data` until its JSON has at most `bytes_max` bytes. Returns whether anything was cut; a
/// field `truncated` of the answer then says `true`. `None` when it cannot be made to fit.
pub(super) fn cap(data: &mut Value, bytes_max: u64) -> Option<bool> {
    let max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
    let mut size = json_len(data);
    if size <= max {
        return Some(false);
    }
    if let Some(flag) = data.get_mut("truncated") {
        *flag = Value::Bool(true);
    }
    for _ in 0..CUTS_MAX {
        let over = size.saturating_sub(max);
        if over == 0 {
            return Some(true);
        }
        shrink(data, over);
        let now = json_len(data);
        if now >= size {
            return None;
        }
        size = now;
    }
    (size <= max).then_some(true)
}

/// Takes about `over` bytes away from the largest part of `value`.
fn shrink(value: &mut Value, over: usize) {
    match value {
        Value::String(text) => shorten(text, over),
        Value::Array(items) => drop_last(items, over),
        Value::Object(fields) => {
            if let Some(largest) = largest(fields) {
                shrink(largest, over);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn largest(fields: &mut Map) -> Option<&mut Value> {
    let key = fields.iter().max_by_key(|(_, value)| json_len(value)).map(|(key, _)| key.clone())?;
    fields.get_mut(&key)
}

/// Cuts `text` at a character, from the end, so that its JSON is `over` bytes shorter.
fn shorten(text: &mut String, over: usize) {
    let mut gone = 0;
    let mut keep = text.len();
    for (at, c) in text.char_indices().rev() {
        if gone >= over {
            break;
        }
        gone += escaped_len(c);
        keep = at;
    }
    text.truncate(keep);
}

fn escaped_len(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        _ => c.len_utf8(),
    }
}

/// Drops items from the end; where one item alone is too large, cuts inside it.
fn drop_last(items: &mut Vec<Value>, over: usize) {
    if let [only] = items.as_mut_slice() {
        return shrink(only, over);
    }
    let mut gone = 0;
    while gone < over && items.len() > 1 {
        match items.pop() {
            Some(item) => gone += json_len(&item) + 1,
            None => return,
        }
    }
}

/// Bytes of `value` as JSON, without making the text.
fn json_len(value: &Value) -> usize {
    struct Count(usize);
    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    match serde_json::to_writer(&mut count, value) {
        Ok(()) => count.0,
        Err(_) => usize::MAX, // cannot be written: larger than any limit
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fits_is_left_alone() {
        let mut data = json!({"text": "abc", "truncated": false});
        assert_eq!(cap(&mut data, 100), Some(false));
        assert_eq!(data, json!({"text": "abc", "truncated": false}));
    }

    #[test]
    fn cuts_the_largest_text_at_a_character_and_says_so() {
        let mut data = json!({"name": "n", "text": "ä\n".repeat(1_000), "truncated": false});
        assert_eq!(cap(&mut data, 200), Some(true));
        assert_eq!(data["name"], "n");
        assert_eq!(data["truncated"], true);
        let text = data["text"].as_str().unwrap();
        assert!(text.starts_with("ä\nä\n") && text.len() > 80, "{text:?}");
        assert!(serde_json::to_string(&data).unwrap().len() <= 200);
    }

    #[test]
    fn drops_items_from_the_end_of_the_largest_list() {
        let items: Vec<u32> = (10_000..20_000).collect();
        let mut data = json!({"files": 10_000, "entries": items});
        assert_eq!(cap(&mut data, 1_000), Some(true));
        assert_eq!(data["entries"][0], 10_000);
        assert_eq!(data["files"], 10_000);
        assert!(data["entries"].as_array().unwrap().len() > 100);
    }

    #[test]
    fn says_when_it_cannot_fit() {
        let mut data = json!({"a": 1, "b": 2});
        assert_eq!(cap(&mut data, 3), None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,300}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 40, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::hash_map("[a-z]{1,4}", inner, 0..6)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_result_fits_or_is_refused(mut data in any_json(), max in 0u64..2_000) {
            if cap(&mut data, max).is_some() {
                prop_assert!(serde_json::to_string(&data).unwrap().len() as u64 <= max);
            }
        }
    }
}
