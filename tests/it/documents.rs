//! Documents and pages, read by the real program in real cells.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::harness::{Ran, Space};

/// What the user allows here beside the rules of the program: a server of this machine.
pub const FROM_HERE: &str = r#"
schema: 1
rules:
  - id: net.inside
    effect: deny
    on: { tool: [http_get, web_scrape, download, http_request] }
    when: { host_class: [private, link_local, metadata] }
    reason: an address inside of the network is not where public work goes
    match: [ { tool: http_get, args: { url: "http://10.0.0.7/a" } } ]
    not_match: [ { tool: http_get, args: { url: "http://127.0.0.1:8000/a" } } ]
  - id: net.read
    effect: ask
    on: { tool: [http_get, web_scrape, download] }
    when: { not: { host: ["127.0.0.1"] } }
    reason: reads from the internet
    match: [ { tool: http_get, args: { url: "https://example.org/a" } } ]
    not_match: [ { tool: http_get, args: { url: "http://127.0.0.1:8000/a" } } ]
  - id: my.demo
    effect: allow
    on: { tool: [http_get, web_scrape] }
    when: { host: ["127.0.0.1"] }
    reason: a server of this test
    match: [ { tool: http_get, args: { url: "http://127.0.0.1:8000/a" } } ]
    not_match: [ { tool: http_get, args: { url: "https://example.org/a" } } ]
"#;

fn call(space: &Space, tool: &str, args: &Value) -> Ran {
    space.run(&["tools", "call", tool, "--args", &args.to_string(), "--json"])
}

fn data(ran: &Ran) -> Value {
    ran.json()["outputs"]["data"].clone()
}

#[test]
fn documents_of_the_workspace_are_read_in_cells() {
    let space = Space::new();
    space.write("a.html", "<title>T</title><script>x</script><p>one<p>two <a href='/b'>b</a>");
    space.write("a.md", "# T\n\n- one\n- two\n");
    space.write("a.json", r#"{"a": [{"b": 1}, {"b": 2}]}"#);
    space.write("a.csv", "id,name\n007,Bond\n008,Bill\n");
    let pdf = include_bytes!("../fixtures/web/two-pages.pdf");
    fs::write(space.path("a.pdf"), pdf).unwrap();
    for (tool, args, key, expected) in [
        ("html_to_text", json!({"path": "a.html"}), "text", json!("one\n\ntwo b")),
        ("markdown_to_text", json!({"path": "a.md"}), "text", json!("T\n\n- one\n- two")),
        (
            "json_query",
            json!({"path": "a.json", "query": "$.a[?@.b > 1]"}),
            "values",
            json!([{"b": 2}]),
        ),
        ("csv_read", json!({"path": "a.csv", "offset": 1}), "rows", json!([["008", "Bill"]])),
        (
            "pdf_to_text",
            json!({"path": "a.pdf"}),
            "pages",
            json!(["Hello, page one", "And page two"]),
        ),
        (
            "csv_read",
            json!({"text": "a\tb\n1\t2", "delimiter": "\t"}),
            "columns",
            json!(["a", "b"]),
        ),
    ] {
        let ran = call(&space, tool, &args).expect(0);
        assert_eq!(data(&ran)[key], expected, "{tool}");
    }
}

#[test]
fn what_breaks_its_reader_is_an_answer_and_nothing_else() {
    let space = Space::new();
    // Arrays in arrays, as deep as the text is long, where the reader of PDF has no limit of its own.
    let deep =
        format!("%PDF-1.4\n1 0 obj\n{}\nendobj\nstartxref\n9\n%%EOF\n", "[".repeat(1_000_000));
    space.write("deep.pdf", &deep);
    space.write("deep.json", &"[".repeat(1_000_000));
    // More values than fit into the memory of the cell.
    space.write("wide.json", &format!("[{}0]", "[],".repeat(2_000_000)));
    for (tool, args) in [
        ("pdf_to_text", json!({"path": "deep.pdf"})),
        ("json_query", json!({"path": "deep.json", "query": "$"})),
        ("json_query", json!({"path": "wide.json", "query": "$..*", "limit": 100_000})),
        ("html_to_text", json!({"text": "<b><i><u><a>".repeat(1_000), "links": 10_000})),
    ] {
        let ran = call(&space, tool, &args);
        let report = ran.json();
        // Read all the same, or a failure that names its kind.
        if report["outcome"] != "succeeded" {
            let error = report["steps"][0]["error"].to_string();
            let named =
                ["bad_content", "too_large", "timeout"].iter().any(|kind| error.contains(kind));
            assert!(named, "{tool}: {report}");
        }
    }
    // The program is well afterwards.
    call(&space, "csv_read", &json!({"text": "a"})).expect(0);
}

#[test]
fn a_page_of_a_server_is_scraped_and_the_default_rules_refuse_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/shop/", listener.local_addr().unwrap());
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4_096];
        let _ = stream.read(&mut head).unwrap();
        let page = include_bytes!("../fixtures/web/page.html");
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n",
            page.len()
        );
        stream.write_all(&[head.as_bytes(), page].concat()).unwrap();
    });
    let args = json!({"url": url, "select": {"prices": {"css": "[data-price]", "attribute": "data-price"}}});
    let space = Space::new();
    // An unattended question is a no; here it is a no at once.
    call(&space, "web_scrape", &args).expect(3).says(&["net.inside"]);
    let dir = space.home().join(".config/bailiwick/policies");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("demo.yaml"), FROM_HERE).unwrap();
    let ran = call(&space, "web_scrape", &args);
    let found = data(&ran.expect(0));
    assert_eq!(found["selected"]["prices"], json!(["1.50", "2", "3"]));
    served.join().unwrap();
}
