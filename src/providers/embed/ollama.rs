//! The embedder of an Ollama server: `/api/embed`, asked from a thread of its own.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use ollama_rs::Ollama;
use ollama_rs::generation::embeddings::request::{EmbeddingsInput, GenerateEmbeddingsRequest};

use crate::ports::{EmbedError, Embedder};

const NAME: &str = "ollama";
const WAITING_MAX: usize = 64;
/// A server that loads a model first takes its time.
const ANSWER_MAX: Duration = Duration::from_secs(60);

type Answer = Result<Vec<Vec<f32>>, EmbedError>;
type Request = (Vec<String>, SyncSender<Answer>);

/// An embedder on a server.
#[derive(Debug)]
pub struct OllamaEmbedder {
    id: String,
    dimension: usize,
    requests: SyncSender<Request>,
}

impl OllamaEmbedder {
    /// Asks the server at `url` for a vector of `model`, to see that it answers and how many numbers it has.
    ///
    /// # Errors
    /// When the address is none, the server does not answer, or gives no vector.
    pub fn start(url: &str, model: &str) -> Result<Self, EmbedError> {
        let server = Ollama::try_new(url)
            .map_err(|error| unavailable(format!("`{url}` is no address of a server: {error}")))?;
        let (requests, inbox) = sync_channel::<Request>(WAITING_MAX);
        let name = model.to_owned();
        std::thread::Builder::new()
            .name("embedder".to_owned())
            .spawn(move || serve(&server, &name, &inbox))
            .map_err(|error| unavailable(format!("no thread for it: {error}")))?;
        let probe = asked(&requests, &["memory"])?;
        let dimension = probe.first().map_or(0, Vec::len);
        if dimension == 0 {
            return Err(bad(format!("`{model}` gave an empty vector")));
        }
        let id = format!("{NAME}:{model}:{dimension}");
        Ok(Self { id, dimension, requests })
    }
}

impl Embedder for OllamaEmbedder {
    fn id(&self) -> &str {
        &self.id
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn embed(&self, texts: &[&str]) -> Answer {
        if texts.is_empty() { Ok(Vec::new()) } else { asked(&self.requests, texts) }
    }
}

fn asked(requests: &SyncSender<Request>, texts: &[&str]) -> Answer {
    let (answer, answered) = sync_channel(1);
    let texts = texts.iter().map(|text| (*text).to_owned()).collect();
    let ended = || unavailable("its thread ended".to_owned());
    requests.send((texts, answer)).map_err(|_| ended())?;
    answered.recv().map_err(|_| ended())?
}

fn serve(server: &Ollama, model: &str, inbox: &Receiver<Request>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    while let Ok((texts, answer)) = inbox.recv() {
        let made = match &runtime {
            Ok(runtime) => runtime.block_on(embedded(server, model, texts)),
            Err(error) => Err(unavailable(error.to_string())),
        };
        // Who asked may have gone.
        drop(answer.send(made));
    }
}

async fn embedded(server: &Ollama, model: &str, texts: Vec<String>) -> Answer {
    let count = texts.len();
    let request =
        GenerateEmbeddingsRequest::new(model.to_owned(), EmbeddingsInput::Multiple(texts));
    let answer = tokio::time::timeout(ANSWER_MAX, server.generate_embeddings(request)).await;
    let answer = answer
        .map_err(|_| unavailable(format!("no answer in {} s", ANSWER_MAX.as_secs())))?
        .map_err(|error| unavailable(format!("`{}`: {error}", server.url_str())))?;
    if answer.embeddings.len() != count {
        return Err(bad(format!("{} vectors for {count} texts", answer.embeddings.len())));
    }
    Ok(answer.embeddings.into_iter().map(unit).collect())
}

/// Of length 1, which not every model's vectors are. What cannot be is left for the door to refuse.
fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|it| it * it).sum::<f32>().sqrt();
    if length.is_finite() && length > 0.0 {
        vector.iter_mut().for_each(|it| *it /= length);
    }
    vector
}

fn unavailable(reason: String) -> EmbedError {
    EmbedError::Unavailable { embedder: NAME.to_owned(), reason }
}

fn bad(reason: String) -> EmbedError {
    EmbedError::BadVector { embedder: NAME.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Answers each request with the next of `answers`, and gives back what was sent.
    fn peer(answers: Vec<(u16, &'static str)>) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let mut sent = Vec::new();
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().unwrap();
                sent.push(request(&mut stream));
                let head = format!(
                    "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
            }
            sent
        });
        (url, thread)
    }

    fn request(stream: &mut impl Read) -> String {
        let mut bytes = Vec::new();
        let mut part = [0; 4096];
        loop {
            let count = stream.read(&mut part).unwrap();
            bytes.extend_from_slice(&part[..count]);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.to_lowercase();
                let length = length.split("content-length: ").nth(1).unwrap();
                let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
                if body.len() >= length {
                    return text;
                }
            }
            assert!(count > 0, "the request ended early");
        }
    }

    #[test]
    fn a_server_is_asked_for_all_texts_at_once() {
        let (url, peer) = peer(vec![
            (200, r#"{"embeddings": [[3, 4]]}"#),
            (200, r#"{"embeddings": [[0, 2], [1, 0]]}"#),
        ]);
        let embedder = OllamaEmbedder::start(&url, "all-minilm").unwrap();
        assert_eq!((embedder.id(), embedder.dimension()), ("ollama:all-minilm:2", 2));
        assert_eq!(embedder.embed(&["a", "b"]).unwrap(), [[0.0, 1.0], [1.0, 0.0]]);
        let sent = peer.join().unwrap();
        assert!(sent[1].starts_with("POST /api/embed "), "{}", sent[1]);
        let body: serde_json::Value =
            serde_json::from_str(sent[1].split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!(body, serde_json::json!({"model": "all-minilm", "input": ["a", "b"]}));
    }

    #[test]
    fn what_is_no_answer_is_an_error_with_the_reason() {
        for (status, body, expect) in [
            (404, r#"{"error": "model not found"}"#, "model not found"),
            (200, r#"{"embeddings": []}"#, "0 vectors for 1 texts"),
            (200, r#"{"embeddings": [[]]}"#, "empty vector"),
            (200, "no json", "JSON"),
        ] {
            let (url, peer) = peer(vec![(status, body)]);
            let error = OllamaEmbedder::start(&url, "m").unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
            peer.join().unwrap();
        }
        let error = OllamaEmbedder::start("http://127.0.0.1:9", "m").unwrap_err().to_string();
        assert!(error.contains("is not available"), "{error}");
    }
}
