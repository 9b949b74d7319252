//! What the documentation says is tested is tested.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    path::Path,
};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(fs::read_to_string(&path).expect("a source file"));
        }
    }
}

/// The names of all functions that follow `#[test]`, in `src` and `tests`.
fn tests() -> HashSet<String> {
    let mut found = Vec::new();
    for folder in ["src", "tests"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    }
    let mut names = HashSet::new();
    for source in found {
        let mut is_test = false;
        for line in source.lines().map(str::trim_start) {
            is_test |= line == "#[test]";
            if let Some(name) = line.strip_prefix("fn ").filter(|_| is_test) {
                names.extend(name.split('(').next().map(str::to_owned));
                is_test = false;
            }
        }
    }
    names
}

/// The words in backticks that look like the name of a test.
fn named(text: &str) -> BTreeSet<&str> {
    // What is stored under a key of ours is named so too.
    let is_name = |word: &&str| {
        word.matches('_').count() >= 3
            && !word.starts_with("git_session_")
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    text.split('`').skip(1).step_by(2).filter(is_name).collect()
}

/// The rows `| <number> | … |` of a text.
fn rows(text: &str) -> Vec<(u32, &str)> {
    let number = |line: &str| line.strip_prefix("| ")?.split(" |").next()?.parse().ok();
    text.lines().filter_map(|line| Some((number(line)?, line))).collect()
}

#[test]
fn every_test_that_the_documentation_names_exists() {
    let tests = tests();
    for path in ["docs/security.md", "docs/format.md"] {
        let text = read(path);
        let missing: Vec<&str> = named(&text).into_iter().filter(|name| !tests.contains(*name)).collect();
        assert!(missing.is_empty(), "{path} names tests that do not exist: {missing:#?}");
        assert!(named(&text).len() > 5, "{path} names hardly any test");
    }
}

#[test]
fn every_promise_and_every_fault_names_a_test() {
    let text = read("docs/security.md");
    let (promises, faults) = text.split_once("## Faults").expect("a part on faults");
    for (part, last) in [(promises, 10), (faults, 48)] {
        let rows = rows(part);
        let numbers: BTreeSet<u32> = rows.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers.len(), rows.len(), "a row is there twice");
        let missing: Vec<u32> = (1..=last).filter(|number| !numbers.contains(number)).collect();
        assert!(missing.is_empty(), "rows are missing: {missing:?}");
        for (number, row) in rows {
            assert!(!named(row).is_empty(), "row {number} names no test");
        }
    }
}

/// The network is git's, and git is asked for the person's remotes only.
#[test]
fn no_code_of_ours_opens_a_connection() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    for source in found {
        for word in ["std::net", "TcpStream", "UdpSocket", "UnixStream"] {
            assert!(!source.contains(word), "{word} in {:?}", source.lines().next());
        }
    }
    let lock = read("Cargo.lock");
    let packages: HashSet<&str> =
        lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).collect();
    for package in
        ["reqwest", "hyper", "ureq", "curl", "curl-sys", "isahc", "attohttpc", "rustls", "native-tls", "tokio"]
    {
        assert!(!packages.contains(package), "{package} speaks to a network");
    }
}
