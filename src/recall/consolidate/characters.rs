//! Characters that hide what a text says: such as cannot be seen, turn the direction of writing, or look
//! like letters of another alphabet.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// Why a character is not taken as it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guise {
    /// Nothing is seen of it.
    Invisible,
    /// It turns the direction of what follows.
    Direction,
    /// It moves a terminal's cursor, or means something only to a program.
    Control,
    /// It looks like a letter of another alphabet than its neighbours'.
    LookAlike(char),
}

/// A character that hides what a text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disguised {
    /// Which.
    pub character: char,
    /// Its place, in characters from 0.
    pub at: usize,
    /// Why it is suspicious.
    pub guise: Guise,
}

impl fmt::Display for Disguised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = u32::from(self.character);
        match self.guise {
            Guise::Invisible => write!(f, "U+{code:04X} at {} cannot be seen", self.at),
            Guise::Direction => {
                write!(f, "U+{code:04X} at {} turns the direction of writing", self.at)
            }
            Guise::Control => write!(f, "U+{code:04X} at {} is a control character", self.at),
            Guise::LookAlike(like) => {
                write!(f, "`{}` (U+{code:04X}) at {} looks like `{like}`", self.character, self.at)
            }
        }
    }
}

/// The text in the one form in which texts are compared: compatibility forms resolved (NFKC), what cannot
/// be seen taken out.
#[must_use]
pub fn plain(text: &str) -> String {
    text.nfkc().filter(|c| hidden(*c).is_none()).collect()
}

/// The text in lower case with look-alikes as the letters they look like: for finding words that somebody
/// hid, never for showing.
#[must_use]
pub fn unmasked(text: &str) -> String {
    plain(text).chars().map(|c| look_alike(c).unwrap_or(c)).flat_map(char::to_lowercase).collect()
}

/// Every character that hides what the text says, in its order.
#[must_use]
pub fn disguised(text: &str) -> Vec<Disguised> {
    let characters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let latin = characters.iter().any(char::is_ascii_alphabetic);
    let mut start = 0;
    while start < characters.len() {
        let word: Vec<char> =
            characters.iter().skip(start).copied().take_while(|c| c.is_alphabetic()).collect();
        if word.is_empty() {
            found.extend(alone(&characters, start));
            start += 1;
        } else {
            found.extend(in_word(&word, start, latin));
            start += word.len();
        }
    }
    found
}

/// What is wrong with the character at `at`, which is no letter.
fn alone(characters: &[char], at: usize) -> Option<Disguised> {
    let character = *characters.get(at)?;
    let guise = hidden(character)?;
    let before = at.checked_sub(1).and_then(|at| characters.get(at)).copied();
    (!joins_pictures(character, before)).then_some(Disguised { character, at, guise })
}

/// Emoji are put together with U+200D and U+FE0F.
fn joins_pictures(character: char, before: Option<char>) -> bool {
    let picture = |c: char| {
        matches!(c, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}' | '\u{fe0f}' | '#' | '*')
            || c.is_ascii_digit()
    };
    matches!(character, '\u{200d}' | '\u{fe0f}') && before.is_some_and(picture)
}

/// Letters of one word that are of another alphabet than the rest, or a whole word of look-alikes in a
/// text that is written in Latin letters.
fn in_word(word: &[char], start: usize, latin_text: bool) -> Vec<Disguised> {
    let latin = word.iter().any(|c| c.is_ascii_alphabetic());
    let posing = word.iter().all(|c| look_alike(*c).is_some());
    let suspicious = latin || (posing && latin_text && word.len() > 1);
    let marked = word.iter().enumerate().filter_map(|(offset, c)| {
        let guise = match (hidden(*c), look_alike(*c)) {
            (Some(guise), _) => guise,
            (None, Some(like)) if suspicious => Guise::LookAlike(like),
            _ => return None,
        };
        Some(Disguised { character: *c, at: start + offset, guise })
    });
    marked.collect()
}

/// Whether a character shows nothing of itself, and how.
fn hidden(c: char) -> Option<Guise> {
    match c {
        '\u{00ad}'
        | '\u{034f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180e}'
        | '\u{200b}'..='\u{200d}'
        | '\u{2060}'..='\u{2065}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => Some(Guise::Invisible),
        '\u{061c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{206f}' => Some(Guise::Direction),
        '\n' | '\t' | '\r' => None,
        c if c.is_control() => Some(Guise::Control),
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => Some(Guise::Control),
        _ => None,
    }
}

/// The Latin letter that a letter of another alphabet, or a mathematical one, looks like. From the
/// confusables of Unicode (UTS 39), the letters that whole words can be written with.
fn look_alike(c: char) -> Option<char> {
    let like = match c {
        'а' | 'α' | 'ɑ' => 'a',
        'А' | 'Α' => 'A',
        'В' | 'Β' => 'B',
        'с' | 'ϲ' => 'c',
        'С' | 'Ϲ' => 'C',
        'ԁ' => 'd',
        'е' | 'ҽ' => 'e',
        'Е' | 'Ε' => 'E',
        'ɡ' | 'ց' => 'g',
        'һ' | 'հ' => 'h',
        'Н' | 'Η' => 'H',
        'і' | 'ı' | 'ι' => 'i',
        'І' | 'Ι' | 'Ӏ' => 'I',
        'ј' => 'j',
        'Ј' => 'J',
        'к' | 'κ' => 'k',
        'К' | 'Κ' => 'K',
        'ӏ' | 'ǀ' => 'l',
        'М' | 'Μ' => 'M',
        'ո' => 'n',
        'Ν' => 'N',
        'о' | 'ο' | 'օ' => 'o',
        'О' | 'Ο' | 'Օ' => 'O',
        'р' | 'ρ' => 'p',
        'Р' | 'Ρ' => 'P',
        'ԛ' => 'q',
        'г' => 'r',
        'ѕ' => 's',
        'Ѕ' => 'S',
        'т' | 'τ' => 't',
        'Т' | 'Τ' => 'T',
        'ս' | 'υ' => 'u',
        'ѵ' | 'ν' => 'v',
        'ԝ' | 'ѡ' => 'w',
        'х' | 'χ' => 'x',
        'Х' | 'Χ' => 'X',
        'у' | 'γ' => 'y',
        'У' | 'Υ' => 'Y',
        'ᴢ' => 'z',
        'Ζ' => 'Z',
        _ => return None,
    };
    Some(like)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_hides_and_leaves_other_scripts_alone() {
        let cases: &[(&str, &[(usize, Guise)])] = &[
            ("plain words, Grüße, naïve", &[]),
            ("привет, это Москва", &[]),
            ("Η Αθήνα", &[]),
            ("τ is Greek", &[]),
            ("family 👨\u{200d}👩\u{200d}👧 and ❤\u{fe0f} and 1\u{fe0f}", &[]),
            ("pay\u{200b}pal", &[(3, Guise::Invisible)]),
            ("a\u{202e}b", &[(1, Guise::Direction)]),
            ("a\u{e0041}b", &[(1, Guise::Invisible)]),
            ("a\u{7}b", &[(1, Guise::Control)]),
            ("p\u{430}ypal", &[(1, Guise::LookAlike('a'))]),
            ("the \u{441}\u{430} file", &[(4, Guise::LookAlike('c')), (5, Guise::LookAlike('a'))]),
        ];
        for (text, expected) in cases {
            let found: Vec<_> = disguised(text).into_iter().map(|it| (it.at, it.guise)).collect();
            assert_eq!(found, *expected, "{text:?}");
        }
    }

    #[test]
    fn one_form_has_neither_hidden_characters_nor_compatibility_forms() {
        assert_eq!(plain("ﬁle\u{200b} １２ ℌ"), "file 12 H");
        assert_eq!(unmasked("Ig\u{200d}n\u{43e}re"), "ignore");
    }

    #[test]
    fn says_which_character_and_where() {
        let said: Vec<String> =
            disguised("p\u{430}y\u{200b}").iter().map(ToString::to_string).collect();
        assert_eq!(said, ["`а` (U+0430) at 1 looks like `a`", "U+200B at 3 cannot be seen"]);
    }
}
