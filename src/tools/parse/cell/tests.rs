//! Documents, sound ones and hostile ones, as the reader in its cell sees them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::words::{Kept, Reply, Request};
use super::{CsvWanted, Wanted, answer};
use crate::tools::cell::Why;

const PAGE: &[u8] = include_bytes!("../../../../tests/fixtures/web/page.html");

const ROOM: u64 = 1 << 20;

fn ask(wanted: Wanted, document: &[u8], bytes_max: u64) -> Reply {
    ask_keeping(wanted, document, bytes_max, 0).0
}

/// The reply, and what is kept beside it.
fn ask_keeping(
    wanted: Wanted,
    document: &[u8],
    bytes_max: u64,
    whole_bytes_max: u64,
) -> (Reply, Vec<u8>) {
    let mut input = serde_json::to_vec(&Request { wanted, bytes_max, whole_bytes_max }).unwrap();
    input.push(b'\n');
    input.extend_from_slice(document);
    let mut reply = answer(&input).unwrap();
    let end = reply.iter().position(|byte| *byte == b'\n');
    let beside = end.map_or_else(Vec::new, |end| reply.split_off(end + 1));
    assert!(reply.len() as u64 <= bytes_max + 1_000, "{} bytes", reply.len());
    assert!(beside.len() as u64 <= whole_bytes_max, "{} bytes beside", beside.len());
    (serde_json::from_slice(&reply).unwrap(), beside)
}

fn found(wanted: Wanted, document: &[u8]) -> Value {
    match ask(wanted, document, ROOM) {
        Reply::Found(data) => data,
        other => panic!("{other:?}"),
    }
}

fn refused(wanted: Wanted, document: &[u8]) -> (Why, String) {
    match ask(wanted, document, ROOM) {
        Reply::Refused(refusal) => (refusal.why, refusal.message),
        other => panic!("{other:?}"),
    }
}

fn html() -> Wanted {
    Wanted::Html { links_max: 100 }
}

fn query(query: &str) -> Wanted {
    Wanted::Json { query: query.to_owned(), limit: 10 }
}

fn table(delimiter: u8, header: bool, offset: usize, limit: usize) -> Wanted {
    Wanted::Csv(CsvWanted { delimiter, header, offset, limit })
}

fn pdf() -> Wanted {
    Wanted::Pdf { first: 1, count: 10 }
}

#[test]
fn a_page_becomes_text_as_people_see_it() {
    let page = found(html(), PAGE);
    assert_eq!(page["title"], "Lamps & shades");
    let text = page["text"].as_str().unwrap();
    let expected = "Home About us Mail\n\nLamps of all sizes\n\nEvery lamp is tested by hand.\nTwice.\n\n\
                    - Größe S more\n- Two words more\n- Three more\n\nSize | Watt |\nS | 3 |\n\n  keep   this\n  \
                    as it is\n\nno link no address\n© the shop";
    assert_eq!(text, expected);
    let urls: Vec<&str> =
        page["links"].as_array().unwrap().iter().map(|it| it["url"].as_str().unwrap()).collect();
    assert_eq!(urls[..3], ["/", "../about.html", "mailto:a@shop.example"]);
    assert_eq!(urls.len(), 7);
}

#[test]
fn a_page_says_which_charset_it_is_in() {
    for (bytes, text) in [
        (b"<p>gr\xc3\xb6\xc3\x9fe".as_slice(), "größe"),
        (b"\xef\xbb\xbf<p>gr\xc3\xb6\xc3\x9fe", "größe"),
        (b"<p>gr\xf6\xdfe", "größe"),
        (b"<meta charset=iso-8859-2><p>\xb3", "ł"),
        (b"<META http-equiv=content-type content='text/html; charset=\"koi8-r\"'><p>\xc1", "а"),
        (b"\xff\xfe<\0p\0>\0a\0", "a"),
        (b"<meta charset=no-such-thing><p>a", "a"),
        (b"<meta charset=utf-8><p>a\xffb", "a\u{fffd}b"),
        (b"<p>a\0b", "ab"),
        (b"", ""),
    ] {
        assert_eq!(found(html(), bytes)["text"], text, "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn markdown_becomes_text() {
    let source = "---\nsecret: x\n---\n# One `two`\n\nA *b* [c](https://d.example \"t\")  \ne\nf.\n\n\
                  1. x\n2. y\n   - z\n\n```rust\nfn  a() {}\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n<b>raw</b>\n\n\
                  - [ ] task\n";
    let document = found(Wanted::Markdown, source.as_bytes());
    assert_eq!(
        document["text"],
        "One two\n\nA b c\ne f.\n\n1. x\n2. y\n  - z\n\nfn  a() {}\n\na | b |\n1 | 2 |\n\n<b>raw</b>\n\n- [ ] task"
    );
    assert_eq!(document["headings"], json!([{"level": 1, "text": "One two"}]));
    assert_eq!(document["links"], json!([{"text": "c", "url": "https://d.example"}]));
}

#[test]
fn json_is_searched_by_path() {
    let document = br#"{"items":[{"n":"a","p":9},{"n":"b","p":10.5}],"x":{"n":"c"}}"#;
    for (path, values, paths) in [
        ("$.items[?@.p < 10].n", json!(["a"]), json!(["$['items'][0]['n']"])),
        (
            "$..n",
            json!(["a", "b", "c"]),
            json!(["$['items'][0]['n']", "$['items'][1]['n']", "$['x']['n']"]),
        ),
        ("$.items[-1]['p']", json!([10.5]), json!(["$['items'][1]['p']"])),
        ("$.none", json!([]), json!([])),
        ("$.items[?search(@.n, 'b|z')].p", json!([10.5]), json!(["$['items'][1]['p']"])),
    ] {
        let data = found(query(path), document);
        assert_eq!((&data["values"], &data["paths"]), (&values, &paths), "{path}");
        assert_eq!(data["count"], values.as_array().unwrap().len());
    }
    let many: Vec<u32> = (0..100).collect();
    let data = found(query("$[*]"), &serde_json::to_vec(&many).unwrap());
    assert_eq!(data["values"].as_array().unwrap().len(), 10);
    assert_eq!((&data["count"], &data["truncated"]), (&json!(100), &json!(true)));
}

#[test]
fn what_is_no_json_and_no_path_is_named() {
    for (path, document, why, says) in [
        ("items", b"{}".as_slice(), Why::BadRequest, "no JSONPath"),
        ("$[?@.a = 1]", b"{}", Why::BadRequest, "no JSONPath"),
        ("$", b"{", Why::Damaged, "no JSON"),
        ("$", b"", Why::Damaged, "no JSON"),
        ("$", b"{} {}", Why::Damaged, "no JSON"),
        ("$", b"\"\xff\"", Why::Damaged, "not UTF-8"),
        ("$", b"[NaN]", Why::Damaged, "no JSON"),
    ] {
        let (found, message) = refused(query(path), document);
        assert_eq!(found, why, "{path}: {message}");
        assert!(message.contains(says), "{path}: {message}");
    }
    let deep = [b"[".repeat(1_000_000), b"]".repeat(1_000_000)].concat();
    let (why, message) = refused(query("$"), &deep);
    assert_eq!(why, Why::Damaged);
    assert!(message.contains("recursion limit"), "{message}");
    assert_eq!(found(query("$"), b"\xef\xbb\xbf[1]")["values"], json!([[1]]));
}

#[test]
fn a_table_is_read_as_text_and_in_part() {
    let document = "id;name\r\n007;\"a;b\"\r\n1e5;\"c \"\"d\"\"\nx\"\r\n\r\nlast;\r\n".as_bytes();
    let data = found(table(b';', true, 0, 10), document);
    assert_eq!(data["columns"], json!(["id", "name"]));
    assert_eq!(data["rows"], json!([["007", "a;b"], ["1e5", "c \"d\"\nx"], ["last", ""]]));
    assert_eq!(
        (&data["count"], &data["ragged"], &data["truncated"]),
        (&json!(3), &json!(0), &json!(false))
    );
    let data = found(table(b';', true, 1, 1), document);
    assert_eq!(
        (&data["rows"][0][0], &data["count"], &data["truncated"]),
        (&json!("1e5"), &json!(3), &json!(true))
    );
    let data = found(table(b',', false, 0, 10), b"a,b\nc\nd,e,f");
    assert_eq!(data["rows"], json!([["a", "b"], ["c"], ["d", "e", "f"]]));
    assert_eq!((&data["columns"], &data["ragged"]), (&json!([]), &json!(2)));
    let utf16 = [b"\xff\xfe".as_slice(), &[b'a', 0, b',', 0, b'b', 0]].concat();
    assert_eq!(found(table(b',', false, 0, 10), &utf16)["rows"], json!([["a", "b"]]));
    assert_eq!(found(table(b',', true, 0, 10), b"")["count"], 0);
}

#[test]
fn tables_that_would_not_end_are_refused() {
    for (document, why, says) in [
        (b"a,b\n1,\"2\n3,4\n".to_vec(), Why::Damaged, "never closed"),
        (b"\"".to_vec(), Why::Damaged, "never closed"),
        (b"a\xff".to_vec(), Why::Damaged, "not UTF-8"),
        (b",".repeat(1_000_000), Why::TooLarge, "1000001 cells"),
    ] {
        let (found, message) = refused(table(b',', true, 0, 10), &document);
        assert_eq!(found, why, "{message}");
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn depth_and_width_break_nobody() {
    let began = Instant::now();
    let deep = [b"<div>".repeat(3_000), b"x".to_vec()].concat();
    assert_eq!(found(html(), &deep)["text"], "x");
    assert_eq!(found(html(), &b"<a href=b>x</a>".repeat(500))["truncated"], true);
    let many = b"<p><b><i>".repeat(100);
    assert_eq!(found(html(), &many)["text"], "");
    let quotes = [b"> ".repeat(500), b"x".to_vec()].concat();
    assert!(found(Wanted::Markdown, &quotes)["text"].as_str().unwrap().contains('x'));
    let open = b"[".repeat(5_000);
    assert!(found(Wanted::Markdown, &open)["text"].as_str().unwrap().starts_with('['));
    let stars = b"*a_ ".repeat(2_000);
    found(Wanted::Markdown, &stars);
    let lists = b"- ".repeat(300);
    found(Wanted::Markdown, &lists);
    // Entities of XML mean nothing in HTML.
    let lol = b"<!DOCTYPE a [<!ENTITY b \"&c;&c;\"><!ENTITY c \"x\">]><p>&b;";
    assert!(found(html(), lol)["text"].as_str().unwrap().len() < 100);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[test]
fn what_is_found_never_grows_beyond_the_room() {
    let text = "\u{1}y ".repeat(100_000);
    match ask(Wanted::Markdown, text.as_bytes(), 10_000) {
        Reply::Cut { found, kept, .. } => {
            assert_eq!((&found["truncated"], kept), (&json!(true), Kept::Nothing));
        }
        other => panic!("{other:?}"),
    }
    let numbers: Vec<u32> = (0..50_000).collect();
    let wanted = Wanted::Json { query: "$..*".to_owned(), limit: 100_000 };
    match ask(wanted, &serde_json::to_vec(&numbers).unwrap(), 10_000) {
        Reply::Cut { found, .. } => assert_eq!(found["count"], 50_000),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_there_is_no_room_for_goes_beside_the_reply() {
    let text = "0123456789 ".repeat(1_000);
    for (room, beside, kept) in [
        (20_000, 0, None),
        (1_000, 20_000, Some(Kept::All)),
        (1_000, 5_000, Some(Kept::Part)),
        (1_000, 1_000, Some(Kept::Nothing)),
        (1_000, 0, Some(Kept::Nothing)),
    ] {
        let (reply, whole) = ask_keeping(Wanted::Markdown, text.as_bytes(), room, beside);
        let said = match &reply {
            Reply::Found(_) => None,
            Reply::Cut { kept, .. } => Some(*kept),
            Reply::Refused(refusal) => panic!("{refusal:?}"),
        };
        assert_eq!(said, kept, "{room} {beside}");
        if !matches!(kept, Some(Kept::All | Kept::Part)) {
            assert!(whole.is_empty(), "{room} {beside}");
            continue;
        }
        let whole: Value = serde_json::from_slice(&whole).unwrap();
        assert_eq!(whole["text"] == text.trim(), kept == Some(Kept::All), "{room} {beside}");
        assert_eq!(whole["truncated"], kept == Some(Kept::Part), "{room} {beside}");
    }
}

/// A PDF of these pages, each a line of text, written by hand: catalogue, pages, one font, a stream each.
fn forged(pages: &[&str]) -> Vec<u8> {
    let kids: Vec<String> = (0..pages.len()).map(|at| format!("{} 0 R", 4 + 2 * at)).collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Kids [{}] /Count {} >>", kids.join(" "), pages.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
            .to_owned(),
    ];
    for (at, text) in pages.iter().enumerate() {
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {} 0 R /Resources << /Font << /F1 \
             3 0 R >> >> >>",
            5 + 2 * at
        ));
        let stream = format!("BT /F1 24 Tf 72 720 Td ({text}) Tj ET");
        objects.push(format!("<< /Length {} >>\nstream\n{stream}\nendstream", stream.len()));
    }
    let mut file = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        places.push(file.len());
        file.extend_from_slice(format!("{} 0 obj\n{object}\nendobj\n", at + 1).as_bytes());
    }
    let table = file.len();
    file.extend_from_slice(
        format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).as_bytes(),
    );
    for place in places {
        file.extend_from_slice(format!("{place:010} 00000 n \n").as_bytes());
    }
    let trailer = format!(
        "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n",
        objects.len() + 1
    );
    file.extend_from_slice(trailer.as_bytes());
    file
}

#[test]
fn the_text_of_a_pdf_comes_page_by_page() {
    let file = forged(&["Hello, page one", "Second \\(page\\)", "Third"]);
    let data = found(pdf(), &file);
    assert_eq!(data["pages"], json!(["Hello, page one", "Second (page)", "Third"]));
    assert_eq!((&data["count"], &data["truncated"]), (&json!(3), &json!(false)));
    let data = found(Wanted::Pdf { first: 2, count: 1 }, &file);
    assert_eq!(
        (&data["pages"], &data["first"], &data["truncated"]),
        (&json!(["Second (page)"]), &json!(2), &json!(true))
    );
    let data = found(Wanted::Pdf { first: 9, count: 1 }, &file);
    assert_eq!((&data["pages"], &data["count"]), (&json!([]), &json!(3)));
}

#[test]
fn pdfs_that_are_none_are_refused() {
    let file = forged(&["Hello"]);
    let (why, message) = refused(pdf(), b"plain text");
    assert_eq!(why, Why::Damaged);
    assert!(message.contains("no PDF"), "{message}");
    for cut in [9, 60, 200, file.len() / 2, file.len() - 30] {
        let (why, _) = refused(pdf(), &file[..cut]);
        assert_eq!(why, Why::Damaged, "{cut}");
    }
    let text = String::from_utf8(file).unwrap();
    let encrypted = text.replace(
        "/Root 1 0 R >>",
        "/Root 1 0 R /Encrypt << /Filter /Standard /V 1 /R 2 /O (aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa) /U \
         (bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb) /P -4 >> /ID [(x) (y)] >>",
    );
    let (why, message) = refused(pdf(), encrypted.as_bytes());
    assert_eq!(why, Why::Damaged, "{message}");
    // Pages that contain themselves, and a font that is none.
    let loops = text.replace("/Kids [4 0 R]", "/Kids [2 0 R]");
    ask(pdf(), loops.as_bytes(), ROOM);
    let odd = text.replace("/Subtype /Type1", "/Subtype /Nothing");
    ask(pdf(), odd.as_bytes(), ROOM);
}
