//! Which addresses a host may have.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::target::Target;
use crate::contracts::{ErrorKind, ToolError};
use crate::policy::{HostClass, address_class};

/// Most addresses of one name that are looked at.
const ADDRESSES_MAX: usize = 16;

/// The addresses of `target` that may be connected to, looked up once.
///
/// A public address always may be: policy has judged the name. Another one only where policy knew
/// what it judged, because the URL itself is of that kind (`http://127.0.0.1:8000/`), or where
/// `allowed` binds the name to it. So a public name that somebody points at this machine is refused.
pub(super) async fn resolve(
    target: &Target,
    allowed: &BTreeMap<String, Vec<IpAddr>>,
) -> Result<Vec<SocketAddr>, ToolError> {
    let (name, port) = (target.host.name.as_str(), target.host.port);
    let bound = allowed.get(name).map(Vec::as_slice).unwrap_or_default();
    let found: Vec<SocketAddr> = if let Ok(address) = name.parse::<IpAddr>() {
        vec![SocketAddr::new(address, port)]
    } else if bound.is_empty() {
        look_up(name, port).await?
    } else {
        bound.iter().map(|address| SocketAddr::new(*address, port)).collect()
    };
    for address in &found {
        judge(target, address.ip(), bound)?;
    }
    Ok(found)
}

async fn look_up(name: &str, port: u16) -> Result<Vec<SocketAddr>, ToolError> {
    let unknown = |why: String| {
        ToolError::retryable(ErrorKind::Unavailable, format!("`{name}` cannot be looked up: {why}"))
    };
    let found = tokio::net::lookup_host((name, port)).await.map_err(|e| unknown(e.to_string()))?;
    let found: Vec<SocketAddr> = found.take(ADDRESSES_MAX).collect();
    match found.is_empty() {
        true => Err(unknown("it has no address".to_owned())),
        false => Ok(found),
    }
}

/// One address that is refused refuses the host: which one is connected to is not ours to choose.
pub(super) fn judge(target: &Target, address: IpAddr, bound: &[IpAddr]) -> Result<(), ToolError> {
    let class = address_class(address);
    if class == HostClass::Public || class == target.class() || bound.contains(&address) {
        return Ok(());
    }
    let (name, class) = (&target.host.name, class.as_str());
    let message = format!(
        "`{name}` has the {class} address {address}, which policy did not judge: bind it in \
         `sandbox.proxy.allow_addresses` if that is meant"
    );
    Err(ToolError::new(ErrorKind::Forbidden, message))
}
