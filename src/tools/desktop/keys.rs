//! Keys by name and characters, as X numbers them (`keysymdef.h`).

/// The first of the numbers that stand for characters of Unicode.
const UNICODE: u32 = 0x0100_0000;

pub(super) const SHIFT: u32 = 0xffe1;
const RETURN: u32 = 0xff0d;
const TAB: u32 = 0xff09;
const F1: u32 = 0xffbe;

const NAMED: [(&str, u32); 18] = [
    ("ctrl", 0xffe3),
    ("alt", 0xffe9),
    ("shift", SHIFT),
    ("super", 0xffeb),
    ("enter", RETURN),
    ("tab", TAB),
    ("escape", 0xff1b),
    ("backspace", 0xff08),
    ("delete", 0xffff),
    ("space", 0x20),
    ("up", 0xff52),
    ("down", 0xff54),
    ("left", 0xff51),
    ("right", 0xff53),
    ("home", 0xff50),
    ("end", 0xff57),
    ("page_up", 0xff55),
    ("page_down", 0xff56),
];

/// The number of a key: a name, `f1` to `f12`, or a single character.
pub(super) fn keysym(key: &str) -> Option<u32> {
    if let Some((_, number)) = NAMED.iter().find(|(name, _)| *name == key) {
        return Some(*number);
    }
    let mut characters = key.chars();
    match (characters.next(), characters.next()) {
        (Some(one), None) if !one.is_control() => Some(of_char(one)),
        (Some('f'), Some(_)) => {
            let number = key.get(1..)?.parse::<u32>().ok().filter(|it| (1..=12).contains(it))?;
            let plain = key.get(1..)? == number.to_string();
            plain.then(|| F1.saturating_add(number).saturating_sub(1))
        }
        _ => None,
    }
}

/// The number of the key for a character.
pub(super) const fn of_char(c: char) -> u32 {
    match c {
        '\n' => RETURN,
        '\t' => TAB,
        ' '..='~' | '\u{a0}'..='\u{ff}' => c as u32,
        _ => UNICODE | c as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_name_and_by_character() {
        for (key, number) in [
            ("a", Some(0x61)),
            ("A", Some(0x41)),
            ("ä", Some(0xe4)),
            ("€", Some(0x0100_20ac)),
            ("enter", Some(0xff0d)),
            ("f", Some(0x66)),
            ("f1", Some(0xffbe)),
            ("f12", Some(0xffc9)),
            ("f13", None),
            ("f+1", None),
            ("f01", None),
            ("", None),
            ("ab", None),
            ("\u{1b}", None),
        ] {
            assert_eq!(keysym(key), number, "{key}");
        }
    }
}
