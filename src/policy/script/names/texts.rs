//! Functions of texts. What changes a text changes it in place and gives it too.

use super::table::{Name, Section};

pub(super) const TEXTS: Section = Section {
    title: "Texts",
    functions: &[
        Name("contains(text: String, part: ?) -> bool", "", r#""abc".contains("b")"#),
        Name("starts_with(text: String, part: ?) -> bool", "", r#""abc".starts_with("a")"#),
        Name("ends_with(text: String, part: ?) -> bool", "", r#""abc".ends_with("c")"#),
        Name(
            "index_of(text: String, part: ?) -> int",
            "-1 when it is not there",
            r#""abc".index_of("d") == -1"#,
        ),
        Name(
            "index_of(text: String, part: ?, from: int) -> int",
            "",
            r#""abca".index_of("a", 1) == 3"#,
        ),
        Name("sub_string(text: String, from: int) -> String", "", r#""abc".sub_string(1) == "bc""#),
        Name(
            "sub_string(text: String, from: int, len: int) -> String",
            "",
            r#""abc".sub_string(0, 2) == "ab""#,
        ),
        Name("to_upper(text: String) -> String", "", r#""a".to_upper() == "A""#),
        Name("to_lower(text: String) -> String", "", r#""A".to_lower() == "a""#),
        Name("split(text: String) -> Array", "at white space", r#""a b".split().len == 2"#),
        Name("split(text: String, by: ?) -> Array", "", r#""a,b".split(",")[1] == "b""#),
        Name(
            "split(text: String, by: ?, most: int) -> Array",
            "",
            r#""a,b,c".split(",", 2)[1] == "b,c""#,
        ),
        Name(
            "split_rev(text: String, by: ?) -> Array",
            "from the end",
            r#""a,b".split_rev(",")[0] == "b""#,
        ),
        Name(
            "split_rev(text: String, by: ?, most: int) -> Array",
            "",
            r#""a,b,c".split_rev(",", 2)[1] == "a,b""#,
        ),
        Name("to_chars(text: String) -> Array", "", r#""ab".to_chars().len == 2"#),
        Name(
            "chars(text: String) -> ?",
            "its characters, for `for`",
            r#"{ let n = 0; for c in "ab".chars() { n += 1; } n == 2 }"#,
        ),
        Name("bytes(text: String) -> int", "how many bytes", r#""ab".bytes() == 2"#),
        Name(
            "trim(text: String) -> String",
            "without white space around",
            r#"" a ".trim() == "a""#,
        ),
        Name(
            "replace(text: String, part: ?, by: ?) -> String",
            "everywhere",
            r#""aa".replace("a", "b") == "bb""#,
        ),
        Name("make_upper(text: String) -> String", "", r#""a".make_upper() == "A""#),
        Name("make_lower(text: String) -> String", "", r#""A".make_lower() == "a""#),
        Name("crop(text: String, from: int) -> String", "", r#""abc".crop(1) == "bc""#),
        Name(
            "crop(text: String, from: int, len: int) -> String",
            "",
            r#""abc".crop(0, 2) == "ab""#,
        ),
        Name("truncate(text: String, len: int) -> String", "", r#""abc".truncate(2) == "ab""#),
        Name(
            "pad(text: String, len: int, with: ?) -> String",
            "at its end",
            r#""a".pad(3, "-") == "a--""#,
        ),
        Name("append(text: String, more: ?) -> String", "", r#""a".append("b") == "ab""#),
        Name("clear(text: String) -> String", "", r#""a".clear() == """#),
        Name("parse_int(text: String) -> int", "no number is an error", r#"parse_int("12") == 12"#),
        Name("parse_int(text: String, radix: int) -> int", "", r#"parse_int("ff", 16) == 255"#),
        Name("parse_float(text: String) -> float", "", r#"parse_float("1.5") == 1.5"#),
        Name("to_string(value: ?) -> String", "", r#"12.to_string() == "12""#),
        Name("type_of(value: ?) -> String", "", r#"type_of("a") == "string""#),
    ],
};
