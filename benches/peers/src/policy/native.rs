//! The twenty rules as a function: nothing that is read from a file can be faster.

use super::flat::Flat;
use super::{Judge, Verdict};

pub struct Native<'a>(pub &'a [Flat]);

impl Judge for Native<'_> {
    fn verdict(&mut self, index: usize) -> Verdict {
        let it = &self.0[index];
        if denies(it) {
            Verdict::Deny
        } else if asks(it) {
            Verdict::Ask
        } else if allows(it) {
            Verdict::Allow
        } else {
            Verdict::Deny
        }
    }
}

fn reads(it: &Flat) -> bool {
    matches!(it.tool.as_str(), "read_text" | "list_dir") && it.access == "read"
}

fn denies(it: &Flat) -> bool {
    let shell = it.tool == "shell_exec";
    let forced = it.flags.iter().any(|flag| flag == "force");
    it.zone == "secret"
        || (it.access == "write"
            && matches!(it.zone.as_str(), "self" | "system" | "outside" | "home"))
        || matches!(it.host_class.as_str(), "private" | "loopback" | "link_local" | "metadata")
        || (shell && matches!(it.program.as_str(), "mkfs" | "dd" | "shutdown" | "reboot"))
        || (shell && it.program == "git" && it.word == "push" && forced)
        || (it.tool == "send_money" && it.amount > 999)
        || (it.read_secret && matches!(it.tool.as_str(), "send_mail" | "http_get" | "http_request"))
}

fn asks(it: &Flat) -> bool {
    let shell = it.tool == "shell_exec";
    let tree = it.flags.iter().any(|flag| flag == "recursive");
    (reads(it) && it.zone == "self")
        || it.tool == "http_request"
        || (shell && it.program == "rm" && tree)
        || (shell && it.program == "git" && it.word == "push")
        || (it.tool == "send_money" && it.amount > 99 && it.amount < 1000)
        || it.category == "external_comms"
        || (it.risk == "high" && it.untrusted)
}

fn allows(it: &Flat) -> bool {
    (reads(it) && it.zone == "workspace")
        || (it.tool == "write_text" && it.access == "write" && it.zone == "workspace")
        || (it.tool == "http_get"
            && (it.host == "docs.example.org" || it.host.ends_with(".example.net")))
        || (it.tool == "shell_exec"
            && matches!(it.program.as_str(), "ls" | "cat" | "cargo" | "git" | "rm"))
        || (it.tool == "send_money" && it.amount < 100)
}
