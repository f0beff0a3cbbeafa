//! What a text may be in another notation. A secret is looked for in each, so that neither percent
//! signs nor base64 nor hexadecimal digits hide it, wherever in the text they stand.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};

/// Runs of digits that are shorter than this hide nothing that is long enough to be a secret.
const RUN_MIN: usize = 8;

/// Most disguises that are taken off one after another, as of base64 inside of percent signs.
const DEPTH_MAX: usize = 3;

/// Longest text that is looked through, in bytes; of a longer one only the text itself is.
pub(super) const TEXT_BYTES_MAX: usize = 1 << 20;

/// `text` in every notation that can be taken off it, itself first.
pub(super) fn undisguised(text: &str) -> Vec<Vec<u8>> {
    let mut found = vec![text.as_bytes().to_vec()];
    if text.len() > TEXT_BYTES_MAX {
        return found;
    }
    let mut newest = 0;
    for _ in 0..DEPTH_MAX {
        let texts: Vec<Vec<u8>> = found.iter().skip(newest).cloned().collect();
        newest = found.len();
        for bytes in &texts {
            for plain in once(bytes) {
                if !found.contains(&plain) {
                    found.push(plain);
                }
            }
        }
    }
    found
}

/// The notations that can be taken off `bytes` once.
fn once(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    found.extend(without_percent(bytes));
    let joined: Vec<u8> = bytes.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    for run in runs(&joined, |b| b.is_ascii_hexdigit()) {
        let even = run.get(..run.len() & !1).unwrap_or(run);
        found.extend(HEXLOWER_PERMISSIVE.decode(even).ok());
    }
    for run in runs(&joined, |b| b.is_ascii_alphanumeric() || b"+/-_".contains(&b)) {
        // A run may begin before what was encoded: every shift is tried.
        for start in 0..4 {
            let rest = run.get(start..).unwrap_or_default();
            let whole = match rest.len() % 4 {
                1 => rest.get(..rest.len() - 1).unwrap_or_default(),
                _ => rest,
            };
            found.extend(base64(whole));
        }
    }
    found.retain(|plain| plain.len() >= RUN_MIN / 2);
    found
}

fn base64(digits: &[u8]) -> Option<Vec<u8>> {
    if digits.iter().any(|b| b"-_".contains(b)) {
        return loose(digits, |digits| BASE64URL_NOPAD.decode(digits).ok());
    }
    BASE64.decode(digits).ok().or_else(|| loose(digits, |digits| BASE64_NOPAD.decode(digits).ok()))
}

/// The same of whole groups of four, where what stands behind them does not fit.
fn loose(digits: &[u8], decode: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    decode(digits).or_else(|| decode(digits.get(..digits.len() / 4 * 4)?))
}

fn runs(bytes: &[u8], digit: impl Fn(u8) -> bool) -> Vec<&[u8]> {
    bytes.split(|b| !digit(*b)).filter(|run| run.len() >= RUN_MIN).collect()
}

fn without_percent(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.contains(&b'%') {
        return None;
    }
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%');
        match digits.and_then(|digits| HEXLOWER_PERMISSIVE.decode(digits).ok()) {
            Some(byte) => {
                plain.extend(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use data_encoding::{BASE64, BASE64URL, HEXUPPER};

    use super::*;

    #[test]
    fn takes_off_every_notation_and_one_inside_of_another() {
        let secret = "tr0ub4dor&3-?>~long";
        let percent: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let base64 = BASE64.encode(secret.as_bytes());
        for text in [
            secret.to_owned(),
            format!("x={percent}&y"),
            format!("a {base64} b"),
            format!("{}!", BASE64URL.encode(format!("user:{secret}").as_bytes())),
            format!("Basic\n{}\n{}", &base64[..8], &base64[8..]),
            HEXUPPER.encode(secret.as_bytes()),
            HEXUPPER.encode(base64.as_bytes()),
            BASE64.encode(percent.as_bytes()),
        ] {
            let found = undisguised(&text)
                .iter()
                .any(|plain| plain.windows(secret.len()).any(|part| part == secret.as_bytes()));
            assert!(found, "{text}");
        }
    }

    #[test]
    fn a_plain_text_is_itself() {
        assert_eq!(undisguised("a b c, d!"), [b"a b c, d!".to_vec()]);
        assert_eq!(undisguised("100%, %zz"), [b"100%, %zz".to_vec()]);
    }
}
