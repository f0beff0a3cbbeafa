//! Variables of other programs that stand for a key, where nobody said anything to this program itself.

/// The variable by which Ollama's own programs know its server.
pub(super) const OLLAMA_HOST: &str = "OLLAMA_HOST";
/// The key that it stands for.
pub(super) const OLLAMA_URL: &str = "models.ollama.url";

const OLLAMA_PORT: u16 = 11_434;
const BYTES_MAX: usize = 300;

/// `host`, `host:port` or an address, as a URL. A server that listens everywhere is reached on this machine.
///
/// # Errors
/// Why it is none.
pub(super) fn ollama_url(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.len() > BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("it is no address");
    }
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, text),
    };
    if !matches!(scheme, None | Some("http" | "https")) {
        return Err("only http and https are spoken");
    }
    let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
    if place.contains('@') {
        return Err("a user and a password have no place in it");
    }
    let (host, port) = parted(place);
    let port = match port {
        Some(port) => Some(port.parse::<u16>().map_err(|_| "its port is none")?),
        None => scheme.is_none().then_some(OLLAMA_PORT),
    };
    let host = match host {
        "" | "0.0.0.0" => "127.0.0.1".to_owned(),
        "[::]" | "::" => "[::1]".to_owned(),
        bare if bare.contains(':') && !bare.starts_with('[') => format!("[{bare}]"),
        other => other.to_owned(),
    };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let path = path.trim_end_matches('/');
    let path = if path.is_empty() { String::new() } else { format!("/{path}") };
    Ok(format!("{}://{host}{port}{path}", scheme.unwrap_or("http")))
}

/// Host and port; an address of version 6 without brackets has no port.
fn parted(place: &str) -> (&str, Option<&str>) {
    let is_bare_v6 = place.matches(':').count() > 1 && !place.starts_with('[');
    match place.rsplit_once(':') {
        Some((host, port)) if !is_bare_v6 && !port.contains(']') => {
            (host, Some(port).filter(|port| !port.is_empty()))
        }
        _ => (place, None),
    }
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
            (":", "http://127.0.0.1:11434"),
            ("[::]:1234", "http://[::1]:1234"),
            ("::1", "http://[::1]:11434"),
            ("[::1]", "http://[::1]:11434"),
            ("https://models.example.org/", "https://models.example.org"),
            ("http://models.example.org:80/ollama/", "http://models.example.org:80/ollama"),
        ] {
            assert_eq!(ollama_url(value).as_deref(), Ok(url), "{value}");
        }
    }

    #[test]
    fn what_is_no_address_is_none() {
        let long = "a".repeat(5_000);
        for (value, why) in [
            (long.as_str(), "no address"),
            ("a\nb", "no address"),
            ("a\u{1b}[2J", "no address"),
            ("user:pw@host", "password"),
            ("http://user:pw@host:1", "password"),
            ("host:abc", "port"),
            ("host:99999", "port"),
            ("ftp://host", "http"),
        ] {
            assert!(ollama_url(value).unwrap_err().contains(why), "{value}");
        }
    }
}
