//! Looking at a shared library before it is loaded: one that was cut off ends the process when the system
//! touches what is not there.

/// Why a file is no shared library for this system; nothing when it may be loaded.
pub(super) fn unloadable(bytes: &[u8]) -> Option<&'static str> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    if bytes.get(..5) != Some(b"\x7fELF\x02") {
        return Some("it is no shared library of 64 bits");
    }
    let within = |end: Option<u64>| end.is_some_and(|end| end <= bytes.len() as u64);
    let (Some(programs), Some(sections)) = (read(bytes, 32, 8), read(bytes, 40, 8)) else {
        return Some(CUT);
    };
    let (Some(program_size), Some(program_count), Some(section_size), Some(section_count)) =
        (read(bytes, 54, 2), read(bytes, 56, 2), read(bytes, 58, 2), read(bytes, 60, 2))
    else {
        return Some(CUT);
    };
    if !within(section_size.checked_mul(section_count).and_then(|it| it.checked_add(sections))) {
        return Some(CUT);
    }
    for index in 0..program_count {
        let at = program_size.checked_mul(index).and_then(|it| it.checked_add(programs));
        let end = at.and_then(|at| {
            let offset = read(bytes, at.checked_add(8)?, 8)?;
            offset.checked_add(read(bytes, at.checked_add(32)?, 8)?)
        });
        if !within(end) {
            return Some(CUT);
        }
    }
    None
}

const CUT: &str = "it was cut off: its end is missing";

fn read(bytes: &[u8], at: u64, width: usize) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    let part = bytes.get(at..at.checked_add(width)?)?;
    Some(part.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_program_is_whole_and_no_beginning_of_it_is() {
        let whole = std::fs::read("/proc/self/exe").unwrap();
        assert_eq!(unloadable(&whole), None);
        for (bytes, why) in [
            (&b"not a library"[..], "it is no shared library of 64 bits"),
            (&whole[..40], CUT),
            (&whole[..whole.len() / 2], CUT),
            (&whole[..whole.len() - 1], CUT),
        ] {
            assert_eq!(unloadable(bytes), Some(why), "{} bytes", bytes.len());
        }
    }
}
