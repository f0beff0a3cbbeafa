//! Names that MCP clients take, for tools whose own names they would not.

use std::collections::BTreeMap;

use crate::contracts::Hash;

/// Longest name that clients take, in characters.
const CHARS_MAX: usize = 64;
/// Characters of a hash that tell names apart which would be the same.
const HASH_CHARS: usize = 8;

/// Each tool by the name under which clients see it. A name that fits stays; the others are written
/// with `_`, and told apart by a hash where two would be the same.
pub(super) fn exposed<'a>(tools: impl Iterator<Item = &'a str>) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    let (plain, others): (Vec<&str>, Vec<&str>) = tools.partition(|name| fits(name));
    for tool in plain {
        names.insert(tool.to_owned(), tool.to_owned());
    }
    for tool in others {
        let mut name: String = tool.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
        if name.len() > CHARS_MAX || names.contains_key(&name) {
            let hash = Hash::of(tool.as_bytes()).to_string();
            let hash: String = hash.chars().take(HASH_CHARS).collect();
            name = name.chars().take(CHARS_MAX - HASH_CHARS - 1).collect();
            name = format!("{name}_{hash}");
        }
        names.insert(name, tool.to_owned());
    }
    names
}

const fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

fn fits(name: &str) -> bool {
    (1..=CHARS_MAX).contains(&name.len()) && name.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_one_name_that_clients_take() {
        let long = format!("mcp:server/{}", "x".repeat(100));
        let longer = format!("{long}y");
        let tools = [
            "read_text",
            "mcp_fs_read",
            "mcp:fs/read",
            "mcp:fs:read",
            "mcp:fs/a.b",
            long.as_str(),
            longer.as_str(),
        ];
        let names = exposed(tools.into_iter());
        assert_eq!(names.len(), tools.len(), "{names:?}");
        assert!(names.keys().all(|name| fits(name)), "{names:?}");
        assert_eq!(names["read_text"], "read_text");
        // A tool never takes the name that another one has by right.
        assert_eq!(names["mcp_fs_read"], "mcp_fs_read");
        assert_eq!(names["mcp_fs_a_b"], "mcp:fs/a.b");
        let mut owned: Vec<&String> = names.values().collect();
        owned.sort();
        owned.dedup();
        assert_eq!(owned.len(), tools.len());
    }
}
