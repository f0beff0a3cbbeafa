//! What it was measured on.

use std::collections::BTreeMap;
use std::fs;

/// Cores, memory, processor and kernel, as far as the system tells.
pub fn machine() -> BTreeMap<String, String> {
    let line = |file: &str, key: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let found = text.lines().find(|line| line.starts_with(key));
        found.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
    };
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok();
    let cores = std::thread::available_parallelism().map(|cores| cores.to_string());
    let known = [
        ("cpu", line("/proc/cpuinfo", "model name")),
        ("cores", cores.ok()),
        ("memory", line("/proc/meminfo", "MemTotal")),
        ("kernel", kernel.map(|text| text.trim().to_owned())),
        ("load", fs::read_to_string("/proc/loadavg").ok().map(|text| text.trim().to_owned())),
    ];
    known.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}
