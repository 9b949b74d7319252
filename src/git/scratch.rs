//! A repository beside this one, for what is fetched to be looked at and for what is made of it. It
//! has all objects of this one, and none of its own gets into this one.

use std::{fs, path::PathBuf, time::Duration};

use super::{GitError, Repository, error::During};

/// The committer where none is configured, as on a CI machine.
const FALLBACK: (&str, &str) = ("git session cleanup", "git-session@localhost");

/// A bare repository that ends with this value.
pub struct Scratch {
    folder: tempfile::TempDir,
    /// The repository.
    pub repository: Repository,
}

impl Scratch {
    pub(super) fn objects(&self) -> PathBuf {
        self.folder.path().join("objects")
    }
}

impl Repository {
    /// Makes a scratch repository. Commits in it are by whoever commits here.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn scratch(&self) -> Result<Scratch, GitError> {
        const ACTION: &str = "making a temporary repository";
        let folder = tempfile::Builder::new().prefix("git-session-").tempdir().during(ACTION)?;
        let own = self.gix.objects.store_ref().path();
        let own = own.canonicalize().unwrap_or_else(|_| own.to_owned());
        let identity = self.gix.committer().and_then(Result::ok);
        let (name, email) = identity.map_or_else(
            || (FALLBACK.0.to_owned(), FALLBACK.1.to_owned()),
            |identity| (identity.name.to_string(), identity.email.to_string()),
        );
        let (version, hash) = match self.gix.object_hash() {
            gix::hash::Kind::Sha1 => (0, String::new()),
            other => (1, format!("[extensions]\n\tobjectFormat = {other}\n")),
        };
        let quoted = |text: String| text.replace('\\', "\\\\").replace('"', "\\\"");
        let config = format!(
            "[core]\n\trepositoryFormatVersion = {version}\n\tbare = true\n{hash}[user]\n\tname = \"{}\"\n\temail = \"{}\"\n",
            quoted(name),
            quoted(email)
        );
        for name in ["objects/info", "objects/pack", "refs/heads"] {
            fs::create_dir_all(folder.path().join(name)).during(ACTION)?;
        }
        let alternates = format!("{}\n", own.display());
        for (name, content) in
            [("HEAD", "ref: refs/heads/none\n"), ("config", &config), ("objects/info/alternates", &alternates)]
        {
            fs::write(folder.path().join(name), content).during(ACTION)?;
        }
        let repository = Self::open(folder.path())?;
        Ok(Scratch { folder, repository })
    }

    /// This repository, with a committer where none is configured.
    ///
    /// # Errors
    /// When its configuration cannot be changed for this process.
    pub fn with_committer(&self) -> Result<Self, GitError> {
        const ACTION: &str = "naming a committer";
        let mut gix = self.gix.clone();
        if gix.committer().is_none_or(|found| found.is_err()) {
            let mut config = gix.config_snapshot_mut();
            config.set_raw_value("user.name", FALLBACK.0).during(ACTION)?;
            config.set_raw_value("user.email", FALLBACK.1).during(ACTION)?;
            config.commit().during(ACTION)?;
        }
        Ok(Self { gix, ..self.clone() })
    }

    /// Fetches what `names` of `remote` have into `scratch` and checks every object; no reference gets
    /// it. With `filter`, what that leaves out stays where it is, if the remote can do so.
    ///
    /// # Errors
    /// When the remote cannot be reached or sends something broken.
    pub fn fetch_into(
        &self,
        scratch: &Scratch,
        (remote, names): (&str, &[String]),
        filter: Option<&str>,
        limit: Duration,
    ) -> Result<(), GitError> {
        let mut arguments: Vec<String> =
            ["-c", "fetch.fsckObjects=true", "-c", "fetch.writeCommitGraph=false"].map(str::to_owned).into();
        if let Some(filter) = filter.filter(|_| self.remotes().iter().any(|name| name == remote && !name.contains('=')))
        {
            // The option `--filter` would make a partial clone of this repository, for good.
            for setting in
                [format!("remote.{remote}.promisor=true"), format!("remote.{remote}.partialCloneFilter={filter}")]
            {
                arguments.extend(["-c".to_owned(), setting]);
            }
        }
        let options = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--recurse-submodules=no",
            "--refmap=",
            "--stdin",
            "--end-of-options",
            remote,
        ];
        arguments.extend(options.map(str::to_owned));
        let list: String = names.iter().map(|name| format!("{name}\n")).collect();
        let objects = scratch.objects();
        let fetch = self.git(&arguments).env("GIT_OBJECT_DIRECTORY", &objects.to_string_lossy());
        fetch.input(list.into_bytes()).limit(limit).run()?.require().map(drop)
    }
}
