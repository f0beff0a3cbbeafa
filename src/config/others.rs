//! Variables of other programs that stand for a key. They stand over the built-in layer alone: whatever is said to
//! this program itself counts before.

/// The variable by which Ollama's own programs know its server, and the key that it stands for.
const OLLAMA: (&str, &str) = ("OLLAMA_HOST", "models.ollama.url");
const OLLAMA_PORT: &str = "11434";

/// The key that a variable of another program stands for, and its value as that key has it.
pub(super) fn key_of(name: &str, value: &str) -> Option<(&'static str, String)> {
    let (variable, key) = OLLAMA;
    (name == variable && !value.trim().is_empty()).then(|| (key, ollama_url(value.trim())))
}

/// `host`, `host:port` or an address as a URL. A server that listens everywhere is reached on this machine.
fn ollama_url(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_v6 = place.matches(':').count() > 1 && !place.starts_with('[');
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !is_v6 && !port.contains(']') => (host, Some(port)),
        _ => (place, None),
    };
    let host = match host {
        "" | "0.0.0.0" => "127.0.0.1".to_owned(),
        "[::]" | "::" => "[::1]".to_owned(),
        bare if is_v6 => format!("[{bare}]"),
        other => other.to_owned(),
    };
    let port = port.or(scheme.is_empty().then_some(OLLAMA_PORT));
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let scheme = if scheme.is_empty() { "http" } else { scheme };
    let path = path.trim_end_matches('/');
    let path = if path.is_empty() { String::new() } else { format!("/{path}") };
    format!("{scheme}://{host}{port}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ollamas_own_variable_is_an_address() {
        for (value, url) in [
            ("gpu.example.org", "http://gpu.example.org:11434"),
            (" 10.0.0.2:8080 ", "http://10.0.0.2:8080"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            (":1234", "http://127.0.0.1:1234"),
            ("[::]:1234", "http://[::1]:1234"),
            ("::1", "http://[::1]:11434"),
            ("[::1]", "http://[::1]:11434"),
            ("https://models.example.org/", "https://models.example.org"),
            ("http://models.example.org:80/ollama/", "http://models.example.org:80/ollama"),
        ] {
            assert_eq!(key_of("OLLAMA_HOST", value), Some(("models.ollama.url", url.to_owned())));
        }
        assert_eq!(key_of("OLLAMA_HOST", " "), None);
        assert_eq!(key_of("OLLAMA_MODELS", "/x"), None);
    }
}
