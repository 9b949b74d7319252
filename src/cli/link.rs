//! The `link` command.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use serde::Serialize;

use super::reference;
use crate::{
    attribution::{self, Linked as Known, Match, UnlinkedCommit},
    capture::{self, Job, JobSession, Queue},
    context::Context,
    error::{Error, Result},
    git::{Commit, Fingerprint, ObjectId, Repository},
    hail::SessionId,
    ledger::{self, BranchName, Ledger, LedgerError, Link, Listed, Tip},
    lines::{self, Linked, LogOf, Sources},
    report::{Describe, Report, View, counted, single_line},
};

/// How many commits are looked at unless a range is given.
const LATEST: usize = 100_000;
/// How long another process may take that stores sessions.
const PATIENCE: Duration = Duration::from_secs(60);

/// Find the sessions of commits by what they wrote
///
/// Compares the lines that each commit adds and removes with what the sessions of the ledgers and of
/// the logs on this machine wrote, and links the commits to the sessions that wrote them or made them.
/// Commits from before the installation are found, too: git session capture --all, then git session
/// link. A commit that was rewritten elsewhere, as by a squash merge on a forge or git filter-repo, is
/// also found by its trailers, its patch, its tree or its files. Without RANGE: every commit of HEAD
/// since the first session began.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The commits to look at: ranges such as main~20..main, branches, or single commits
    #[arg(value_name = "RANGE")]
    ranges: Vec<String>,
    /// Show what would be linked, without linking it
    #[arg(long)]
    dry_run: bool,
}

/// A session's part in a commit, and whether it was linked before.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    link: Linked,
    was_linked: bool,
    #[serde(skip)]
    subject: String,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Answer {
    rows: Vec<Row>,
    #[serde(skip)]
    dry_run: bool,
    #[serde(skip)]
    examined: usize,
}

impl Describe for Answer {
    fn describe(&self) -> View {
        let new: Vec<&Row> = self.rows.iter().filter(|row| !row.was_linked).collect();
        let cells = new.iter().map(|row| {
            let Linked { commit, session, evidence, lines, of_lines } = &row.link;
            let id: String = session.as_str().chars().take(8).collect();
            let lines = if *lines == 0 { String::new() } else { format!("{lines} of {of_lines}") };
            vec![commit[..7].to_owned(), id, evidence.name().to_owned(), lines, row.subject.clone()]
        });
        let view = View::default();
        let view = match new.len() {
            0 => view,
            _ => view.table(&["commit", "session", "evidence", "lines", "subject"], cells.collect()),
        };
        let commits: BTreeSet<&str> = self.rows.iter().map(|row| row.link.commit.as_str()).collect();
        let done = if self.dry_run { "would be linked" } else { "linked" };
        let old = self.rows.len() - new.len();
        view.paragraph(format!(
            "{} {done}, {old} linked before; {} of {} with a session",
            counted(new.len(), "link"),
            commits.len(),
            counted(self.examined, "commit")
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
    if !arguments.dry_run {
        // What a commit asked for is not lost, only late.
        capture::drain_queue(context, PATIENCE)?;
    }
    let mut stored = Stored::read(repository, ledger)?;
    let (sessions, logs) = Sources::list(context, true)?.read()?;
    let mut commits = Vec::new();
    for range in &arguments.ranges {
        commits.extend(reference::history(repository, range)?);
    }
    if arguments.ranges.is_empty() {
        commits = since_first(repository, &sessions)?;
    }
    let mut seen = HashSet::new();
    commits.retain(|commit| seen.insert(*commit));
    let mut links = lines::link(repository, &sessions, &commits)?;
    let rewritten = rewritten(repository, &mut stored, &commits, &links)?;
    links.extend(rewritten);
    let places: BTreeMap<String, usize> = commits.iter().enumerate().map(|(at, id)| (id.to_string(), at)).collect();
    links.sort_by_cached_key(|link| (places.get(&link.commit).copied(), link.session.clone()));
    let is_linked = |link: &Linked| {
        let commit = repository.parse_id(&link.commit);
        commit.is_some_and(|commit| stored.links.contains(&(commit, link.session.clone())))
    };
    let is_old: Vec<bool> = links.iter().map(is_linked).collect();
    if !arguments.dry_run {
        let new: Vec<&Linked> =
            links.iter().zip(&is_old).filter(|(_, is_old)| !**is_old).map(|(link, _)| link).collect();
        store(context, &mut stored, &new, &logs)?;
    }
    let is_empty = sessions.all().is_empty() && stored.homes.is_empty() && stored.failures.is_empty();
    let rows = links.into_iter().zip(is_old).map(|(link, was_linked)| {
        let commit = repository.parse_id(&link.commit).and_then(|commit| repository.commit(commit).ok());
        Row { subject: commit.as_ref().map(subject).unwrap_or_default(), link, was_linked }
    });
    let answer = Answer { rows: rows.collect(), dry_run: arguments.dry_run, examined: commits.len() };
    let mut report = Report::new(answer);
    report.failures = stored.failures;
    report.is_long = true;
    if is_empty {
        report.notes.push("no session is stored here; git session sync --fetch-only gets those of others".to_owned());
    }
    Ok(report)
}

/// The commits of HEAD since the first session began.
fn since_first(repository: &Repository, sessions: &attribution::Sessions) -> Result<Vec<ObjectId>> {
    let commits = repository.commits(&Vec::from_iter(repository.head()?.commit), &[], LATEST)?;
    let first = sessions.all().iter().map(|known| known.header.context.created_at).min();
    let Some(first) = first else { return Ok(commits) };
    let is_since = |id: &ObjectId| repository.commit(*id).is_ok_and(|commit| commit.seconds >= first.seconds() - 60);
    Ok(commits.into_iter().filter(is_since).collect())
}

/// Finds the sessions of those of `commits` that have none, by what their ids were before.
fn rewritten(
    repository: &Repository,
    stored: &mut Stored,
    commits: &[ObjectId],
    links: &[Linked],
) -> Result<Vec<Linked>> {
    let found: HashSet<(&str, &SessionId)> = links.iter().map(|link| (link.commit.as_str(), &link.session)).collect();
    let with_session: HashSet<&str> = links.iter().map(|link| link.commit.as_str()).collect();
    let mut unlinked = Vec::new();
    for id in commits {
        let commit = repository.commit(*id)?;
        let mut named = stored.named(&commit);
        let name = id.to_string();
        named.retain(|session| !found.contains(&(name.as_str(), session)));
        let has_none = !stored.linked.contains(id) && !with_session.contains(name.as_str());
        if !named.is_empty() || has_none {
            unlinked.push(UnlinkedCommit { commit: *id, named, fingerprint: Fingerprint::default() });
        }
    }
    if unlinked.is_empty() || stored.homes.is_empty() {
        return Ok(Vec::new());
    }
    stored.complete(repository)?;
    let ids: Vec<ObjectId> = unlinked.iter().map(|unlinked| unlinked.commit).collect();
    let mut fingerprints = repository.fingerprints(&ids)?;
    // A commit that is gone is in no history.
    let is_ancestor = |one, other| repository.is_ancestor(one, other).unwrap_or(false);
    let mut rows = Vec::new();
    for mut unlinked in unlinked {
        unlinked.fingerprint = fingerprints.remove(&unlinked.commit).unwrap_or_default();
        let Some(Match { evidence, sessions }) = attribution::find_rewritten(&unlinked, &stored.known, is_ancestor)
        else {
            continue;
        };
        let commit = unlinked.commit.to_string();
        rows.extend(sessions.into_iter().map(|session| Linked {
            commit: commit.clone(),
            session,
            evidence,
            lines: 0,
            of_lines: 0,
        }));
    }
    Ok(rows)
}

fn subject(commit: &Commit) -> String {
    single_line(&String::from_utf8_lossy(commit.message.split(|byte| *byte == b'\n').next().unwrap_or_default()))
}

/// Links what was found, each session in the ledger that has it. A session that only a log has is captured first.
fn store(context: &Context, stored: &mut Stored, links: &[&Linked], logs: &[LogOf]) -> Result<()> {
    let repository = context.repository()?;
    let is_only_in_log = |link: &&&Linked| !stored.homes.contains_key(&link.session);
    let mut waiting = HashSet::new();
    let branch = BranchName::current(repository, &repository.head()?);
    for link in links.iter().filter(is_only_in_log).filter(|link| waiting.insert(&link.session)) {
        let with = |log: &std::path::Path| JobSession {
            id: link.session.clone(),
            log: Some(log.to_owned()),
            evidence: link.evidence.name().to_owned(),
        };
        let sessions = lines::logs_of(logs, &link.session).into_iter().map(with).collect();
        Queue::of(repository).add(&Job::new(link.commit.clone(), &branch, sessions))?;
    }
    if !waiting.is_empty() {
        capture::drain_queue(context, PATIENCE)?;
        *stored = Stored::read(repository, context.config()?.ledger)?;
    }
    let commits: Vec<ObjectId> = links.iter().filter_map(|link| repository.parse_id(&link.commit)).collect();
    let fingerprints = repository.fingerprints(&commits)?;
    let mut by_ledger: BTreeMap<(&str, &BranchName), Vec<(SessionId, Link)>> = BTreeMap::new();
    for link in links {
        let Some(commit) = repository.parse_id(&link.commit) else { continue };
        let Some(home) = stored.homes.get(&link.session) else { continue };
        if let Some(listed) = &home.fetched {
            home.ledger.adopt(repository, &home.branch, std::slice::from_ref(listed), &[], context.now())?;
        }
        let fingerprint = fingerprints.get(&commit).cloned().unwrap_or_default();
        let link_of = Link { fingerprint, ..Link::new(commit, link.evidence.name()) };
        by_ledger.entry((home.ledger.name(), &home.branch)).or_default().push((link.session.clone(), link_of));
    }
    for ((name, branch), links) in by_ledger {
        let Ok(ledger) = ledger::by_name(name) else { continue };
        ledger.link(repository, branch, &links, context.now())?;
    }
    Ok(())
}
