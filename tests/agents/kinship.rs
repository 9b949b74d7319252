//! No agent's log is taken for another's.

use std::path::PathBuf;

use git_session::agents::{self, Sample};

use super::{corpus::files_below, plain::fixture};

/// The fixtures of every agent but databases, which are made when they are read.
fn logs() -> Vec<(&'static str, PathBuf)> {
    let of = |name: &'static str| {
        let folder = fixture(name, "");
        let files = if folder.is_dir() { files_below(&folder) } else { Vec::new() };
        files.into_iter().map(move |path| (name, path))
    };
    let is_database = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "sql");
    agents::names().into_iter().flat_map(of).filter(|(_, path)| !is_database(path)).collect()
}

#[test]
fn every_fixture_is_of_its_own_agent_or_of_none() {
    let mut recognised = 0;
    for (name, path) in logs() {
        match agents::detect(&Sample::of(&path).expect("readable")) {
            Ok(agent) => {
                assert_eq!(agent.name(), name, "{}", path.display());
                recognised += 1;
            }
            // What lies beside a log is no log itself.
            Err(fault) => assert!(!fault.to_string().contains(" or "), "{}: {fault}", path.display()),
        }
    }
    assert!(recognised > 60, "{recognised} fixtures");
}

#[test]
fn an_agent_is_a_fork_of_one_that_there_is() {
    for agent in agents::ALL {
        let Some(parent) = agent.forked_from() else { continue };
        assert_ne!(parent, agent.name());
        assert!(agents::by_name(parent).is_ok(), "{} was made of {parent}", agent.name());
    }
}
