//! `runs watch`.

use std::io::Write;

use super::super::remote::{Place, wait_for};
use super::super::watch::{Screen, Until, conclude, follow, follow_here};
use super::super::{CliError, Cx, Exit, exit_of, output};

/// Follows a run to its end; without a daemon, as far as it goes.
///
/// # Errors
/// When there is no such run, or the daemon stays away.
pub(super) fn run(
    place: &Place,
    run: Option<&str>,
    after: u64,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let run = super::find(place, run)?;
    let mut screen = Screen::new(out, cx, false);
    let end = match place {
        Place::Named(client) | Place::Daemon(client, _) => {
            wait_for(follow(client, run, after, Until::End, &mut screen))?
        }
        Place::Here(app) => {
            let end = follow_here(app, &app.history()?, run, after, &mut screen)?;
            if !end.status.is_end() {
                output::note(&format!(
                    "note: nobody is at work on {run}; bailiwick serve goes on with it, or bailiwick runs resume {run}"
                ));
            }
            end
        }
    };
    if cx.json {
        return Ok(exit_of(end.status, end.report.as_ref()));
    }
    conclude(&end, cx, out)
}
