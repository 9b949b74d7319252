//! Remotes that are not simply one name for one repository.

use crate::support::{ClaudeLog, Place, World};

const MODES: [&str; 2] = ["hidden_ref", "git_notes"];

fn id(number: u32) -> String {
    format!("{number:08}-2222-4333-8444-555555555555")
}

fn commit_work(world: &World, place: &Place, number: u32) {
    let file = format!("file-{number}.txt");
    ClaudeLog::new(world, place, &id(number)).prompt("Write a file.").writes(place, &file, "content\n").save();
    place.commit_all(&format!("Write {file}"));
}

fn shared(mode: &str) -> (World, Place, Place) {
    let world = World::with_default_selection();
    let (work, remote) = world.shared();
    work.git(&["config", "opensession.fanout-mode", mode]);
    (world, work, remote)
}

fn url(place: &Place) -> String {
    place.path.display().to_string()
}

/// The sessions whose events a repository's own ledgers have.
fn sent(remote: &Place) -> Vec<String> {
    let ledgers = [remote.references("refs/opensession/"), remote.references("refs/notes/")].concat();
    let paths = ledgers.iter().flat_map(|reference| remote.tree(reference));
    let mut ids: Vec<String> =
        paths.filter_map(|path| Some(path.strip_suffix(".hail.jsonl")?.rsplit('/').next()?.to_owned())).collect();
    ids.sort();
    ids
}

/// Pushes, and insists that the program has nothing to complain about.
fn push(work: &Place, arguments: &[&str]) {
    let ran = work.run("git", &[&["push", "--quiet"], arguments].concat()).ok();
    assert!(!ran.stderr.contains("git session"), "{ran}");
}

#[test]
fn a_remote_that_is_pushed_to_another_repository_gets_the_sessions_there() {
    for mode in MODES {
        let (world, work, remote) = shared(mode);
        commit_work(&world, &work, 1);
        push(&work, &[]);
        let fork = world.bare("fork.git");
        work.git(&["remote", "set-url", "--push", "origin", &url(&fork)]);
        for number in 2..=3 {
            commit_work(&world, &work, number);
            push(&work, &["origin", "main"]);
        }
        assert_eq!(sent(&fork), [id(1), id(2), id(3)], "{mode}");
        assert_eq!(sent(&remote), [id(1)], "{mode}");
        // A second clone with the same settings takes part, and neither loses anything.
        let other = world.clone_of(&remote, "other");
        other.git(&["config", "opensession.fanout-mode", mode]);
        other.git(&["remote", "set-url", "--push", "origin", &url(&fork)]);
        other.git(&["pull", "--quiet", &url(&fork), "main"]);
        commit_work(&world, &other, 4);
        push(&other, &["origin", "main"]);
        assert_eq!(sent(&fork), [id(1), id(2), id(3), id(4)], "{mode}");
        work.git(&["pull", "--quiet", &url(&fork), "main"]);
        commit_work(&world, &work, 5);
        push(&work, &["origin", "main"]);
        let ran = work.session(&["sync"]).ok();
        assert!(!ran.stderr.contains("stale") && ran.stdout.contains("up to date"), "{mode}: {ran}");
        assert_eq!(sent(&fork).len(), 5, "{mode}");
        assert_eq!(sent(&remote), [id(1)], "{mode}");
    }
}

#[test]
fn every_one_of_several_push_urls_gets_the_sessions() {
    for mode in MODES {
        let (world, work, remote) = shared(mode);
        let mirror = world.bare("mirror.git");
        work.git(&["remote", "set-url", "--push", "origin", &url(&remote)]);
        work.git(&["remote", "set-url", "--add", "--push", "origin", &url(&mirror)]);
        for number in 1..=2 {
            commit_work(&world, &work, number);
            push(&work, &["origin", "main"]);
        }
        assert_eq!((sent(&remote), sent(&mirror)), (vec![id(1), id(2)], vec![id(1), id(2)]), "{mode}");
        commit_work(&world, &work, 3);
        work.with("OPENSESSION_DISABLE", "1").git(&["push", "--quiet", "origin", "main"]);
        work.session(&["sync"]).ok();
        assert_eq!((sent(&remote).len(), sent(&mirror).len()), (3, 3), "{mode}");
    }
}

#[test]
fn a_push_url_that_settings_rewrite_is_asked_as_it_is() {
    let (world, work, remote) = shared("hidden_ref");
    let fork = world.bare("fork.git");
    work.git(&["config", &format!("url.{}.pushInsteadOf", url(&fork)), &url(&remote)]);
    for number in 1..=2 {
        commit_work(&world, &work, number);
        push(&work, &["origin", "main"]);
    }
    assert_eq!((sent(&remote), sent(&fork)), (Vec::new(), vec![id(1), id(2)]));
}

#[test]
fn a_remote_that_is_renamed_stays_enabled_and_known() {
    for mode in MODES {
        let (world, work, remote) = shared(mode);
        commit_work(&world, &work, 1);
        push(&work, &[]);
        work.git(&["remote", "rename", "origin", "team/upstream"]);
        commit_work(&world, &work, 2);
        push(&work, &["team/upstream", "main"]);
        assert_eq!(sent(&remote), [id(1), id(2)], "{mode}");
        assert_eq!(work.git(&["config", "opensession.remotes"]), "team/upstream\n", "{mode}");
        assert_eq!(work.references("refs/opensession-remote/origin/"), [""; 0], "{mode}");
        assert_eq!(work.references("refs/opensession-remote/team/upstream/").len(), 1, "{mode}");
        let answer = work.json(&["sync"]);
        assert_eq!((&answer["remote"], &answer["pushed"]), (&"team/upstream".into(), &serde_json::json!([])), "{mode}");
    }
}

#[test]
fn a_remote_that_is_renamed_before_anything_was_pushed_stays_enabled() {
    let (world, work, remote) = shared("hidden_ref");
    work.git(&["config", "opensession.remotes", "elsewhere,origin"]);
    work.git(&["remote", "rename", "origin", "upstream"]);
    commit_work(&world, &work, 1);
    push(&work, &["upstream", "main"]);
    assert_eq!(sent(&remote), [id(1)]);
    assert_eq!(work.git(&["config", "opensession.remotes"]), "elsewhere,upstream\n");
    // Another remote under the old name is another remote.
    let fork = world.bare("fork.git");
    work.git(&["remote", "add", "origin", &url(&fork)]);
    commit_work(&world, &work, 2);
    push(&work, &["origin", "main"]);
    assert_eq!(sent(&fork), [""; 0]);
}

#[test]
fn a_destination_that_is_renamed_is_followed() {
    let (world, work, remote) = shared("hidden_ref");
    let private = world.bare("private.git");
    work.git(&["remote", "add", "private", &url(&private)]);
    work.git(&["config", "opensession.destination", "remote:private"]);
    commit_work(&world, &work, 1);
    push(&work, &[]);
    work.git(&["remote", "rename", "private", "vault"]);
    commit_work(&world, &work, 2);
    push(&work, &[]);
    assert_eq!((sent(&remote), sent(&private)), (Vec::new(), vec![id(1), id(2)]));
}

#[test]
fn remotes_whose_names_begin_alike_are_told_apart() {
    for mode in MODES {
        let (world, work, _) = shared(mode);
        let remotes: Vec<Place> = ["a", "a/b", "a/b/c"]
            .iter()
            .map(|name| {
                let place = world.bare(&format!("{}.git", name.replace('/', "-")));
                // Newer versions of git do not add one below another.
                work.git(&["config", &format!("remote.{name}.url"), &url(&place)]);
                work.git(&["config", &format!("remote.{name}.fetch"), &format!("+refs/heads/*:refs/remotes/{name}/*")]);
                place
            })
            .collect();
        work.git(&["config", "opensession.remotes", "a,a/b,a/b/c"]);
        commit_work(&world, &work, 1);
        for name in ["a/b/c", "a/b", "a"] {
            push(&work, &[name, "main"]);
        }
        commit_work(&world, &work, 2);
        for name in ["a/b", "a"] {
            push(&work, &[name, "main"]);
            work.session(&["sync", name]).ok();
        }
        let counts: Vec<usize> = remotes.iter().map(|remote| sent(remote).len()).collect();
        assert_eq!(counts, [2, 2, 1], "{mode}");
        // To rename the shortest leaves the others alone.
        work.git(&["config", "--rename-section", "remote.a", "remote.z"]);
        work.git(&["config", "--unset-all", "remote.z.fetch"]);
        commit_work(&world, &work, 3);
        push(&work, &["z", "main"]);
        push(&work, &["a/b/c", "main"]);
        let counts: Vec<usize> = remotes.iter().map(|remote| sent(remote).len()).collect();
        assert_eq!(counts, [3, 2, 3], "{mode}");
    }
}
