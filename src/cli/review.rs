//! The `review` command.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{reference, remotes};
use crate::{
    context::Context,
    error::{Error, Result},
    forge,
    git::GitError,
    report::{Describe, Message, Report, View, counted},
    review::{self, Digest, SessionDigest, Shape, Sought, Target},
    system::files,
};

/// Summarise the sessions behind a range of commits
///
/// For every commit of RANGE, such as `main..HEAD`: the sessions that had a part in it, what was asked and
/// answered, the files and tests it changed and the commands that failed. The options for CI jobs are what
/// the jobs of `git session cleanup init` use.
#[derive(clap::Args)]
pub(super) struct Args {
    /// A commit, or a range of commits as git takes it
    #[arg(required_unless_present_any = ["unpublish", "find_comment"])]
    range: Option<String>,
    /// Keep the Markdown form below this many characters
    #[arg(long, value_name = "N", default_value_t = review::GITHUB_LIMIT, value_parser = limit)]
    limit: usize,
    /// Put the sessions on this branch, opensession/pr-<n>-sessions or opensession/mr-<n>-sessions, and push it
    #[arg(long, value_name = "BRANCH", help_heading = JOBS, value_parser = artifact_branch)]
    publish: Option<String>,
    /// Delete that branch on the remote, where it is there
    #[arg(long, value_name = "BRANCH", help_heading = JOBS, conflicts_with_all = ["range", "publish"], value_parser = artifact_branch)]
    unpublish: Option<String>,
    /// Keep the sessions in a folder of this branch instead, which nothing is deleted from
    #[arg(long, value_name = "BRANCH", help_heading = JOBS)]
    archive: Option<String>,
    /// The remote that has these branches; without it, the upstream's remote, else the only one
    #[arg(long, value_name = "REMOTE", help_heading = JOBS)]
    remote: Option<String>,
    /// Link to the published sessions: URL/<branch>/<path> is where the host shows a file
    #[arg(long, value_name = "URL", help_heading = JOBS)]
    browse_url: Option<String>,
    /// Write the body of the request that posts the comment, `{"body": …}`, to this file
    #[arg(long, value_name = "FILE", help_heading = JOBS, requires = "range")]
    comment_file: Option<PathBuf>,
    /// Look for our comment in a page of comments as the host's API gives it: print its id, `more` where
    /// there are more pages, or `none`
    #[arg(long, value_name = "FILE", help_heading = JOBS, requires = "comment_author", conflicts_with_all = ["range", "publish", "unpublish"])]
    find_comment: Option<PathBuf>,
    /// Who writes the comment: the name of the account, or a file with the user as the host's API gives it
    #[arg(long, value_name = "NAME|FILE", help_heading = JOBS, requires = "find_comment")]
    comment_author: Option<String>,
}

const JOBS: &str = "For CI jobs";

/// The least characters that a digest makes sense in.
const LEAST: usize = 1_000;

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    digest: Digest,
    #[serde(skip)]
    limit: usize,
    #[serde(skip)]
    whole: Option<String>,
}

impl Describe for Answer {
    fn describe(&self) -> View {
        let digest = &self.digest;
        if digest.commits.is_empty() {
            return View::default().paragraph(format!("there are no commits in {}", digest.range));
        }
        let mut shown = std::collections::HashSet::new();
        digest.commits.iter().fold(View::default(), |view, commit| {
            let mut view = view.heading(format!("{} {}", &commit.id[..10], commit.subject));
            for session in digest.sessions_of(commit) {
                view = describe(view, session, shown.insert(&session.id));
            }
            if commit.sessions.is_empty() && commit.missing_sessions.is_empty() {
                view = view.paragraph("no session is linked to it");
            }
            let files = commit.files.iter().map(|file| {
                let kind = if file.is_test { "test" } else { "file" };
                (format!("{kind} {}", file.action), file.path.clone())
            });
            let missing = commit.missing_sessions.iter().map(|session| {
                let fate = session.fate.as_deref().unwrap_or_default();
                ("not here".to_owned(), format!("{} {fate}", session.id))
            });
            view.pairs(missing.chain(files))
        })
    }

    fn markdown(&self) -> Option<String> {
        Some(review::markdown(&self.digest, Shape { limit: self.limit, whole: self.whole.as_deref() }))
    }
}

fn describe(view: View, session: &SessionDigest, is_new: bool) -> View {
    let id: String = session.id.chars().take(8).collect();
    let view = view.pairs([("session", format!("{id}  {} {}  {}", session.tool, session.model, session.title))]);
    if !is_new {
        return view;
    }
    let said = session.exchanges.iter().flat_map(|exchange| {
        [("asked", exchange.question.clone()), ("answered", exchange.answer.clone().unwrap_or_default())]
    });
    let failed = session
        .failed_commands
        .iter()
        .map(|failed| ("failed", format!("{} (exit code {})", failed.command, failed.exit_code)));
    let more =
        |count: usize, what: &str| if count == 0 { String::new() } else { counted(count, &format!("more {what}")) };
    let rest = [
        ("left out", more(session.exchanges_left_out, "question")),
        ("left out", more(session.failed_left_out, "failed command")),
        ("unread", session.unread.clone().unwrap_or_default()),
    ];
    view.pairs(said.chain(failed).chain(rest))
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    if let (Some(file), Some(author)) = (&arguments.find_comment, &arguments.comment_author) {
        return find_comment(context, file, author);
    }
    if let Some(branch) = &arguments.unpublish {
        return unpublish(context, arguments, branch);
    }
    let repository = context.repository()?;
    let range = arguments.range.as_deref().unwrap_or_default();
    let commits = reference::commits(repository, range).map_err(|fault| unknown(range, fault))?;
    let ledger = context.config()?.ledger;
    let (sessions, failures) = reference::all(context)?;
    let mut digest = review::digest(repository, range, &commits, &sessions)?;
    for session in digest.missing() {
        session.fate =
            reference::tombstone(repository, ledger, &session.id)?.map(|tombstone| reference::fate(&tombstone));
    }
    let target = arguments.publish.as_ref().map(|branch| target(context, arguments, branch)).transpose()?;
    let url = |path: &str| Some(target.as_ref()?.url(arguments.browse_url.as_deref()?, path));
    if url("").is_some() {
        digest.link(|id| url(&review::events_path(id)).unwrap_or_default());
    }
    let mut notes = Vec::new();
    if let Some(target) = &target {
        let published = review::publish(repository, target, &digest, context.now())?;
        let done = if published.is_new { "is now at" } else { "was already at" };
        notes.push(format!("the branch {} of {} {done} {}", target.branch, target.remote, published.commit));
    }
    let answer = Answer { whole: url("README.md"), limit: arguments.limit, digest };
    if let Some(file) = &arguments.comment_file {
        let body = serde_json::json!({ "body": answer.markdown() }).to_string();
        std::fs::write(context.path(file), body)
            .map_err(|fault| Error::from(fault).during(format!("writing {}", file.display())))?;
    }
    let mut report = Report::new(answer);
    report.notes = notes;
    report.failures = failures;
    report.is_long = true;
    Ok(report)
}

fn find_comment(context: &Context, file: &Path, author: &str) -> Result<Report> {
    let read = |path: &Path| {
        files::read(&context.path(path), files::LARGE)
            .map_err(|fault| Error::from(fault).during(format!("reading {}", path.display())))
    };
    let author = if context.path(author.as_ref()).is_file() {
        review::user_name(&read(author.as_ref())?)?
    } else {
        author.to_owned()
    };
    let answer = match review::find_comment(&read(file)?, &author)? {
        Sought::Found(id) => id.to_string(),
        Sought::More => "more".to_owned(),
        Sought::None => "none".to_owned(),
    };
    Ok(Report::new(Message::new(format!("{answer}\n"))))
}

fn unpublish(context: &Context, arguments: &Args, branch: &str) -> Result<Report> {
    if let Some(archive) = &arguments.archive {
        return Ok(Report::new(Message::new(format!("the sessions stay on the branch {archive}\n"))));
    }
    let target = target(context, arguments, branch)?;
    let is_deleted = review::unpublish(context.repository()?, &target)?;
    let done = if is_deleted { "deleted" } else { "not there" };
    Ok(Report::new(Message::new(format!("the branch {} of {}: {done}\n", target.branch, target.remote))))
}

fn target(context: &Context, arguments: &Args, branch: &str) -> Result<Target> {
    let (repository, config) = (context.repository()?, context.config()?);
    let remote = match &arguments.remote {
        Some(remote) if !config.allows(repository, remote) => return Err(remotes::refusal(&config, remote)),
        Some(remote) => remote.clone(),
        None => remotes::default_remote(repository, &config)?,
    };
    let folder = forge::review_folder(branch.as_bytes()).map(str::to_owned).filter(|_| arguments.archive.is_some());
    Ok(Target { remote, branch: arguments.archive.clone().unwrap_or_else(|| branch.to_owned()), folder })
}

fn unknown(range: &str, fault: Error) -> Error {
    if range.trim().is_empty() {
        return Error::usage("the range is empty").hinted("git session review main..HEAD");
    }
    let is_remote = fault.hint() == Error::from(GitError::UnknownRevision { spec: String::new() }).hint();
    let fault = fault.during(format!("the range {range}"));
    if is_remote {
        fault.hinted("git fetch gets what the remote has; in CI, check out the whole history")
    } else {
        fault
    }
}

fn artifact_branch(text: &str) -> std::result::Result<String, String> {
    let is_ours = forge::review_folder(text.as_bytes()).is_some();
    is_ours
        .then(|| text.to_owned())
        .ok_or_else(|| "it is opensession/pr-<n>-sessions or opensession/mr-<n>-sessions".to_owned())
}

fn limit(text: &str) -> std::result::Result<usize, String> {
    let limit = text.parse::<usize>().ok().filter(|limit| *limit >= LEAST);
    limit.ok_or_else(|| format!("it is a number of at least {LEAST}"))
}
