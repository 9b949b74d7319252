//! The `purge` command.

use super::removal;
use crate::{
    context::Context,
    erase::{Erasure, Fate},
    error::{Error, Result},
    ledger,
    report::Report,
    system::prompt,
};

/// Remove a session permanently, from every ledger
///
/// Rewrites every ledger, note, summary, artifact and branch of a review that holds it, here and, with
/// --push, on the remote, and leaves a tombstone, so that a clone that has it still does not bring it back. Its log
/// is not touched, and is not captured again.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The session
    #[arg(value_name = "REF")]
    reference: String,
    /// Remove the session on the remote as well
    #[arg(long)]
    push: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let repository = context.repository()?;
    let config = context.config()?;
    let remote = arguments.push.then(|| removal::remote(context, &config)).transpose()?;
    if let Some(remote) = &remote {
        removal::fetch(context, &config, remote)?;
    }
    let session = removal::session(context, &arguments.reference, "purge")?;
    if !arguments.yes && !confirmed(context, &arguments.reference, session.as_str(), remote.as_deref())? {
        return Err(Error::user("nothing was removed"));
    }
    let archive = removal::archive(context)?;
    let now = ledger::time_for(repository, &session, context.now())?;
    let erasure = Erasure { repository, session: &session, fate: Fate::Purged, archive: archive.as_deref(), now };
    let mut report = removal::carry_out(context, &config, &erasure, remote, None)?;
    report.notes.push(format!(
        "its log is not captured again; to undo that: git session capture --again LOG (the log of {session})"
    ));
    Ok(report)
}

/// Asks whether to go on.
fn confirmed(context: &Context, reference: &str, session: &str, remote: Option<&str>) -> Result<bool> {
    let everywhere = remote.map(|remote| format!(" and on {remote}")).unwrap_or_default();
    if !context.is_interactive {
        let push = if remote.is_some() { " --push" } else { "" };
        return Err(Error::usage(format!(
            "cannot ask whether to remove session {session} here{everywhere}: no terminal"
        ))
        .hinted(format!("git session purge {reference}{push} --yes")));
    }
    let question = format!("This removes session {session} here{everywhere}, for good.\nContinue?");
    Ok(prompt::confirm(&question, false)?)
}
