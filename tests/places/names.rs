//! Branches with names that encodings, disks and people trip over.

use std::{collections::HashSet, ffi::OsString, os::unix::ffi::OsStringExt, path::PathBuf};

use crate::support::{ClaudeLog, Place, World};

const LEDGERS: &str = "refs/opensession/";

fn id(number: usize) -> String {
    format!("{number:08}-2222-4333-8444-555555555555")
}

/// Commits on a new branch what a session wrote there, and pushes it.
fn work_on(world: &World, work: &Place, branch: &[u8], number: usize) {
    let branch = OsString::from_vec(branch.to_vec());
    let git = |words: &[&str]| {
        let words = words.iter().map(OsString::from).chain([branch.clone()]).collect::<Vec<_>>();
        work.git(&words);
    };
    git(&["switch", "--quiet", "--no-track", "--force-create"]);
    ClaudeLog::new(world, work, &id(number)).prompt("Write.").writes(work, &format!("{number}.txt"), "a\n").save();
    work.commit_all("Write");
    assert_eq!(work.trailers("HEAD"), [id(number)]);
    git(&["push", "--quiet", "origin"]);
}

/// The ids of the sessions in the ledger `reference`.
fn sessions(place: &Place, reference: &str) -> Vec<String> {
    let id = |path: String| path.strip_suffix(".hail.jsonl")?.rsplit('/').next().map(str::to_owned);
    place.tree(reference).into_iter().filter_map(id).collect()
}

#[test]
fn a_branch_with_a_long_name_goes_the_whole_way() {
    let world = World::new();
    let (work, remote) = world.shared();
    let branch = "x".repeat(200);
    work_on(&world, &work, branch.as_bytes(), 1);
    let references = remote.references(LEDGERS);
    assert!(references.len() == 1 && references[0].starts_with("refs/opensession/branches/sha256-"), "{references:?}");
    let other = world.clone_of(&remote, "other");
    other.session(&["sync"]).ok();
    assert_eq!(other.json(&["log"])[0]["branch"], branch);
    assert_eq!(other.stored(), [id(1)]);
}

#[test]
#[cfg(target_os = "linux")]
fn branches_named_with_any_bytes_go_the_whole_way() {
    let world = World::new();
    let (work, remote) = world.shared();
    // No UTF-8; composed; decomposed; no UTF-8 and an encoding that begins with a dash.
    let names: [&[u8]; 4] = [b"gr\xfcn", "gr\u{fc}n".as_bytes(), "gru\u{308}n".as_bytes(), b"\xfb\xef\xbeodd"];
    for (number, name) in names.iter().enumerate() {
        work_on(&world, &work, name, number);
    }
    let references = remote.references(LEDGERS);
    assert_eq!(references.len(), names.len(), "{references:?}");
    assert_eq!(sessions(&remote, "refs/opensession/branches/----b2Rk"), [id(3)]);
    let other = world.clone_of(&remote, "other");
    other.session(&["sync"]).ok();
    let log = other.json(&["log"]);
    for row in log.as_array().expect("an array") {
        let number = row["id"].as_str().and_then(|id| id[..8].parse::<usize>().ok()).expect("a number");
        assert_eq!(row["branch"], String::from_utf8_lossy(names[number]).as_ref(), "{log}");
    }
    assert_eq!(other.stored(), (0..names.len()).map(id).collect::<Vec<_>>());
}

/// Two branches whose encodings, `ZmVhdDFh` and `ZmVhdDFH`, differ only in case: their ledgers go to a
/// remote, into a clone, and away.
fn similar_branches_go_the_whole_way(world: &World, work: &Place, remote: &Place, clone: &str) {
    let ledgers = ["refs/opensession/branches/ZmVhdDFH", "refs/opensession/branches/ZmVhdDFh"];
    let are_apart = |place: &Place| {
        let names =
            place.references("refs/opensession/").into_iter().chain(place.references("refs/opensession-remote/"));
        let names: Vec<String> = names.map(|name| name.to_ascii_lowercase()).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
    };
    work_on(world, work, b"feat1a", 1);
    work.git(&["switch", "--quiet", "--detach", "HEAD~1"]);
    work_on(world, work, b"feat1G", 2);
    are_apart(work);
    assert_eq!(remote.references(LEDGERS), ledgers);
    assert_eq!([sessions(remote, ledgers[0]), sessions(remote, ledgers[1])], [[id(2)], [id(1)]]);
    let branch = |place: &Place, id: &str| place.json(&["show", id])["ledger"]["branch"].clone();
    let other = world.place(clone);
    other.git(&["config", "core.ignoreCase", "true"]);
    other.session(&["sync", "--fetch-only"]).ok();
    other.session(&["sync", "--fetch-only"]).ok();
    for place in [work, &other] {
        are_apart(place);
        assert_eq!(place.stored(), [id(1), id(2)]);
        assert_eq!((branch(place, &id(1)), branch(place, &id(2))), ("feat1a".into(), "feat1G".into()));
        assert_eq!(place.references("refs/opensession-remote/").len(), 2);
    }
    // Each goes on for itself, and nothing of the other's comes along.
    work_on(world, work, b"feat1G", 3);
    assert_eq!(sessions(remote, ledgers[0]), [id(2), id(3)]);
    assert_eq!(sessions(remote, ledgers[1]), [id(1)]);
    work.git(&["switch", "--quiet", "main"]);
    work.git(&["branch", "--quiet", "-D", "feat1a"]);
    work.git(&["push", "--quiet", "origin", "--delete", "feat1a"]);
    work.session(&["cleanup", "run", "--apply", "--hidden-ttl-days", "0"]).ok();
    assert_eq!(remote.references(LEDGERS), [ledgers[0], "refs/opensession/branches/bWFpbg"]);
    assert_eq!(work.stored(), [id(2), id(3)]);
}

#[test]
fn branches_whose_encodings_differ_in_case_have_ledgers_of_their_own() {
    let world = World::new();
    let (work, remote) = world.shared();
    work.git(&["config", "core.ignoreCase", "true"]);
    world.clone_of(&remote, "other");
    similar_branches_go_the_whole_way(&world, &work, &remote, "other");
}

/// A disk in a file, mounted for as long as this lives.
struct Disk {
    folder: PathBuf,
    device: String,
    place: Place,
}

impl Disk {
    /// A disk that takes `a` for `A`: Linux has one in exFAT, root may mount it. `None` elsewhere.
    fn that_ignores_case(world: &World) -> Option<Self> {
        let place = world.place(".");
        let folder = world.place("disk").path;
        let run = |program: &str, arguments: &[&str]| {
            let script = format!("command -v {program} >/dev/null && exec {program} \"$@\"");
            let arguments: Vec<&str> = ["-c", &script, "sh"].into_iter().chain(arguments.iter().copied()).collect();
            Some(place.run("sh", &arguments)).filter(|ran| ran.code == 0)
        };
        run("truncate", &["-s", "64M", "image"])?;
        run("mkfs.exfat", &["image"])?;
        let device = run("losetup", &["-f", "--show", "image"])?.stdout.trim().to_owned();
        let mounted = run("mount.exfat-fuse", &[&device, "disk"]).or_else(|| run("mount", &[&device, "disk"]));
        let disk = Self { folder, device, place: place.clone() };
        mounted.map(|_| disk)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A capture in the background may still be at work there.
        for _ in 0..100 {
            if self.place.run("umount", &[&self.folder]).code == 0 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        self.place.run("losetup", &["-d", &self.device]);
    }
}

#[test]
fn a_disk_that_ignores_case_keeps_ledgers_apart() {
    let world = World::new();
    let disk = Disk::that_ignores_case(&world);
    if disk.is_none() {
        println!("no disk that ignores case can be mounted here (root, exfat): only the names were tested");
        return;
    }
    let remote = world.bare("remote.git");
    let work = world.repository("disk/work");
    assert_eq!(work.git(&["config", "core.ignoreCase"]), "true\n");
    work.write("README.md", "# Work\n");
    work.commit_all("Begin");
    work.git(&["remote", "add", "origin", &remote.path.display().to_string()]);
    work.git(&["push", "--quiet", "--set-upstream", "origin", "main"]);
    work.session(&["hooks", "install"]).ok();
    world.clone_of(&remote, "disk/other");
    similar_branches_go_the_whole_way(&world, &work, &remote, "disk/other");
}

#[test]
fn a_path_that_is_too_long_is_named() {
    let world = World::new();
    let work = world.repository("work");
    let name = "x".repeat(300);
    let deep = format!("{}/log.jsonl", vec!["folder"; 700].join("/"));
    for arguments in [vec!["parse", &name], vec!["parse", &deep], vec!["-C", &name, "log"], vec!["-C", &deep, "log"]] {
        let ran = work.session(&arguments);
        let long = arguments.iter().max_by_key(|argument| argument.len()).expect("an argument");
        assert!(ran.code != 0 && ran.stderr.contains(*long), "{ran}");
    }
}
