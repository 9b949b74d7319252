//! Lists the logs of all agents.

use std::{path::Path, time::SystemTime};

use crate::{
    agents::{self, Agent, LogFile, Scope, is_own},
    environment::Environment,
    git::Repository,
};

/// The logs of all agents that were modified since `since`, from metadata alone, without those that git tracks.
///
/// The name of a log's folder says where its session was started. A session may change files of any repository, and
/// the name may be that of a symbolic link or cut, so it leaves out nothing.
#[must_use]
pub fn recent(
    environment: &Environment,
    repository: &Repository,
    work_tree: &Path,
    since: Option<SystemTime>,
) -> Vec<(&'static dyn Agent, LogFile)> {
    let logs = |agent: &&'static dyn Agent| {
        let agent = *agent;
        let scope = Scope { folder: agent.is_local().then_some(work_tree), since, ..Scope::default() };
        agent.logs(environment, &scope).into_iter().map(move |log| (agent, log))
    };
    let found = agents::ALL.iter().flat_map(logs);
    found.filter(|(agent, log)| is_own(Some(repository), *agent, &log.path)).collect()
}
