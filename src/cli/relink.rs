//! The `relink` command.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::Serialize;

use super::reference;
use crate::{
    attribution::{self, Kinship, Known, Orphan},
    capture,
    context::Context,
    error::{Error, Result},
    git::{Commit, Fingerprint, ObjectId, Repository},
    hail::SessionId,
    ledger::{self, BranchName, Ledger, LedgerError, Link, Listed, Tip},
    report::{Describe, Report, View, counted, single_line},
};

/// How many commits are looked at unless a range is given.
const LATEST: usize = 100;
/// How long another process may take that stores sessions.
const PATIENCE: Duration = Duration::from_secs(60);

/// Link sessions to commits rewritten outside this clone
///
/// A squash merge on a forge, git filter-repo or git am gives commits new ids and may drop their
/// trailers. The sessions of a commit that has none are found by the same patch, else by the same
/// tree, else by the files that it introduced, and linked to it. Without RANGE: the last 100
/// commits of HEAD.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The commits to look at, such as main~20..main, or a single one
    range: Option<String>,
    /// Show what would be linked, without linking it
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Answer {
    schema_version: u32,
    dry_run: bool,
    examined: usize,
    commits: Vec<Row>,
}

/// A commit that was not linked.
#[derive(Serialize)]
struct Row {
    commit: String,
    subject: String,
    evidence: Option<Kinship>,
    sessions: Vec<SessionId>,
}

impl Describe for Answer {
    fn describe(&self) -> View {
        let found: Vec<&Row> = self.commits.iter().filter(|row| row.evidence.is_some()).collect();
        let cells = found.iter().map(|row| {
            let sessions: Vec<String> = row.sessions.iter().map(|id| id.as_str().chars().take(8).collect()).collect();
            let evidence = row.evidence.map(Kinship::name).unwrap_or_default();
            vec![row.commit[..7].to_owned(), evidence.to_owned(), sessions.join(" "), row.subject.clone()]
        });
        let view = View::default();
        let view = match found.len() {
            0 => view,
            _ => view.table(&["commit", "evidence", "sessions", "subject"], cells.collect()),
        };
        let commits = |count: usize| counted(count, "commit");
        let done = if self.dry_run { "would be linked" } else { "linked" };
        let rest = self.commits.len() - found.len();
        view.paragraph(format!(
            "{} {done}; {} without a session; {} looked at",
            commits(found.len()),
            commits(rest),
            commits(self.examined)
        ))
    }
}

/// What the ledgers that are here know.
#[derive(Default)]
struct Stored {
    /// Where each session is, by preference in the current branch's ledger.
    homes: BTreeMap<SessionId, Home>,
    links: BTreeSet<(ObjectId, SessionId)>,
    linked: BTreeSet<ObjectId>,
    known: Vec<Known>,
    failures: Vec<Error>,
}

/// A ledger that has a session.
struct Home {
    ledger: &'static dyn Ledger,
    branch: BranchName,
    /// The session, where only a fetched ledger has it.
    fetched: Option<Listed>,
}

impl Stored {
    fn read(repository: &Repository, ledger: &dyn Ledger) -> Result<Self> {
        let current = BranchName::current(repository, &repository.head()?);
        let mut tips = Vec::new();
        for ledger in ledger::all_from(ledger) {
            tips.extend(ledger.tips(repository)?.into_iter().map(|tip| (ledger, tip)));
        }
        tips.sort_by_key(|(_, tip)| (tip.remote.is_some(), !tip.covers(&current)));
        let mut stored = Self::default();
        let mut seen = BTreeSet::new();
        for (ledger, tip) in tips.into_iter().filter(|(_, tip)| seen.insert(tip.id)) {
            if let Err(fault) = stored.add(repository, ledger, &tip) {
                stored.failures.push(fault.during(format!("reading the sessions in {}", tip.reference)));
            }
        }
        stored.known.retain(|known| stored.homes.contains_key(&known.session));
        Ok(stored)
    }

    fn add(&mut self, repository: &Repository, ledger: &'static dyn Ledger, tip: &Tip) -> Result<()> {
        for listed in ledger.sessions(repository, tip)?.into_iter().filter(|listed| listed.hail.is_some()) {
            let is_own = tip.remote.is_none();
            let branch = if is_own { tip.branch.clone() } else { listed.branch.clone() };
            let id = listed.key.id.clone();
            self.homes.entry(id).or_insert_with(|| Home { ledger, branch, fetched: (!is_own).then_some(listed) });
        }
        let links = ledger.links(repository, tip)?;
        self.failures.extend(links.damage.into_iter().map(|damage| Error::from(LedgerError::from(damage))));
        for (commit, entry) in links.entries {
            self.links.insert((commit, entry.session_id.clone()));
            self.linked.insert(commit);
            self.known.push(Known { session: entry.session_id, commit, fingerprint: entry.fingerprint });
        }
        Ok(())
    }

    /// The stored sessions that the trailers name and that are not linked to the commit.
    fn named(&self, commit: &Commit) -> Vec<SessionId> {
        let mut named = attribution::sessions_in(&commit.message);
        named.retain(|id| self.homes.contains_key(id) && !self.links.contains(&(commit.id, id.clone())));
        named
    }

    /// Finds out what older versions did not note, of the commits that are still here.
    fn complete(&mut self, repository: &Repository) -> Result<()> {
        let is_unknown = |known: &&mut Known| known.fingerprint == Fingerprint::default();
        let commits: Vec<ObjectId> = self.known.iter_mut().filter(is_unknown).map(|known| known.commit).collect();
        let mut found = repository.fingerprints(&commits)?;
        for known in self.known.iter_mut().filter(is_unknown) {
            known.fingerprint = found.get_mut(&known.commit).cloned().unwrap_or_default();
        }
        Ok(())
    }
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let repository = context.repository()?;
    let ledger = context.config()?.ledger;
    let commits = match &arguments.range {
        Some(range) => reference::commits(repository, range)?,
        None => repository.commits(&Vec::from_iter(repository.head()?.commit), &[], LATEST)?,
    };
    if !arguments.dry_run {
        // What a commit asked for is not lost, only late.
        capture::drain_queue(context, PATIENCE)?;
    }
    let mut stored = Stored::read(repository, ledger)?;
    let examined = commits.len();
    let (rows, orphans) = find(repository, &mut stored, &commits)?;
    if !arguments.dry_run {
        store(context, &stored, &rows, &orphans)?;
    }
    let is_empty = stored.homes.is_empty() && stored.failures.is_empty();
    let mut report = Report::new(Answer { schema_version: 1, dry_run: arguments.dry_run, examined, commits: rows });
    report.failures = stored.failures;
    report.is_long = true;
    if is_empty {
        report.notes.push("no session is stored here; git session sync --fetch-only gets those of others".to_owned());
    }
    Ok(report)
}

/// Finds the sessions of those of `commits` that are not linked.
fn find(repository: &Repository, stored: &mut Stored, commits: &[ObjectId]) -> Result<(Vec<Row>, Vec<Orphan>)> {
    let mut orphans = Vec::new();
    let mut subjects = Vec::new();
    for commit in commits {
        let commit = repository.commit(*commit)?;
        let named = stored.named(&commit);
        if !named.is_empty() || !stored.linked.contains(&commit.id) {
            subjects.push(subject(&commit));
            orphans.push(Orphan { commit: commit.id, named, fingerprint: Fingerprint::default() });
        }
    }
    if !orphans.is_empty() && !stored.homes.is_empty() {
        stored.complete(repository)?;
        let ids: Vec<ObjectId> = orphans.iter().map(|orphan| orphan.commit).collect();
        let mut found = repository.fingerprints(&ids)?;
        for orphan in &mut orphans {
            orphan.fingerprint = found.remove(&orphan.commit).unwrap_or_default();
        }
    }
    // A commit that is gone is in no history.
    let is_ancestor = |one, other| repository.is_ancestor(one, other).unwrap_or(false);
    let rows = orphans.iter().zip(subjects).map(|(orphan, subject)| {
        let found = attribution::relink(orphan, &stored.known, is_ancestor);
        let (evidence, sessions) = found.map_or((None, Vec::new()), |found| (Some(found.evidence), found.sessions));
        Row { commit: orphan.commit.to_string(), subject, evidence, sessions }
    });
    Ok((rows.collect(), orphans))
}

fn subject(commit: &Commit) -> String {
    single_line(&String::from_utf8_lossy(commit.message.split(|byte| *byte == b'\n').next().unwrap_or_default()))
}

/// Links what was found, each session in the ledger that has it.
fn store(context: &Context, stored: &Stored, rows: &[Row], orphans: &[Orphan]) -> Result<()> {
    let repository = context.repository()?;
    let mut by_ledger: BTreeMap<(&str, &BranchName), Vec<(SessionId, Link)>> = BTreeMap::new();
    for (row, orphan) in rows.iter().zip(orphans) {
        let Some(evidence) = row.evidence else { continue };
        let link = Link { fingerprint: orphan.fingerprint.clone(), ..Link::new(orphan.commit, evidence.name()) };
        for session in &row.sessions {
            let Some(home) = stored.homes.get(session) else { continue };
            if let Some(listed) = &home.fetched {
                home.ledger.adopt(repository, &home.branch, std::slice::from_ref(listed), &[], context.now())?;
            }
            let links = by_ledger.entry((home.ledger.name(), &home.branch)).or_default();
            links.push((session.clone(), link.clone()));
        }
    }
    for ((name, branch), links) in by_ledger {
        let Ok(ledger) = ledger::by_name(name) else { continue };
        ledger.link(repository, branch, &links, context.now())?;
    }
    Ok(())
}
