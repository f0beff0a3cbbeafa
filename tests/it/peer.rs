//! A provider of language models for tests: an HTTP server that speaks both protocols, answers each question
//! with the next of what it is to do, and keeps what it was asked.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// How long a silent peer waits for the other side to give up.
const SILENT: Duration = Duration::from_secs(60);

/// Which protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    Ollama,
    OpenAi,
}

/// What the peer does with one question.
#[derive(Debug, Clone)]
pub enum Act {
    /// Says this, in lines of the protocol.
    Say(String),
    /// Says this a byte at a time.
    SayInBytes(String),
    /// Says the first half, and closes.
    Cut(String),
    /// Takes the question and says nothing.
    Hang,
    /// Closes at once.
    Close,
    /// Answers with this status and these headers.
    Status(&'static str, &'static str),
    /// Sends these bytes as the body.
    Raw(Vec<u8>),
    /// Sends pieces of an answer for ever.
    Endless,
}

/// A question as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub path: String,
    pub body: Value,
}

impl Asked {
    /// What the model was told beside the instructions.
    pub fn told(&self) -> &str {
        self.body["messages"][1]["content"].as_str().unwrap()
    }
}

/// What the peer does with the question of a number, from 0.
type Acts = dyn Fn(usize, &Asked) -> Act + Send + Sync;

pub struct Peer {
    address: std::net::SocketAddr,
    speaks: Speaks,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Peer {
    /// Does these in turn; the last again and again.
    pub fn new(speaks: Speaks, acts: Vec<Act>) -> Self {
        let last = acts.len() - 1;
        Self::doing(speaks, move |number, _| acts[number.min(last)].clone())
    }

    pub fn doing(
        speaks: Speaks,
        act: impl Fn(usize, &Asked) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (keeping, act): (_, Arc<Acts>) = (Arc::clone(&asked), Arc::new(act));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let (keeping, act) = (Arc::clone(&keeping), Arc::clone(&act));
                std::thread::spawn(move || {
                    // Whoever is killed while it asks has asked nothing.
                    let _ = serve(stream, speaks, &keeping, &*act);
                });
            }
        });
        Self { address, speaks, asked }
    }

    /// Settings of a workspace whose one model is this peer's.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let url = format!("http://{}", self.address);
        let (place, url) = match self.speaks {
            Speaks::Ollama => ("BAILIWICK_MODELS__OLLAMA__URL", url),
            Speaks::OpenAi => ("BAILIWICK_MODELS__OPENAI__URL", format!("{url}/v1")),
        };
        vec![("BAILIWICK_MODELS__CHAT", format!("[{}]", self.model())), (place, url)]
    }

    /// What its model is called.
    pub fn model(&self) -> &'static str {
        match self.speaks {
            Speaks::Ollama => "ollama/tiny",
            Speaks::OpenAi => "openai/tiny",
        }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: TcpStream,
    speaks: Speaks,
    keeping: &Mutex<Vec<Asked>>,
    act: &Acts,
) -> std::io::Result<()> {
    let asked = read(&mut stream)?;
    let number = {
        let mut all = keeping.lock().unwrap();
        all.push(asked.clone());
        all.len() - 1
    };
    let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    match act(number, &asked) {
        Act::Say(text) => stream.write_all(&[head, lines(speaks, &text).as_slice()].concat()),
        Act::SayInBytes(text) => {
            stream.set_nodelay(true)?;
            stream.write_all(head)?;
            lines(speaks, &text).chunks(1).try_for_each(|byte| stream.write_all(byte))
        }
        Act::Cut(text) => {
            let whole = lines(speaks, &text);
            stream.write_all(&[head, &whole[..whole.len() / 2]].concat())
        }
        Act::Hang => {
            stream.set_read_timeout(Some(SILENT))?;
            stream.read(&mut [0]).map(drop)
        }
        Act::Close => Ok(()),
        Act::Status(status, headers) => {
            let answer = format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n{{}}");
            stream.write_all(answer.as_bytes())
        }
        Act::Raw(body) => stream.write_all(&[head, body.as_slice()].concat()),
        Act::Endless => {
            stream.write_all(head)?;
            let line = format!("{}\n", piece(speaks, &"x".repeat(4_000)));
            loop {
                stream.write_all(line.as_bytes())?;
            }
        }
    }
}

/// An answer in lines of the protocol, its text in two pieces.
fn lines(speaks: Speaks, text: &str) -> Vec<u8> {
    let middle = (text.len() / 2..).find(|at| text.is_char_boundary(*at)).unwrap();
    let (first, second) = text.split_at(middle);
    let end = match speaks {
        Speaks::Ollama => {
            let message = json!({ "role": "assistant", "content": "" });
            json!({ "model": "tiny", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": true,
                    "done_reason": "stop", "prompt_eval_count": 100, "eval_count": 20 })
            .to_string()
        }
        Speaks::OpenAi => {
            let choice = json!([{ "index": 0, "delta": {}, "finish_reason": "stop" }]);
            let usage = json!({ "prompt_tokens": 100, "completion_tokens": 20 });
            format!("data: {}\ndata: [DONE]", json!({ "choices": choice, "usage": usage }))
        }
    };
    let all = [piece(speaks, first), piece(speaks, second), end];
    all.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes()
}

fn piece(speaks: Speaks, text: &str) -> String {
    match speaks {
        Speaks::Ollama => {
            let message = json!({ "role": "assistant", "content": text });
            json!({ "model": "tiny", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": false })
                .to_string()
        }
        Speaks::OpenAi => {
            let choice =
                json!([{ "index": 0, "delta": { "content": text }, "finish_reason": null }]);
            format!("data: {}", json!({ "choices": choice }))
        }
    }
}

fn read(stream: &mut TcpStream) -> std::io::Result<Asked> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 16 * 1024]);
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
        });
        let length = length.map_or(0, Result::unwrap);
        if body.len() >= length {
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let body = if length == 0 { Value::Null } else { serde_json::from_str(body).unwrap() };
            return Ok(Asked { path, body });
        }
    }
}

/// A plan of these steps, as a model says it.
pub fn plan(steps: Value) -> String {
    json!({ "thought": "because", "done": false, "answer": "", "steps": steps }).to_string()
}

/// That the goal is reached.
pub fn done(answer: &str) -> String {
    json!({ "thought": "", "done": true, "answer": answer, "steps": [] }).to_string()
}
