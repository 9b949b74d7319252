//! Remotes: what they have, fetching from them, pushing to them.

use std::time::Duration;

use gix::bstr::{BString, ByteSlice};

use super::{Address, Expected, GitError, ObjectId, Repository, Scratch};

/// Set in the environment of every push of ours, so that our own pre-push hook stands aside.
const GUARD: &str = "OPENSESSION_INTERNAL_PUSH";

/// How every push begins.
const PUSH: [&str; 7] =
    ["push", "--no-verify", "--porcelain", "--quiet", "--no-follow-tags", "--recurse-submodules=no", "--no-signed"];

/// How git begins what it says of a reference that the remote itself refused.
const REFUSED: &str = "[remote rejected]";
/// How many lines of what a remote says are told, and how many characters.
const MAX_SAID_LINES: usize = 3;
const MAX_SAID: usize = 300;

/// A reference on a remote.
pub type RemoteRef = (BString, ObjectId);

/// One reference to push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushSpec {
    /// What it gets; `None` deletes it.
    pub new: Option<ObjectId>,
    /// Its full name on the remote.
    pub name: BString,
    /// What it must be there for the push to go through.
    pub expected: Expected,
}

/// What became of one pushed reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushStatus {
    /// Its full name on the remote.
    pub name: BString,
    /// Whether the remote has it now; else what git or the remote said, for people: whether trying
    /// again can help is found out by asking the remote what it has.
    pub result: Result<(), String>,
}

/// What a remote has.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Its references.
    pub references: Vec<RemoteRef>,
    /// The full name of the branch that its HEAD is at, where it says so.
    pub head: Option<BString>,
}

/// How something is pushed.
#[derive(Clone, Copy, Default)]
pub struct Pushing<'a> {
    /// Where the objects are, besides this repository.
    pub objects: Option<&'a Scratch>,
    /// Whether all references go through or none.
    pub is_atomic: bool,
}

impl Repository {
    /// The names of the configured remotes, sorted.
    #[must_use]
    pub fn remotes(&self) -> Vec<String> {
        self.gix.remote_names().iter().map(|name| name.to_str_lossy().into_owned()).collect()
    }

    /// The URL that `remote` is fetched from, without credentials.
    #[must_use]
    pub fn remote_url(&self, remote: &str) -> Option<String> {
        self.config(&format!("remote.{remote}.url")).map(|url| without_credentials(&url))
    }

    /// The host that a push to `remote`, a name or a URL, goes to; `None` where that is this machine.
    #[must_use]
    pub fn push_host(&self, remote: &str) -> Option<String> {
        let found = self.gix.try_find_remote(remote)?.ok()?;
        found.url(gix::remote::Direction::Push)?.host().map(str::to_owned)
    }

    /// The remote that the checked-out branch is merged with, where one is set.
    #[must_use]
    pub fn upstream_remote(&self, branch: &str) -> Option<String> {
        self.config(&format!("branch.{branch}.remote")).filter(|remote| remote != ".")
    }

    /// The name without `refs/heads/` that the branch has on its upstream remote, where one is set.
    #[must_use]
    pub fn upstream_branch(&self, branch: &str) -> Option<String> {
        let full = self.config(&format!("branch.{branch}.merge"))?;
        full.strip_prefix("refs/heads/").map(str::to_owned)
    }

    /// Asks `remote` for its references that match `patterns`.
    ///
    /// # Errors
    /// When the remote cannot be reached.
    pub fn list_remote<'a>(
        &self,
        remote: impl Into<Address<'a>>,
        patterns: &[&str],
        limit: Duration,
    ) -> Result<Vec<RemoteRef>, GitError> {
        let remote = remote.into();
        let mut arguments = self.verbatim(remote);
        arguments.extend(["ls-remote", "--refs", "--quiet"].map(str::to_owned));
        arguments.extend(self.program_option(remote, "upload-pack"));
        arguments.extend(["--", remote.operand()].into_iter().chain(patterns.iter().copied()).map(str::to_owned));
        let finished = self.git(&arguments).limit(limit).run()?.require()?;
        let parse = |line: &[u8]| {
            let (id, name) = line.split_once_str("\t")?;
            Some((BString::from(name), ObjectId::from_hex(id).ok()?))
        };
        Ok(finished.raw_stdout.lines().filter_map(parse).collect())
    }

    /// Asks `remote` for its references that match `patterns`, and for its HEAD.
    ///
    /// # Errors
    /// When the remote cannot be reached.
    pub fn list_remote_with_head(&self, remote: &str, patterns: &[&str], limit: Duration) -> Result<Listing, GitError> {
        let mut arguments = vec!["ls-remote", "--symref", "--quiet", "--", remote, "HEAD"];
        arguments.extend(patterns);
        let finished = self.git(&arguments).limit(limit).run()?.require()?;
        let mut listing = Listing::default();
        for line in finished.raw_stdout.lines() {
            let Some((id, name)) = line.split_once_str("\t") else { continue };
            if let Some(head) = id.strip_prefix(b"ref: ").filter(|_| name == b"HEAD") {
                listing.head = Some(head.into());
            } else if let Ok(id) = ObjectId::from_hex(id)
                && name != b"HEAD"
                && !name.ends_with(b"^{}")
            {
                listing.references.push((name.into(), id));
            }
        }
        Ok(listing)
    }

    /// Fetches `refspecs` and checks every object.
    ///
    /// # Errors
    /// When the remote cannot be reached or sends something broken.
    pub fn fetch<'a>(
        &self,
        remote: impl Into<Address<'a>>,
        refspecs: &[String],
        limit: Duration,
    ) -> Result<(), GitError> {
        let remote = remote.into();
        let mut arguments = self.verbatim(remote);
        let options = [
            "-c",
            "fetch.fsckObjects=true",
            "-c",
            "fetch.writeCommitGraph=false",
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--recurse-submodules=no",
        ];
        arguments.extend(options.map(str::to_owned));
        arguments.extend(self.program_option(remote, "upload-pack"));
        if remote.url.is_none() && self.config_flag(&format!("remote.{}.promisor", remote.remote)) == Some(true) {
            // What lists need comes along, what was said comes when it is asked for.
            arguments.push("--filter=blob:limit=16k".to_owned());
        }
        arguments.extend(["--end-of-options", remote.operand()].map(str::to_owned));
        arguments.extend_from_slice(refspecs);
        self.git(&arguments).limit(limit).run()?.require().map(drop)
    }

    /// Pushes `specs` in one go, each under a lease. `destination` is a remote's name or URL. What
    /// became of each is read from git's porcelain status, never from its prose.
    ///
    /// # Errors
    /// When the remote cannot be reached at all.
    pub fn push<'a>(
        &self,
        destination: impl Into<Address<'a>>,
        specs: &[PushSpec],
        limit: Duration,
    ) -> Result<Vec<PushStatus>, GitError> {
        self.push_as(destination, specs, Pushing::default(), limit)
    }

    /// The same, in another way.
    ///
    /// # Errors
    /// When the remote cannot be reached at all, or does not know the way.
    pub fn push_as<'a>(
        &self,
        destination: impl Into<Address<'a>>,
        specs: &[PushSpec],
        pushing: Pushing<'_>,
        limit: Duration,
    ) -> Result<Vec<PushStatus>, GitError> {
        let destination = destination.into();
        let mut arguments = self.verbatim(destination);
        arguments.extend(PUSH.map(str::to_owned));
        arguments.extend(self.program_option(destination, "receive-pack"));
        if pushing.is_atomic {
            arguments.push("--atomic".to_owned());
        }
        for spec in specs {
            let expected = spec.expected.id().map(|id| id.to_string()).unwrap_or_default();
            arguments.push(format!("--force-with-lease={}:{expected}", spec.name));
        }
        arguments.extend(["--end-of-options", destination.operand()].map(str::to_owned));
        for spec in specs {
            let new = spec.new.map(|id| id.to_string()).unwrap_or_default();
            arguments.push(format!("{new}:{}", spec.name));
        }
        // Without `--porcelain`'s verbose form an up-to-date reference is not listed; the caller
        // takes a reference that is not listed after a successful push for pushed.
        let mut push = self.git(&arguments).env(GUARD, "1").limit(limit);
        if let Some(scratch) = pushing.objects {
            push = push.env("GIT_OBJECT_DIRECTORY", &scratch.objects().to_string_lossy());
        }
        let finished = push.run()?;
        let mut statuses: Vec<PushStatus> = finished.raw_stdout.lines().filter_map(parse_status).collect();
        add_reason(&mut statuses, &finished.stderr);
        let succeeded = finished.success();
        if !succeeded && statuses.is_empty() {
            finished.require()?;
        }
        Ok(specs.iter().map(|spec| status_of(spec, &statuses, succeeded)).collect())
    }
}

/// Adds what the remote wrote beside its answer to what it refused.
fn add_reason(statuses: &mut [PushStatus], stderr: &str) {
    let Some(said) = said_by_remote(stderr) else { return };
    for reason in statuses.iter_mut().filter_map(|status| status.result.as_mut().err()) {
        if reason.starts_with(REFUSED) {
            *reason = format!("{reason}: {said}");
        }
    }
}

/// What the remote wrote, in one line.
fn said_by_remote(stderr: &str) -> Option<String> {
    let lines = stderr.lines().filter_map(|line| line.strip_prefix("remote: ")).map(str::trim);
    let said: Vec<&str> = lines.filter(|line| !line.is_empty()).take(MAX_SAID_LINES).collect();
    let said: String = said.join(" ").chars().take(MAX_SAID).collect();
    Some(said).filter(|said| !said.is_empty())
}

fn status_of(spec: &PushSpec, statuses: &[PushStatus], succeeded: bool) -> PushStatus {
    if let Some(status) = statuses.iter().find(|status| status.name == spec.name) {
        return status.clone();
    }
    let result = if succeeded { Ok(()) } else { Err("git reported no status for it".to_owned()) };
    PushStatus { name: spec.name.clone(), result }
}

/// Reads one line `<flag> TAB <from>:<to> TAB <summary>` of `git push --porcelain`.
fn parse_status(line: &[u8]) -> Option<PushStatus> {
    let mut fields = line.splitn(3, |byte| *byte == b'\t');
    let (flag, refs, summary) = (fields.next()?, fields.next()?, fields.next()?);
    let (_, name) = refs.rsplit_once_str(":")?;
    let summary = summary.to_str_lossy();
    let result = if flag == b"!" { Err(summary.into_owned()) } else { Ok(()) };
    Some(PushStatus { name: name.into(), result })
}

/// Removes user name and password from a URL; scp-like addresses keep their user, which is no
/// secret and without which they do not work.
#[must_use]
pub fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::{parse_status, without_credentials};

    #[test]
    fn removes_credentials_from_urls_and_nothing_else() {
        for (url, clean) in [
            ("https://user:token@example.org/a/b.git", "https://example.org/a/b.git"),
            ("https://example.org/a@b", "https://example.org/a@b"),
            ("git@example.org:a/b.git", "git@example.org:a/b.git"),
            ("/srv/git/a.git", "/srv/git/a.git"),
        ] {
            assert_eq!(without_credentials(url), clean);
        }
    }

    #[test]
    fn reads_the_porcelain_status_of_a_push() {
        let ok = parse_status(b"*\tabc:refs/x/y\t[new reference]").expect("a status line");
        assert_eq!((ok.name.as_slice(), ok.result.is_ok()), (b"refs/x/y".as_slice(), true));
        let stale = parse_status(b"!\tabc:refs/x/y\t[rejected] (stale info)").expect("a status line");
        assert_eq!(stale.result, Err("[rejected] (stale info)".to_owned()));
        assert!(parse_status(b"To /srv/remote.git").is_none());
        assert!(parse_status(b"Done").is_none());
    }
}
