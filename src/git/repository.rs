//! Opening a repository and knowing where it is.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use gix::{
    bstr::{BString, ByteSlice},
    odb::store::init::Slots,
    open::Options,
    sec::{
        Trust,
        trust::{DefaultForLevel, Mapping},
    },
};

use super::{GitError, ObjectId, command_config, embedded, error::During};

/// An opened repository.
#[derive(Clone)]
pub struct Repository {
    pub(super) gix: gix::Repository,
    pub(super) uses_reftable: bool,
    /// How many bytes of blobs were read.
    pub(super) inflated: Cell<u64>,
    /// The trees that are not too large to be read.
    pub(super) checked_trees: RefCell<HashSet<ObjectId>>,
    /// The first lines of blobs that were looked into.
    pub(super) first_lines: RefCell<HashMap<ObjectId, Vec<u8>>>,
    /// Whether [`Repository::has_blob`] may ask the remote that promised an object.
    pub(super) fetches_missing: bool,
}

/// How many packs may come in while a repository is open: each fetch brings some, and gix would not see
/// the objects of one that has no slot.
const NEW_PACKS: usize = 512;

/// What HEAD points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The branch name without `refs/heads/`, unless detached.
    pub branch: Option<BString>,
    /// The commit, unless the branch is unborn.
    pub commit: Option<ObjectId>,
}

/// The same options, with slots for the packs that fetches bring.
fn roomy(options: Options) -> Options {
    options.object_store_slots(Slots::AsNeededByDiskState { multiplier: 2.0, minimum: NEW_PACKS })
}

impl Repository {
    /// Opens the repository that git would use in `directory`: `GIT_DIR` and the variables beside it are
    /// honoured, as a hook needs it.
    ///
    /// # Errors
    /// When there is none, it belongs to another user, or it is a bare one that a clone may have brought.
    pub fn discover(directory: &Path) -> Result<Self, GitError> {
        embedded::check(directory)?;
        let found = gix::ThreadSafeRepository::discover_with_environment_overrides_opts(
            directory,
            gix::discover::upwards::Options::default(),
            Mapping {
                full: roomy(Options::default_for_level(Trust::Full)),
                reduced: roomy(Options::default_for_level(Trust::Reduced)),
            },
        );
        let mut gix = found.map_err(|fault| refusal(directory, &fault))?.to_thread_local();
        let is_bare = gix.config_snapshot().boolean("core.bare").unwrap_or(true);
        if gix.workdir().is_none() && !is_bare && !is_inside(directory, gix.git_dir()) {
            // git's rule for a `GIT_DIR` without a work tree: it is where the command was started.
            gix.set_workdir(directory.to_owned()).during("opening the work tree")?;
        }
        Self::admit(gix)
    }

    /// Opens the repository at exactly `directory`, whatever the environment says.
    ///
    /// # Errors
    /// When there is none, or it belongs to another user.
    pub fn open(directory: &Path) -> Result<Self, GitError> {
        let gix = gix::open_opts(directory, roomy(Options::default()))
            .map_err(|_| GitError::NotARepository { directory: directory.to_owned() })?;
        Self::admit(gix)
    }

    fn admit(mut gix: gix::Repository) -> Result<Self, GitError> {
        // git refuses a repository of somebody else (`safe.directory`); gix only lowers its trust.
        if gix.git_dir_trust() != Trust::Full {
            return Err(GitError::NotTrusted { directory: gix.git_dir().to_owned() });
        }
        command_config::apply(&mut gix)?;
        gix.object_cache_size_if_unset(4 * 1024 * 1024);
        let uses_reftable =
            gix.config_snapshot().string("extensions.refStorage").is_some_and(|kind| kind.as_bstr() == "reftable");
        let (inflated, checked_trees, first_lines) = (Cell::new(0), RefCell::default(), RefCell::default());
        Ok(Self { gix, uses_reftable, inflated, checked_trees, first_lines, fetches_missing: false })
    }

    /// The same repository, for a command whose purpose is to show what may have to be fetched first.
    #[must_use]
    pub fn fetching_missing(&self) -> Self {
        Self { fetches_missing: true, ..self.clone() }
    }

    /// The root of the work tree; `None` in a bare repository.
    #[must_use]
    pub fn work_tree(&self) -> Option<&Path> {
        self.gix.workdir()
    }

    /// The roots of every work tree of the repository, this one first.
    #[must_use]
    pub fn work_trees(&self) -> Vec<PathBuf> {
        let mut roots: Vec<PathBuf> = self.work_tree().map(Path::to_owned).into_iter().collect();
        let main = self.gix.main_repo().ok().and_then(|main| main.workdir().map(Path::to_owned));
        let linked = self.gix.worktrees().unwrap_or_default();
        roots.extend(main);
        roots.extend(linked.iter().filter_map(|proxy| proxy.base().ok()));
        let mut seen = std::collections::HashSet::new();
        roots.retain(|root| seen.insert(root.canonicalize().unwrap_or_else(|_| root.clone())));
        roots
    }

    /// The HEAD of every work tree, this one's among them, as far as a commit is checked out.
    ///
    /// # Errors
    /// When git does not run.
    pub fn work_tree_heads(&self) -> Result<Vec<Head>, GitError> {
        let listed = self.git(&["worktree", "list", "--porcelain"]).run()?.require()?;
        let mut heads: Vec<Head> = Vec::new();
        for line in listed.raw_stdout.lines() {
            if let Some(id) = line.strip_prefix(b"HEAD ") {
                heads.push(Head { branch: None, commit: ObjectId::from_hex(id).ok().filter(|id| !id.is_null()) });
            } else if let (Some(name), Some(head)) = (line.strip_prefix(b"branch "), heads.last_mut()) {
                head.branch = Some(short_branch(name.into()));
            }
        }
        Ok(heads)
    }

    /// The git directory of this work tree.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        self.gix.git_dir()
    }

    /// The git directory that all work trees share, canonical.
    #[must_use]
    pub fn common_dir(&self) -> PathBuf {
        let path = self.gix.common_dir();
        path.canonicalize().unwrap_or_else(|_| path.to_owned())
    }

    /// The folder for this tool's own state, shared by all work trees. It is made when first
    /// written to.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.common_dir().join("opensession")
    }

    /// Whether names of references that differ only in case are one file here.
    #[must_use]
    pub fn folds_case(&self) -> bool {
        !self.uses_reftable && self.config_flag("core.ignoreCase") == Some(true)
    }

    /// Whether there is no work tree.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.gix.workdir().is_none()
    }

    /// Whether a part of history is missing, or that cannot be told.
    #[must_use]
    pub fn is_shallow(&self) -> bool {
        self.gix.is_shallow().unwrap_or(true)
    }

    /// Reads HEAD.
    ///
    /// # Errors
    /// When HEAD cannot be read.
    pub fn head(&self) -> Result<Head, GitError> {
        if self.uses_reftable {
            return self.head_by_process();
        }
        let head = self.gix.head().during("reading HEAD")?;
        let branch = head.referent_name().map(|name| short_branch(name.as_bstr()));
        let commit = head.id().map(gix::Id::detach);
        Ok(Head { branch, commit })
    }

    fn head_by_process(&self) -> Result<Head, GitError> {
        let symbolic = self.git(&["symbolic-ref", "--quiet", "HEAD"]).run()?;
        let branch = symbolic.success().then(|| short_branch(symbolic.stdout.trim().into()));
        let commit = self.git(&["rev-parse", "--verify", "--quiet", "HEAD"]).run()?;
        let commit = ObjectId::from_hex(commit.stdout.trim().as_bytes()).ok();
        Ok(Head { branch, commit })
    }

    /// The zero object id, of the right length for this repository.
    #[must_use]
    pub fn null_id(&self) -> ObjectId {
        self.gix.object_hash().null()
    }

    /// Parses a full object id of this repository's hash.
    #[must_use]
    pub fn parse_id(&self, hex: &str) -> Option<ObjectId> {
        ObjectId::from_hex(hex.as_bytes()).ok().filter(|id| id.kind() == self.gix.object_hash())
    }
}

fn is_inside(directory: &Path, folder: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    real(directory).starts_with(real(folder))
}

/// Tells where there is no repository from where there is one that cannot be opened.
fn refusal(directory: &Path, fault: &(dyn std::error::Error + 'static)) -> GitError {
    let is_there = directory.ancestors().any(|folder| folder.join(".git").exists() || folder.join("HEAD").is_file());
    if is_there {
        GitError::failed("opening the repository", fault)
    } else {
        GitError::NotARepository { directory: directory.to_owned() }
    }
}

fn short_branch(name: &gix::bstr::BStr) -> BString {
    name.strip_prefix(b"refs/heads/").unwrap_or(name).into()
}
