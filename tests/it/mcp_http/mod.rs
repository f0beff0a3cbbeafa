//! `bailiwick mcp --listen`: the governed tools over streamable HTTP, asked by a client of its own.

mod elicit;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;

use serde_json::{Value, json};

use crate::daemon_space::{Daemon, PATIENCE};
use crate::harness::Space;

const TOKEN: &str = "a-token-of-32-characters-or-more";

/// How a connection ends whose other side has heard enough.
const CUT_OFF: [ErrorKind; 2] = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];

/// A server and one session with it.
struct Client {
    server: Daemon,
    session: Option<String>,
    next: u64,
}

/// A response, with the messages in it.
struct Response {
    status: u16,
    head: String,
    messages: Vec<Value>,
}

impl Client {
    fn of(command: Command, capabilities: &Value) -> Self {
        let server = Daemon::of(command);
        let mut client = Self { server, session: None, next: 1 };
        let hello = json!({ "protocolVersion": "2025-06-18", "capabilities": capabilities,
            "clientInfo": { "name": "test", "version": "1" } });
        let answer = client.post(&client.request(0, "initialize", &hello), &[]);
        assert_eq!(answer.status, 200, "{}", answer.head);
        let session = answer.head.lines().find_map(|line| line.strip_prefix("mcp-session-id: "));
        client.session = session.map(|id| id.trim().to_owned());
        assert_eq!(answer.messages[0]["result"]["serverInfo"]["name"], "bailiwick");
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(client.post(&ready, &[]).status, 202);
        client
    }

    fn request(&self, id: u64, method: &str, params: &Value) -> Value {
        json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
    }

    fn address(&self) -> &str {
        self.server.url.strip_prefix("http://").unwrap().strip_suffix("/mcp").unwrap()
    }

    fn open(&self, message: &Value, headers: &[(&str, &str)]) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = message.to_string();
        let mut head = format!(
            "POST /mcp HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             accept: application/json, text/event-stream\r\n",
            body.len()
        );
        let session = self.session.as_deref().map(|id| ("mcp-session-id", id));
        let own = [("host", self.address()), ("x-execution-token", TOKEN)];
        let given = |name: &str| headers.iter().any(|(other, _)| *other == name);
        let own = own.into_iter().chain(session).filter(|(name, _)| !given(name));
        for (name, value) in
            own.chain(headers.iter().copied()).filter(|(_, value)| !value.is_empty())
        {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        // What is too large is not taken to its end.
        if let Err(error) = stream.write_all(format!("{head}\r\n{body}").as_bytes()) {
            assert!(CUT_OFF.contains(&error.kind()), "{error}");
        }
        BufReader::new(stream)
    }

    /// One message, and everything that comes back for it.
    fn post(&self, message: &Value, headers: &[(&str, &str)]) -> Response {
        let mut answer = String::new();
        self.open(message, headers).read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let lines = body.lines().map(|line| line.strip_prefix("data: ").unwrap_or(line));
        let messages = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
        Response { status, head: head.to_lowercase(), messages }
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.next;
        self.next += 1;
        let answer = self.post(&self.request(id, method, params), &[]);
        let found = answer.messages.into_iter().find(|message| message["id"] == id);
        found.unwrap_or_else(|| panic!("{method}: {} {}", answer.status, answer.head))
    }

    fn call(&mut self, tool: &str, args: &Value) -> Value {
        self.ask("tools/call", &json!({ "name": tool, "arguments": args }))["result"].take()
    }
}

/// The server in a workspace; everybody needs the token.
fn server(space: &Space, flags: &[&str]) -> Command {
    let args: Vec<&str> = ["mcp", "--listen", "127.0.0.1:0", "--json"]
        .into_iter()
        .chain(flags.iter().copied())
        .collect();
    let mut command = space.command(&args);
    command.env("EXECUTION_TOKEN", TOKEN);
    command
}

#[test]
fn a_client_over_http_is_governed_as_one_over_standard_input() {
    let space = Space::new();
    let mut client = Client::of(server(&space, &[]), &json!({}));
    let listed = client.ask("tools/list", &json!({}));
    let names: Vec<String> = listed["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap().to_owned())
        .collect();
    assert!(names.contains(&"read_text".to_owned()), "{names:?}");
    let read = client.call("read_text", &json!({ "path": "LICENSE" }));
    assert_eq!(read["structuredContent"]["text"], "MIT\n", "{read}");
    let denied = client.call("write_text", &json!({ "path": ".env", "text": "x" }));
    assert_eq!(denied["structuredContent"]["status"], "denied", "{denied}");
    let audit = space.audit();
    let tools: Vec<&str> = audit.iter().map(|entry| entry["tool"].as_str().unwrap()).collect();
    assert_eq!(tools, ["read_text", "write_text"]);
    let call_id = audit[0]["call_id"].as_str().unwrap();
    let explained = space.run(&["policy", "explain", call_id, "--json"]).expect(0);
    assert!(explained.stdout.contains("\"mcp\""), "the origin is not `mcp`");
    assert_eq!(client.server.stop(), 0);
}

#[test]
fn strangers_other_names_and_other_pages_are_refused() {
    let space = Space::new();
    let client = Client::of(server(&space, &[]), &json!({}));
    let list = client.request(9, "tools/list", &json!({}));
    let bearer = format!("Bearer {TOKEN}");
    for (headers, status) in [
        (vec![], 200),
        (vec![("x-execution-token", ""), ("authorization", bearer.as_str())], 200),
        (vec![("x-execution-token", "")], 401),
        (vec![("x-execution-token", "a-token-of-32-characters-or-morf")], 401),
        (vec![("host", "evil.example")], 421),
        (vec![("host", "127.0.0.1:1")], 421),
        (vec![("origin", "https://evil.example")], 403),
        (vec![("origin", "null")], 403),
        (vec![("mcp-session-id", "no-such-session")], 404),
    ] {
        let answer = client.post(&list, &headers);
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.head);
    }
    let large = json!({ "jsonrpc": "2.0", "id": 1, "method": "x".repeat(5 << 20) });
    let mut first = String::new();
    match client.open(&large, &[]).read_line(&mut first) {
        Ok(_) => assert!(first.contains("413"), "{first}"),
        Err(error) => assert!(CUT_OFF.contains(&error.kind()), "{error}"),
    }
}

#[test]
fn an_address_that_others_reach_needs_a_token() {
    let space = Space::new();
    let ran = space.run(&["mcp", "--listen", "0.0.0.0:0"]).expect(2);
    ran.says(&["there is no token", "EXECUTION_TOKEN"]);
    space.run(&["mcp", "--listen", "nowhere"]).expect(2).says(&["no address to listen on"]);
}
