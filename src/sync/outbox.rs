//! Ledgers that are on their way to a remote: a push waits for that only so long, and what is left is sent in
//! the background.
//!
//! There is one folder for each repository that sessions are sent to, with a file for each push that asked for
//! something, a lock that the one process that sends holds, and what that process last said of itself.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{Exchange, Outcome, Pair, Progress, SecretCheck, Selection, mode::follow, place};
use crate::{
    config::Config,
    context::Context,
    error::Result,
    git::{self, ObjectId, Repository},
    hail::{ObjectHash, Timestamp},
    ledger::{BranchName, Ledger},
    system::files,
};

/// The folder, in the directory of the repository's state.
const FOLDER: &str = "outbox";
/// What a process that sends says of itself.
const STATUS: &str = "status";
/// The largest file of an outbox that is read, in bytes.
const MAX_BYTES: u64 = 16 << 20;
/// How long a remote may take to say how it keeps its sessions: a push that waits is told next how many go.
const MODE_PATIENCE: Duration = Duration::from_secs(3);
/// How long one request may take in all.
const PATIENCE: Duration = Duration::from_secs(2 * 60 * 60);
/// The pauses before it is tried again after the connection broke.
const PAUSES: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120)];

/// What a push asked to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The remote that gets the sessions.
    pub remote: String,
    /// The URL that it is pushed to, where that is another repository than is fetched from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The branches, here and there, each encoded.
    ledgers: Vec<(String, String)>,
    /// Commits that the remote is about to get; `None` where every session may go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tips: Option<Vec<String>>,
    /// The remotes whose branches count as what is published.
    #[serde(default)]
    remotes: Vec<String>,
}

/// How far the sending has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The process that sends or sent.
    pub process: u32,
    /// The remote.
    pub remote: String,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// How many sessions the remote got.
    pub sent: usize,
    /// How many it is to get.
    pub total: usize,
    /// The branches whose sessions it got.
    pub branches: Vec<String>,
    /// Whether the process came to its end.
    pub is_finished: bool,
    /// Whether the remote refused something.
    pub is_refused: bool,
    /// What did not work, in words.
    pub problems: Vec<String>,
    /// What to know although all worked.
    pub warnings: Vec<String>,
}

/// The folder of one repository that sessions are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbox {
    folder: PathBuf,
}

impl Request {
    /// A request to send the ledgers of `pairs` by the rules of `exchange`.
    #[must_use]
    pub fn new(exchange: &Exchange<'_>, pairs: &[Pair]) -> Self {
        let encode = |branch: &BranchName| URL_SAFE_NO_PAD.encode(branch.as_bytes());
        let tips = |selection: &Selection| selection.tips.iter().map(ToString::to_string).collect();
        Self {
            remote: exchange.remote.to_owned(),
            url: exchange.push_url.map(str::to_owned),
            ledgers: pairs.iter().map(|pair| (encode(&pair.local), encode(&pair.remote))).collect(),
            tips: exchange.selection.map(tips),
            remotes: exchange.selection.map(|selection| selection.remotes.clone()).unwrap_or_default(),
        }
    }

    fn pairs(&self) -> Vec<Pair> {
        let decode = |name: &str| BranchName::from(URL_SAFE_NO_PAD.decode(name).unwrap_or_default().as_slice());
        self.ledgers.iter().map(|(local, remote)| Pair { local: decode(local), remote: decode(remote) }).collect()
    }

    fn selection(&self, repository: &Repository) -> Option<Selection> {
        let tips: Vec<ObjectId> = self.tips.as_ref()?.iter().filter_map(|tip| repository.parse_id(tip)).collect();
        Some(Selection::new(tips, self.remotes.clone()))
    }
}

impl Status {
    /// How far a process that still sends has come.
    #[must_use]
    pub fn in_background(&self, remote: &str) -> String {
        let since = self.started_at.map(|at| at.to_chrono().with_timezone(&chrono::Local).format(" since %H:%M"));
        let since = since.map(|since| since.to_string()).unwrap_or_default();
        match self.total {
            0 => format!("the sessions are being sent to {remote} in the background{since}"),
            1 => format!("1 session is being sent to {remote} in the background{since}"),
            total => format!("{} of {total} sessions sent to {remote}, sending in the background{since}", self.sent),
        }
    }
}

impl Outbox {
    /// The one for the remote, or for the repository at `url` that it is pushed to.
    #[must_use]
    pub fn of(repository: &Repository, remote: &str, url: Option<&str>) -> Self {
        Self::named(repository, &ObjectHash::of(place(remote, url).as_bytes()).short())
    }

    fn named(repository: &Repository, name: &str) -> Self {
        Self { folder: repository.state_dir().join(FOLDER).join(name) }
    }

    /// Every one of a repository.
    #[must_use]
    pub fn all(repository: &Repository) -> Vec<Self> {
        let folders = fs::read_dir(repository.state_dir().join(FOLDER)).into_iter().flatten().flatten();
        let mut all: Vec<Self> = folders.map(|entry| Self { folder: entry.path() }).collect();
        all.sort_by(|one, other| one.folder.cmp(&other.folder));
        all
    }

    /// Adds a request, and starts a process that sees to it. Returns that process.
    ///
    /// # Errors
    /// When the folder cannot be written or the process does not start.
    pub fn send(&self, context: &Context, request: &Request) -> Result<std::process::Child> {
        let bytes = serde_json::to_vec(request).map_err(io::Error::from)?;
        files::replace(&self.folder.join(format!("{}.json", ObjectHash::of(&bytes).short())), &bytes)?;
        let name = self.folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        Ok(git::spawn_detached(&context.program()?, &["hook", "send", name], &context.directory)?)
    }

    /// What the process that sends, or sent last, says of itself.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        serde_json::from_slice(&files::read(&self.folder.join(STATUS), MAX_BYTES).ok()?).ok()
    }

    /// Whether a process is sending.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        let file = File::options().write(true).open(self.folder.join("lock"));
        file.is_ok_and(|file| matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)))
    }

    /// Whether a request waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requests().is_empty()
    }

    fn requests(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut found: Vec<PathBuf> =
            entries.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
        found.sort();
        found
    }

    fn say(&self, status: &Status) {
        // Whoever asks sees the status before; what is sent does not depend on it.
        let bytes = serde_json::to_vec(status).unwrap_or_default();
        let _ = files::replace(&self.folder.join(STATUS), &bytes);
    }

    /// Forgets what the last process said of itself: somebody else has sent everything.
    pub fn clear(&self) {
        if !self.is_busy() && self.is_empty() {
            // At worst it is told once more.
            let _ = fs::remove_file(self.folder.join(STATUS));
        }
    }

    /// The lock of the one process that sends; none where another has it. It ends with the process, however that
    /// ends.
    fn lock(&self) -> Result<Option<File>> {
        let file = File::options().create(true).truncate(false).write(true).open(self.folder.join("lock"))?;
        Ok(file.try_lock().is_ok().then_some(file))
    }
}

/// Sends what was asked for in the outbox `name`, one request after another, until there is none. Another
/// process that does so already is left to it.
///
/// # Errors
/// When the outbox cannot be read or written.
pub fn send_requests(context: &Context, name: &str) -> Result<()> {
    let outbox = Outbox::named(context.repository()?, name);
    let mut status = Status { process: std::process::id(), started_at: Some(context.now()), ..Status::default() };
    // Whoever adds a request and finds the lock taken leaves it to its holder: it looks again afterwards.
    while !outbox.is_empty() {
        let Some(lock) = outbox.lock()? else { return Ok(()) };
        for path in outbox.requests() {
            if let Err(fault) = serve(context, &outbox, &path, &mut status) {
                status.problems.push(fault.to_string());
            }
            if let Err(fault) = fs::remove_file(&path) {
                status.problems.push(format!("{}: {fault}", path.display()));
                return Ok(());
            }
        }
        status.is_finished = true;
        outbox.say(&status);
        drop(lock);
    }
    Ok(())
}

/// Sees to one request.
fn serve(context: &Context, outbox: &Outbox, path: &Path, status: &mut Status) -> Result<()> {
    // One that cannot be read is of another version, and is dropped: what it asked for goes with the next push.
    let Ok(request) = serde_json::from_slice::<Request>(&files::read(path, MAX_BYTES)?) else { return Ok(()) };
    status.remote.clone_from(&request.remote);
    outbox.say(status);
    let deadline = Instant::now() + PATIENCE;
    let mut pauses = PAUSES.into_iter();
    loop {
        let outcome = send_once(context, outbox, (&request, deadline), status)?;
        let pause = pauses.next().filter(|_| outcome.is_broken_off && !outcome.sessions.is_empty());
        status.sent += outcome.sessions.len();
        status.total = status.total.max(status.sent);
        for branch in outcome.pushed.iter().map(ToString::to_string) {
            if !status.branches.contains(&branch) {
                status.branches.push(branch);
            }
        }
        let Some(pause) = pause else {
            status.problems.extend(outcome.problems);
            status.is_refused |= outcome.is_refused;
            // Told when it happens, and not again at pushes that have nothing new.
            status.warnings.extend(outcome.warning.filter(|_| !outcome.pushed.is_empty()));
            return Ok(());
        };
        std::thread::sleep(pause);
    }
}

/// Sends what is left of a request, as far as the connection holds.
fn send_once(
    context: &Context,
    outbox: &Outbox,
    (request, deadline): (&Request, Instant),
    status: &Status,
) -> Result<Outcome> {
    // Packs that came and went since are seen by one that looks anew.
    let fresh = Context::new(context.environment.clone(), context.directory.clone());
    let (repository, config) = (fresh.repository()?, Config::read(fresh.repository()?)?);
    let secret_check = SecretCheck::new(fresh.redactor()?);
    let secret_check = Some(&secret_check).filter(|secret_check| secret_check.is_needed());
    let selection = request.selection(repository);
    let before = status.clone();
    let watch = |progress: &Progress| {
        let (sent, total) = (before.sent + progress.sent, before.sent + progress.total);
        outbox.say(&Status { sent, total, ..before.clone() });
    };
    let exchange = Exchange {
        repository,
        ledger: config.ledger,
        remote: &request.remote,
        push_url: request.url.as_deref(),
        deadline,
        now: context.now(),
        secret_check,
        selection: selection.as_ref(),
        watch: Some(&watch),
    };
    let followed = follow_remote(&exchange, &config)?;
    let exchange = Exchange { ledger: followed.as_ref().map_or(config.ledger, |(ledger, _)| *ledger), ..exchange };
    let mut outcome = Outcome::default();
    for exchange in exchange.of_each_backend() {
        outcome.add(exchange.push(&request.pairs())?);
    }
    outcome.warning = outcome.warning.or(followed.map(|(_, line)| line));
    Ok(outcome)
}

/// Takes up how the remote keeps its sessions, where this clone was not told. One that does not say so in time is
/// followed by the next fetch: both ways are read.
fn follow_remote(exchange: &Exchange<'_>, config: &Config) -> Result<Option<(&'static dyn Ledger, String)>> {
    let deadline = exchange.deadline.min(Instant::now() + MODE_PATIENCE);
    match (Exchange { deadline, ..*exchange }).meet() {
        Ok(()) => follow(exchange.repository, config, exchange.remote, exchange.now),
        Err(_) => Ok(None),
    }
}
