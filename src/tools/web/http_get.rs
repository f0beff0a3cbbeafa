//! `http_get`: one document of the web.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{BODY_BYTES, BODY_BYTES_MAX, Data, whole};
use super::exchange::Ask;
use super::headers::{HEADERS_MAX, Kind, parsed};
use super::target::Target;
use crate::contracts::{CallEffect, Risk, ToolError};
use crate::ports::{HostArg, ToolDescriptor};
use crate::tools::typed::{Answer, Call, Typed, about};

pub(in crate::tools) struct HttpGet;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Args {
    /// What to get: https, or http where policy lets it. Redirects are followed on the same host only.
    #[schemars(length(min = 1, max = 8192))]
    url: String,
    /// Headers to send, such as `accept`; no credentials.
    #[serde(default)]
    #[schemars(length(max = HEADERS_MAX))]
    headers: BTreeMap<String, String>,
    /// Largest body in bytes; 1 MiB unless given. A larger one is an error.
    #[schemars(range(min = 1, max = BODY_BYTES_MAX))]
    max_bytes: Option<u64>,
}

impl Typed for HttpGet {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Gets one document over HTTP. A status other than 2xx is a failure that has the \
                    answer's data all the same.";
        from_the_web(ToolDescriptor {
            sinks: ["url", "headers"].map(str::to_owned).to_vec(),
            ..about("http_get", Risk::Medium, CallEffect::Read, what)
        })
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        Target::parse(&args.url)?;
        parsed(&args.headers, Kind::Reads).map(drop)
    }

    fn dry_run(&self, args: &Args) -> String {
        let (url, bytes) = (args.url.escape_debug(), args.max_bytes.unwrap_or(BODY_BYTES));
        format!("would get `{url}`, at most {bytes} bytes, and nothing from another host")
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let ask = Ask { headers: parsed(&args.headers, Kind::Reads)?, ..Ask::get() };
        whole(at, Target::parse(&args.url)?, &ask, args.max_bytes.unwrap_or(BODY_BYTES))
    }
}

/// What all tools that speak with the web have in common.
pub(super) fn from_the_web(descriptor: ToolDescriptor) -> ToolDescriptor {
    ToolDescriptor {
        hosts: vec![HostArg { arg: "url".to_owned() }],
        labels: vec!["untrusted:web".to_owned()],
        sends_network: true,
        timeout_ms: 60_000,
        ..descriptor
    }
}
