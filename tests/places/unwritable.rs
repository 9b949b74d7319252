//! References that nobody here may write: what is said names the reference, the folder, why, and a command.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::ID;
use crate::support::{ClaudeLog, Place, Ran, World};

const LEDGER: &str = "refs/opensession/branches/bWFpbg";

/// A folder in which nothing can be made, until it is dropped. Permissions do not hold root back, so that for root it
/// is one of the system's own, in which the kernel lets nobody make a file.
struct Unwritable {
    folder: PathBuf,
    aside: Option<PathBuf>,
}

impl Unwritable {
    /// Makes `folder` of the git directory, in which there are no files, unwritable.
    fn new(work: &Place, folder: &str) -> Self {
        let folder = work.join(".git").join(folder);
        assert!(!is_refused(&folder.join("probe")), "{} is unwritable already", folder.display());
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).expect("a mode");
        if is_refused(&folder.join("probe")) {
            return Self { folder, aside: None };
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("a mode");
        let aside = work.join("../aside");
        fs::rename(&folder, &aside).expect("the folder is put aside");
        let closed = closed_folder().expect("as root this needs /sys; run it as a user who is not root");
        std::os::unix::fs::symlink(closed, &folder).expect("a link");
        Self { folder, aside: Some(aside) }
    }
}

impl Drop for Unwritable {
    fn drop(&mut self) {
        let _ = match &self.aside {
            Some(aside) => fs::remove_file(&self.folder).and_then(|()| fs::rename(aside, &self.folder)),
            None => fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o755)),
        };
    }
}

/// Whether no file can be made there, by right and not since something is in the way.
fn is_refused(file: &Path) -> bool {
    match fs::File::create(file) {
        Ok(_) => {
            fs::remove_file(file).expect("the file goes");
            false
        }
        Err(fault) => matches!(fault.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem),
    }
}

/// An empty folder of the kernel's in which nobody can make a file.
fn closed_folder() -> Option<PathBuf> {
    let folders =
        ["/sys/kernel", "/sys/class"].into_iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten());
    let is_empty = |folder: &PathBuf| fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    folders.flatten().map(|entry| entry.path()).find(|folder| is_empty(folder) && is_refused(&folder.join("probe")))
}

fn session(world: &World, work: &Place) -> ClaudeLog {
    ClaudeLog::new(world, work, ID).prompt("Write.").writes(work, "a.txt", "a\n")
}

#[track_caller]
fn is_told(work: &Place, ran: &Ran, folder: &str) {
    let folder = work.join(".git").join(folder).display().to_string();
    assert_eq!(ran.code, 1, "{ran}");
    let said = ran.stderr.lines().find(|line| line.contains("cannot be written")).unwrap_or_else(|| panic!("{ran}"));
    let expected = format!("the reference {LEDGER} cannot be written: {folder}: ");
    assert!(said.contains(&expected), "{expected}: {said}");
    let cause = said.split(&expected).nth(1).unwrap_or_default();
    assert!(cause.starts_with("Permission denied") || cause.starts_with("Read-only file system"), "{said}");
    let hint = format!("hint: to store sessions, make it writable: ls -ld '{folder}'");
    assert!(ran.stderr.contains(&hint), "{hint}: {ran}");
    work.run("sh", &["-c", hint.split("writable: ").nth(1).expect("a command")]).ok();
}

#[test]
fn where_the_first_ledger_cannot_be_made_the_folder_that_refuses_is_named() {
    let world = World::new();
    let (work, _) = world.shared();
    session(&world, &work).save();
    work.git(&["pack-refs", "--all", "--prune"]);
    for folder in ["refs/heads", "refs/tags", "refs/remotes"] {
        let _ = fs::remove_dir_all(work.join(".git").join(folder));
    }
    let closed = Unwritable::new(&work, "refs");
    let ran = work.session(&["capture"]);
    is_told(&work, &ran, "refs");
    assert_eq!(work.json(&["log", "--all"]), serde_json::json!([]), "reading works");
    drop(closed);
    work.session(&["capture"]).ok();
    assert_eq!(work.stored(), [ID]);
}

#[test]
fn where_a_ledger_cannot_be_updated_it_is_said_and_stays_as_it_is() {
    let world = World::new();
    let (work, _) = world.shared();
    session(&world, &work).save();
    work.session(&["capture"]).ok();
    work.git(&["pack-refs", "--all", "--prune"]);
    fs::create_dir_all(work.join(".git/refs/opensession/branches")).expect("a folder");
    let before = work.git(&["rev-parse", LEDGER]);
    session(&world, &work).answer("Done.").save();
    let closed = Unwritable::new(&work, "refs/opensession/branches");
    is_told(&work, &work.session(&["capture"]), "refs/opensession/branches");
    is_told(&work, &work.session(&["purge", ID, "--yes"]), "refs/opensession/branches");
    // The hooks are in nobody's way.
    work.commit_all("Write");
    assert_eq!(work.trailers("HEAD"), [ID]);
    work.git(&["push", "--quiet"]);
    assert_eq!((work.git(&["rev-parse", LEDGER]), work.stored()), (before, vec![ID.to_owned()]));
    drop(closed);
    work.session(&["capture"]).ok();
    assert_ne!(work.git(&["rev-parse", LEDGER]), "");
}

/// What expires is noted in the ledger of the default branch before anything is deleted.
#[test]
fn where_the_janitor_can_note_nothing_it_deletes_nothing_and_says_why() {
    let world = World::new();
    let (work, _) = world.shared();
    work.git(&["switch", "--quiet", "--create", "gone"]);
    session(&world, &work).save();
    work.session(&["capture"]).ok();
    work.git(&["switch", "--quiet", "main"]);
    work.git(&["branch", "--quiet", "-D", "gone"]);
    work.git(&["pack-refs", "--all", "--prune"]);
    fs::create_dir_all(work.join(".git/refs/opensession/branches")).expect("a folder");
    let ledgers = work.references("refs/opensession/");
    assert_eq!(ledgers.len(), 1);
    let run = ["cleanup", "run", "--local", "--apply", "--hidden-ttl-days", "0"];
    let closed = Unwritable::new(&work, "refs/opensession/branches");
    is_told(&work, &work.session(&run), "refs/opensession/branches");
    assert_eq!(work.references("refs/opensession/"), ledgers);
    drop(closed);
    work.session(&run).ok();
    assert_ne!(work.references("refs/opensession/"), ledgers);
}
