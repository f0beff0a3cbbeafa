//! What a URL names, read as policy reads it.

use reqwest::Url;

use crate::contracts::{ErrorKind, ToolError};
use crate::policy::{HostClass, HostFact, host};

const URL_BYTES_MAX: usize = 8 * 1024;

/// A URL whose host is known.
#[derive(Debug, Clone)]
pub(in crate::tools) struct Target {
    pub(super) url: Url,
    /// As policy has it.
    pub(super) host: HostFact,
}

impl Target {
    /// Reads `text` as an address of the web.
    ///
    /// # Errors
    /// For what is none, and for what two readers would read differently.
    pub(in crate::tools) fn parse(text: &str) -> Result<Self, ToolError> {
        let bad = |why: String| ToolError::new(ErrorKind::BadArguments, why);
        if text.len() > URL_BYTES_MAX {
            return Err(bad(format!("the URL is longer than {URL_BYTES_MAX} bytes")));
        }
        let shown = text.escape_debug();
        let url = Url::parse(text).map_err(|error| bad(format!("`{shown}` is no URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad(format!("`{shown}` is neither https nor http")));
        }
        let host = host("url", text).map_err(|fault| bad(fault.to_string()))?;
        let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let same = name.trim_end_matches('.') == host.name
            && url.port_or_known_default() == Some(host.port);
        if !same {
            return Err(bad(format!("the host of `{shown}` can be read in two ways")));
        }
        Ok(Self { url, host })
    }

    /// What it is, for messages: no query, which may hold what nobody else is to see.
    pub(in crate::tools) fn shown(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.to_string()
    }

    /// Where a redirect from here leads, if it may be followed: the same host and port, or the same
    /// host from `http` to `https`.
    ///
    /// # Errors
    /// With the reason why not.
    pub(super) fn redirected(&self, location: &str) -> Result<Self, ToolError> {
        let shown = location.escape_debug();
        let no = |why: &str| {
            let message = format!("`{}` redirects to `{shown}`, {why}", self.shown());
            Err(ToolError::new(ErrorKind::Forbidden, message))
        };
        let Ok(url) = self.url.join(location) else { return no("which is no URL") };
        let next = Self::parse(url.as_str())?;
        if next.host.name != self.host.name {
            return no("another host: policy judged the first; ask for the second by name");
        }
        let upgraded = self.url.scheme() == "http"
            && next.url.scheme() == "https"
            && (self.host.port, next.host.port) == (80, 443);
        if upgraded {
            return Ok(next);
        }
        if next.host.port != self.host.port {
            return no("another port of the host");
        }
        if next.url.scheme() != self.url.scheme() {
            return no("which is not protected on the way");
        }
        Ok(next)
    }

    /// The host, in lower case, without a dot at the end.
    pub(in crate::tools) fn name(&self) -> &str {
        &self.host.name
    }

    pub(super) const fn class(&self) -> HostClass {
        self.host.class
    }
}
