//! The `hydrate` command.

use std::{collections::BTreeSet, time::Duration};

use serde::Serialize;

use super::reference::{self, Named};
use crate::{
    context::Context,
    error::{Error, Result},
    git::{ObjectId, Repository},
    ledger::Listed,
    report::{Describe, Report, View},
};

/// How long a remote may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Fetch session contents missing from a partial clone
#[derive(clap::Args)]
pub(super) struct Args {
    /// The sessions, by id, HEAD~N or commit
    #[arg(value_name = "REF", required_unless_present = "all")]
    references: Vec<String>,
    /// All listed sessions
    #[arg(long, conflicts_with = "references")]
    all: bool,
}

#[derive(Serialize)]
struct Answer {
    schema_version: u32,
    fetched: Vec<String>,
    present: usize,
    missing: Vec<String>,
}

impl Describe for Answer {
    fn describe(&self) -> View {
        if self.fetched.is_empty() && self.missing.is_empty() {
            return View::default().paragraph("no session is incomplete");
        }
        View::default().pairs([
            ("fetched", self.fetched.len().to_string()),
            ("already here", self.present.to_string()),
            ("still missing", self.missing.len().to_string()),
        ])
    }
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let repository = context.repository()?;
    let (sessions, mut failures) = chosen(context, arguments)?;
    let wanted: BTreeSet<ObjectId> = sessions.iter().flat_map(|listed| absent(repository, listed)).collect();
    // All of them in one go: a round trip for each is what makes it slow.
    repository.fetch_missing(&wanted.iter().copied().collect::<Vec<_>>(), PATIENCE);
    let mut answer = Answer { schema_version: 1, fetched: Vec::new(), present: 0, missing: Vec::new() };
    for listed in &sessions {
        let key = listed.key.to_string();
        let is_wanted = [listed.hail, listed.described_by].iter().flatten().any(|id| wanted.contains(id));
        if !absent(repository, listed).is_empty() {
            failures
                .push(Error::user(format!("{key} could not be fetched: no remote gave it")).hinted("git session sync"));
            answer.missing.push(key);
        } else if is_wanted {
            answer.fetched.push(key);
        } else {
            answer.present += 1;
        }
    }
    let mut report = Report::new(answer);
    report.failures = failures;
    Ok(report)
}

/// The sessions that are to be complete, each once.
fn chosen(context: &Context, arguments: &Args) -> Result<(Vec<Listed>, Vec<Error>)> {
    if arguments.all {
        return reference::all(context);
    }
    let mut sessions: Vec<Listed> = Vec::new();
    for name in &arguments.references {
        for named in reference::resolve(context, name)? {
            let Named::Stored(listed) = named else {
                return Err(Error::usage(format!("'{name}' is a file")).hinted("git session log"));
            };
            if !sessions.iter().any(|known| known.key == listed.key) {
                sessions.push(*listed);
            }
        }
    }
    Ok((sessions, Vec::new()))
}

/// The blobs of a session that are not here.
fn absent(repository: &Repository, listed: &Listed) -> Vec<ObjectId> {
    let blobs = [listed.hail, listed.described_by].into_iter().flatten();
    blobs.filter(|id| !repository.has_object(*id)).collect()
}
