//! Who somebody is: the account at the other end of a socket, the holder of a token.
//!
//! Neither is something that a run could claim: an account is what the system says about the other end
//! of a socket, and of a token only its hash is kept. What callers may do is the server's to say.

mod account;
mod file;
mod tokens;

pub use account::{account, this_account};
pub use tokens::{Holder, NewToken, Pass, TokenError, TokenInfo, Tokens, check_name};
