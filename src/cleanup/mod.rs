//! The janitor: a pure [`plan()`], then a [`sweep`] that deletes exactly what was examined.
//!
//! A provider of CI is one file and one line in [`PROVIDERS`].

mod budget;
mod config;
mod cron;
mod examine;
mod expire;
mod generic;
mod github;
mod gitlab;
mod include;
mod job;
mod ledger_facts;
mod managed;
mod model;
mod needed;
mod plan;
mod promote;
mod same_changes;
mod setup;
mod staging;
mod sweep;

pub use config::{AUTO, CONFIG_PATH, Config, Loaded, MAX_DAYS, parse_size};
pub use cron::Cron;
pub use examine::{Place, examine};
pub use job::{Install, Job, SCHEDULE};
pub use managed::{Managed, State};
pub use model::{
    Artifact, Candidate, Facts, Kept, LedgerFacts, Need, Plan, Policy, SessionCandidate, SessionFacts, Sessions,
};
pub use plan::plan;
pub use setup::{Setup, by_name, detect, known_job, setup};
pub use sweep::{Moved, Sweep, freed_by_gc, sweep};

/// Every provider; the last one serves wherever no other recognises the remote.
pub static PROVIDERS: &[&dyn Provider] = &[&github::GitHub, &gitlab::GitLab, &generic::Generic];

/// A host whose CI can run the janitor.
pub trait Provider: Sync {
    /// The name in configuration and on the command line.
    fn name(&self) -> &'static str;

    /// Whether a remote with this URL is its.
    fn recognises(&self, url: &str) -> bool;

    /// What to grant when the host refuses a deletion.
    fn permission_hint(&self) -> &'static str;

    /// The files that its jobs are made of: each path from the root of the work tree, and the content.
    fn files(&self, job: &Job) -> Vec<(&'static str, String)>;

    /// Whether the jobs install this program.
    fn installs(&self) -> bool {
        true
    }

    /// The files that somebody else's file has to include.
    fn included(&self) -> &'static [&'static str] {
        &[]
    }

    /// A file or folder whose presence tells that a repository is used with this provider.
    fn sign(&self) -> Option<&'static str> {
        None
    }

    /// What a person has to do so that the jobs run.
    fn next_steps(&self) -> &'static [&'static str];
}

/// The provider of a remote.
#[must_use]
pub fn provider_of(url: &str) -> &'static dyn Provider {
    let found = PROVIDERS.iter().copied().find(|provider| provider.recognises(url));
    found.unwrap_or(&generic::Generic)
}

/// The host of a URL, of a URL-like address or of an scp-like one, in lower case.
fn host(url: &str) -> Option<String> {
    let rest = match url.split_once("://") {
        Some((_, rest)) => rest.split('/').next()?,
        None => url.split_once(':').filter(|(host, _)| !host.contains('/'))?.0,
    };
    let host = rest.rsplit('@').next()?.split(':').next()?;
    Some(host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::provider_of;

    #[test]
    fn every_provider_names_what_to_grant() {
        let hint = |url| provider_of(url).permission_hint();
        assert!(hint("https://github.com/a/b").contains("contents: write"));
        assert!(hint("https://gitlab.com/a/b").contains("job token"));
        assert!(hint("/srv/git/a.git").contains("refs/opensession/"));
    }

    #[test]
    fn recognises_hosts_by_name_self_hosted_ones_included() {
        for (url, name) in [
            ("https://github.com/a/b.git", "github"),
            ("git@github.example.org:a/b.git", "github"),
            ("ssh://git@gitlab.example.org:2222/a/b", "gitlab"),
            ("https://gitlab.com/a/b", "gitlab"),
            ("/srv/git/github.com.git", "generic"),
            ("https://example.org/github/b", "generic"),
        ] {
            assert_eq!(provider_of(url).name(), name, "{url}");
        }
    }
}
