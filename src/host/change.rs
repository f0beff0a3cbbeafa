//! A change of memory, handed to the process that holds the workspace.

use std::io;
use std::path::Path;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::client::{ClientError, same_user};
use super::protocol::{FromGuest, FromHost, Refusal};
use crate::orchestrator::{MemoryOrder, OrderRefused};

/// Has the host that listens on `socket` do it. The inner error is its refusal.
///
/// # Errors
/// [`ClientError::NoHost`] when nobody listens, and nothing was done; [`ClientError::Refused`] when the host left
/// before it answered, and it may have been done.
pub async fn change_through(
    socket: &Path,
    order: MemoryOrder,
) -> Result<Result<Value, OrderRefused>, ClientError> {
    let stream = UnixStream::connect(socket).await.map_err(ClientError::NoHost)?;
    same_user(&stream).map_err(ClientError::NoHost)?;
    let (read, mut write) = stream.into_split();
    let wanted = FromGuest::Memory { order: Box::new(order) };
    let mut line = serde_json::to_vec(&wanted).map_err(ClientError::Unreadable)?;
    line.push(b'\n');
    write.write_all(&line).await.map_err(left)?;
    let line = BufReader::new(read).lines().next_line().await.map_err(left)?;
    let line = line.ok_or_else(|| left(io::ErrorKind::UnexpectedEof.into()))?;
    match serde_json::from_str(&line).map_err(ClientError::Unreadable)? {
        FromHost::Changed { answer } => Ok(Ok(answer)),
        FromHost::Unchanged { refused } => Ok(Err(refused)),
        _ => Err(left(io::ErrorKind::InvalidData.into())),
    }
}

fn left(error: io::Error) -> ClientError {
    let message = format!(
        "the process that holds this workspace left before it answered ({error}): the change may or may not have \
         been made"
    );
    ClientError::Refused(Refusal { message, diagnostics: Vec::new(), usage: false })
}
