//! A daemon of the real binary, and plain HTTP to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::harness::Space;

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon at work; killed when dropped.
pub struct Daemon {
    child: Child,
    pub url: String,
    /// What requests carry.
    pub token: Option<String>,
}

/// What the daemon answered.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

impl Daemon {
    /// Starts the daemon in a workspace, on a port of its own, and waits until it listens.
    pub fn start(space: &Space) -> Self {
        Self::start_with(space, &[])
    }

    /// The same with more arguments.
    pub fn start_with(space: &Space, more: &[&str]) -> Self {
        let mut args = vec!["serve", "--listen", "127.0.0.1:0", "--json"];
        args.extend(more);
        Self::of(space.command(&args))
    }

    /// The same with a command that was made ready elsewhere.
    pub fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let listening: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        let url = listening["listening"].as_str().unwrap().to_owned();
        Self { child, url, token: None }
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and gives its exit code.
    pub fn stop(mut self) -> i32 {
        let id = rustix::process::Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code().unwrap_or(-1)
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn get(&self, path: &str) -> Reply {
        self.call("GET", path, None).unwrap()
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.call("POST", path, Some(body)).unwrap()
    }

    /// One request on a connection of its own; an error when the daemon goes meanwhile.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> std::io::Result<Reply> {
        call(&self.url, self.token.as_deref(), method, path, body)
    }

    /// A task for a playbook, as it was acknowledged.
    pub fn submit(&self, playbook: &str, inputs: Value) -> String {
        let reply =
            self.post("/tasks", &serde_json::json!({ "playbook": playbook, "inputs": inputs }));
        assert_eq!(reply.status, 202, "{reply:?}");
        reply.body["run_id"].as_str().unwrap().to_owned()
    }

    /// Writes a file of rules, and waits until the daemon has taken the edit over or refused it.
    pub fn edit_rules(&self, space: &Space, name: &str, text: &str) {
        let standing = || self.get("/readyz").body["policy"].clone();
        let before = standing();
        // At once, as editors do: half of a file is another edit.
        let new = space.write("policies/.new", text);
        std::fs::rename(new, space.path("policies").join(name)).unwrap();
        let until = Instant::now() + PATIENCE;
        while standing() == before {
            assert!(Instant::now() < until, "the edit of {name} does not count: {before}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until a run stands where `wanted` says.
    pub fn wait_for(&self, run: &str, wanted: &[&str]) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let reply = self.get(&format!("/runs/{run}"));
            let status = reply.body["status"].as_str().unwrap_or_default();
            if wanted.contains(&status) {
                return reply.body;
            }
            let over = ["succeeded", "failed", "denied", "cancelled"].contains(&status);
            let late = Instant::now() >= until;
            assert!(!over && !late, "{run} is {status:?}, not {wanted:?}: {reply:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One HTTP request in plain text, so that nothing is between the test and the daemon.
pub fn call(
    url: &str,
    token: Option<&str>,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> std::io::Result<Reply> {
    let mut answer = String::new();
    request(url, token, method, path, body)?.read_to_string(&mut answer)?;
    let (status, body) = parts(&answer)?;
    // A body that was cut off is no answer.
    let body = match body.is_empty() {
        true => Value::Null,
        false => serde_json::from_str(body).map_err(|_| gone())?,
    };
    Ok(Reply { status, body })
}

/// What a page says that is no JSON.
pub fn page(url: &str, path: &str) -> String {
    let mut answer = String::new();
    request(url, None, "GET", path, None).unwrap().read_to_string(&mut answer).unwrap();
    let (status, body) = parts(&answer).unwrap();
    assert_eq!(status, 200, "{answer}");
    body.to_owned()
}

/// A request that was sent; its answer is still to be read.
pub fn request(
    url: &str,
    token: Option<&str>,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> std::io::Result<TcpStream> {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    let token = token.map(|token| format!("x-execution-token: {token}\r\n")).unwrap_or_default();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         {token}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    Ok(stream)
}

fn parts(answer: &str) -> std::io::Result<(u16, &str)> {
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(gone)?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(gone)?;
    Ok((status, body))
}

fn gone() -> std::io::Error {
    std::io::Error::from(std::io::ErrorKind::UnexpectedEof)
}
